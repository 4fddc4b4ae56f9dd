"""Training a student of several questions again on all labelled texts."""

from __future__ import annotations

import logging
from pathlib import Path

from ..._internal.progress import Progress, no_progress
from ...data.corpus import Corpus
from ...multi_head import MultiHeadStudent
from ..config import DistillationConfig
from ..refit import calibrated_as, train_again, vocabulary_of_all
from .linear_parts import add_again
from .training import FittedHeads, JointTraining, joint_network, student_of_heads, without_class_weights

logger = logging.getLogger(__package__)


def refits_heads(training: JointTraining, config: DistillationConfig) -> bool:
    """Whether a student is trained again: it learnt from labels alone, a part of which was held out."""
    return config.refit and not training.labellings and training.material.own_validation


def refit_heads(
    fitted: FittedHeads,
    training: JointTraining,
    corpus: Corpus,
    config: DistillationConfig,
    folder: Path,
    checkpoint_dir: Path | None = None,
    progress: Progress = no_progress,
) -> MultiHeadStudent:
    """Train a student of several questions again, on training and validation texts together.

    As :func:`sparsedistill.pipeline.refit.refit`, with the calibration of each head.

    Args:
        fitted: The student that was trained without the validation texts.
        training: What it was trained on; there are no teachers.
        corpus: See there, as for the other arguments.
        config: See there.
        folder: See there.
        checkpoint_dir: See there.
        progress: See there.

    Returns:
        The student; that of `fitted` if its training did not improve on the initial weights.

    Raises:
        InputError: As :func:`~.training.fit_joint_student`.
    """
    material = training.material
    train, validation = material.train, material.validation
    assert train is not None  # noqa: S101 - the validation data are a part of the labelled texts
    assert validation is not None  # noqa: S101
    if not any(fitted.until):
        return fitted.student
    logger.info(f"Training again on all {len(train) + len(validation):,} labelled texts.")
    vocabulary = vocabulary_of_all(corpus, validation, folder, config, progress)
    weights = train_again(
        lambda member: joint_network(vocabulary, training, member),
        vocabulary,
        train.joined(validation).examples(),
        without_class_weights(config),
        fitted.until,
        checkpoint_dir,
        progress,
    )
    student = student_of_heads(weights, vocabulary, material)
    student = add_again(student, material, fitted.linear, config)
    return MultiHeadStudent.joined(
        {
            head.name: calibrated_as(fitted.student.head(head.name), student.head(head.name))
            for head in material.heads
        }
    )
