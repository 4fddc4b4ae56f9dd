"""The texts that trials of several questions are trained and scored on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ...data.labelled import Labelled
from ..config import DistillationConfig
from ..tuning.material import MOST_TEXTS, Fold, limited
from ..validation import validation_folds
from .material import JointMaterial, union_of
from .training import JointTraining


def joint_folds(training: JointTraining, config: DistillationConfig) -> list[Fold]:
    """Training data of the trials and held-out texts: labels, soft targets, or both.

    As for one question, there are folds where the validation data are a part of the labels, and are few for a
    question.
    """
    material, soft = training.material, training.soft_examples()
    held = None if material.validation is None else limited(material.validation.examples(), config)
    if soft is None:
        assert material.train is not None  # noqa: S101 - without teachers there are labels,
        assert held is not None  # noqa: S101 - and a part of them is held out
        return _folds_of_labels(material, config) or [Fold(material.train.examples(), (held,))]
    aside = soft.set_aside(min(config.validation_share, MOST_TEXTS / soft.sizes[0]), config.seed)
    training.repeat_labels(soft)
    return [Fold(soft, (aside,) if held is None else (held, aside))]


def _folds_of_labels(material: JointMaterial, config: DistillationConfig) -> list[Fold]:
    """Folds for cross-validation; none if each question has enough validation texts, or given ones."""
    if not material.own_validation:
        return []
    parts = [material.materials[name].all_labelled() for name in material.names]
    counts = [validation_folds(part, config.validation_share) for part in parts]
    if max(counts) == 1:
        return []
    texts, rows = union_of(material.heads, parts)
    folds = _fold_of_texts(parts, rows, min(count for count in counts if count > 1), config.seed)
    found = []
    for fold in range(folds.max() + 1):
        rest, held = (texts.select(np.flatnonzero(chosen)) for chosen in (folds != fold, folds == fold))
        if not held.targets.weights.any(axis=0).all() or not rest.targets.weights.any(axis=0).all():
            return []  # a question has too few texts for all folds
        found.append(Fold(rest.examples(), (held.examples(),)))
    return found


def _fold_of_texts(
    parts: Sequence[Labelled], rows: Sequence[NDArray[np.int64]], count: int, seed: int
) -> NDArray[np.int64]:
    """The fold that holds each text out, int64 (texts,); -1 for texts that none holds out.

    The classes of the question with the fewest texts are spread over the folds first. A text of several
    questions stays where the first of them has it.

    Args:
        parts: The labelled texts of each question.
        rows: Per question, the numbers of its texts among those of all questions.
        count: Number of folds.
        seed: Draws the texts.
    """
    texts = 1 + max(int(own.max()) for own in rows)
    folds, settled = np.full(texts, -1, np.int64), np.zeros(texts, bool)
    for part, own in sorted(zip(parts, rows, strict=True), key=lambda each: len(each[0])):
        new = np.flatnonzero(~settled[own])
        if len(new):
            folds[own[new]] = part.select(new).fold_numbers(count, seed)
            settled[own[new]] = True
    return folds
