"""Answers of a student as scores by label: what filters and taggers of corpora work with."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..model.answers import by_head
from ..model.predictions import TextClassifier
from ..multi_head import MultiHeadStudent


def label_names(student: TextClassifier | MultiHeadStudent) -> list[str]:
    """The labels of a student, in the order of :func:`scores_of`.

    They are its classes, or ``score`` for a number; for several questions ``QUESTION.CLASS``, and
    ``QUESTION`` for numbers.
    """
    names = []
    for head in student.heads:
        if head.problem == "regression":
            names.append(head.name or "score")
        else:
            names += [f"{head.name}.{label}" if head.name else label for label in head.classes]
    return names


def scores_of(
    student: TextClassifier | MultiHeadStudent, texts: Sequence[str], threads: int | None = None
) -> NDArray[np.float64]:
    """Probabilities, and numbers, of n texts by label, float64 (n, labels)."""
    found = by_head(student.score(texts, threads=threads))
    return np.concatenate([found[head.name].answers for head in student.heads], axis=1).astype(np.float64)
