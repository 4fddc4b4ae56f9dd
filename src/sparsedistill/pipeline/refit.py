"""Training again on all labelled texts, with what the validation data chose."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from .._internal.progress import Progress, no_progress
from ..data.columns import Columns
from ..data.corpus import Corpus
from ..data.examples import Examples, examples_of
from ..data.inputs import write_corpus
from ..evaluation.calibration import calibrated
from ..model.weights import StudentWeights
from ..student import Student
from ..training.network import StudentNetwork
from ..training.trainer import train_without_validation
from ..vocabulary.vocabulary import Vocabulary
from .config import DistillationConfig
from .job_vocabulary import make_vocabulary
from .linear_part import with_linear_part
from .material import Material
from .members import mean_weights, members_of
from .student_training import FittedStudent, new_network, served_weights, student_of

logger = logging.getLogger(__package__)


def refits(material: Material, config: DistillationConfig) -> bool:
    """Whether a student that was trained on labels is trained again, on all of them."""
    return config.refit and material.own_validation


def refit(
    fitted: FittedStudent,
    material: Material,
    corpus: Corpus,
    config: DistillationConfig,
    folder: Path,
    checkpoint_dir: Path | None = None,
    progress: Progress = no_progress,
) -> Student:
    """Train a student again, on training and validation texts together.

    The settings, the number of steps and the calibration are those that the validation data chose before. A
    tenth more labels is worth more than a check that was made already.

    Args:
        fitted: The student that was trained without the validation texts.
        material: The labelled texts.
        corpus: Texts that its vocabulary was counted from; the validation texts are counted too.
        config: The settings.
        folder: Directory to write the validation texts and the vocabulary to.
        checkpoint_dir: Directory for checkpoints, from which an interrupted training resumes.
        progress: Shows the progress.

    Returns:
        The student; that of `fitted` if its training did not improve on the initial weights.

    Raises:
        InputError: As :func:`~.student_training.fit_student`.
    """
    validation = material.validation
    assert validation is not None  # noqa: S101 - a part of the labelled texts
    if not any(fitted.until):
        return fitted.student
    everything = material.all_labelled()
    logger.info(f"Training again on all {len(everything):,} labelled texts.")
    vocabulary = vocabulary_of_all(corpus, validation, folder, config, progress)
    weights = train_again(
        lambda member: new_network(vocabulary, material, member, fitted.scale),
        vocabulary,
        examples_of(everything),
        config,
        fitted.until,
        checkpoint_dir,
        progress,
    )
    student = student_of(weights, vocabulary, material)
    if fitted.linear is not None:
        model = fitted.linear.again(vocabulary, everything, config)
        student = with_linear_part(student, fitted.linear, model)
    return calibrated_as(fitted.student, student)


def train_again(
    untrained: Callable[[DistillationConfig], StudentNetwork],
    vocabulary: Vocabulary,
    examples: Examples,
    config: DistillationConfig,
    until: Sequence[float],
    checkpoint_dir: Path | None,
    progress: Progress,
) -> StudentWeights:
    """Train the networks of a student again.

    Args:
        untrained: Makes a network for the settings of one of them.
        vocabulary: The n-grams.
        examples: All labelled texts.
        config: The settings.
        until: For each network, the share of its steps that the validation data chose. A network with 0 is
            not trained.
        checkpoint_dir: Directory for checkpoints.
        progress: Shows the progress.

    Returns:
        The weights of the student, as :func:`~.members.mean_weights` makes them.
    """
    weights = []
    checkpoints = None if checkpoint_dir is None else checkpoint_dir / "all-labels"
    for member, share in zip(members_of(config, checkpoints), until, strict=True):
        network = untrained(member.config)
        if share:
            train_without_validation(
                network,
                vocabulary,
                examples,
                member.config.training,
                until=share,
                checkpoint_dir=member.folder,
                description=f"Training on all labels{member.which}",
                progress=progress,
            )
        weights.append(served_weights(network, vocabulary))
    return mean_weights(weights, until, pair=network.config.pair)


class HeldOut(Protocol):
    """Texts that were held out."""

    @property
    def texts(self) -> pa.Array:
        """Texts, large_string (n,)."""
        ...

    @property
    def text_pair(self) -> pa.Array | None:
        """Second texts of pairs."""
        ...


def vocabulary_of_all(
    corpus: Corpus, held_out: HeldOut, folder: Path, config: DistillationConfig, progress: Progress
) -> Vocabulary:
    """The n-grams of a corpus and of the texts that were held out of it."""
    names = Columns(corpus.columns.text, corpus.columns.text_pair)
    path = folder / "data" / "validation-texts.parquet"
    rest = write_corpus(path, names, held_out.texts, held_out.text_pair)
    return make_vocabulary(corpus.joined(rest), folder / "vocabulary-all", config, progress)


def calibrated_as(first: Student, student: Student) -> Student:
    """A student with the calibration that was fitted to another one."""
    record = first.evaluation.calibration or first.evaluation.line
    weights = student.weights
    if record is None or not isinstance(weights, StudentWeights):
        return student
    return calibrated(student, weights, record)
