"""Choose the settings of a job of several questions: the mean over the heads decides."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..._internal.progress import Progress, no_progress
from ...data.corpus import Corpus
from ...data.examples import Examples
from ...model.tuning import TuningRecord
from ..config import DistillationConfig
from ..tuning.file import found_settings
from ..tuning.settings import given_settings
from ..tuning.space import TUNED, Space
from ..tuning.trial import Trials, text_scores
from ..tuning.tune import search
from .folds import joint_folds
from .training import JointTraining, without_class_weights

_NEAR = 1.0  # standard errors from the best student within which the cheapest is chosen


def tuned_joint_settings(
    training: JointTraining,
    corpus: Corpus,
    config: DistillationConfig,
    output: Path,
    progress: Progress = no_progress,
) -> tuple[DistillationConfig, TuningRecord | None]:
    """Choose the settings of a job, or read the choice from its ``tuning.json``.

    A trial is scored as that of a job of one question, on each head by itself; its score is the mean.

    Args:
        training: What the student is trained on.
        corpus: Texts that vocabularies are counted from.
        config: Settings of the job.
        output: Output directory of the job.
        progress: Shows the progress.

    Returns:
        The settings, and what was tried; None if nothing was left to choose.

    Raises:
        InputError: The file is damaged, or a trial fails.
    """
    material = training.material

    def tune(folder: Path) -> TuningRecord | None:
        given = given_settings(config)
        if given.issuperset(TUNED):
            return None
        folds = joint_folds(training, config)
        space = Space(sum(folds[0].train.sizes), material.parts[-1].stop, "single_label", given, config)
        plain = without_class_weights(config)  # those of the heads are in their shapes
        trials = Trials(corpus, training.network_config, scores, folds, plain, folder)
        return search(space, trials, folds, given, config, _NEAR, progress)

    def scores(logits: NDArray[np.float32], texts: Examples) -> list[NDArray[np.float32]]:
        return head_scores(training, logits, texts)

    labels = [part.targets.logits for part in (material.train, material.validation) if part is not None]
    labels += [np.array(shape.class_weights or (), np.float32) for shape in training.shapes]
    return found_settings(tune, labels, corpus, config, output)


def head_scores(
    training: JointTraining, logits: NDArray[np.float32], texts: Examples
) -> list[NDArray[np.float32]]:
    """The scores of the texts that have a target, per head that has some: see :func:`text_scores`."""
    material, found = training.material, []
    for number, (head, part) in enumerate(zip(material.heads, material.parts, strict=True)):
        rows = np.flatnonzero(texts.weights[:, number])
        if len(rows):
            chosen = texts.take(rows)
            own = Examples(chosen.texts, text_pair=chosen.text_pair, logits=chosen.targets[:, part])
            found.append(text_scores(logits[rows, part], own, head.problem))
    return found
