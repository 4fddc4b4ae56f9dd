"""The kind of a problem: one class per text, any number of classes, or a number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

#: What a model says of a text, named like the ``problem_type`` of transformers: exactly one class
#: (``"single_label"``), any number of classes (``"multi_label"``), or a number (``"regression"``).
Problem: TypeAlias = Literal["single_label", "multi_label", "regression"]

#: The names of the outputs of a regression, in the place of class names.
SCORE = ("score",)


def problem_of(outputs: Sequence[str], *, multi_label: bool) -> Problem:
    """The problem of a model with these outputs.

    Args:
        outputs: The class names, or :data:`SCORE` for a regression.
        multi_label: The classes do not exclude each other.
    """
    if tuple(outputs) == SCORE and not multi_label:
        return "regression"
    return "multi_label" if multi_label else "single_label"


def problem_of_labels(labels: NDArray[Any]) -> Problem:
    """What labels are, by their shape and type.

    Args:
        labels: Whole numbers (n,) of classes, 0 and 1 (n, classes) for multi-label, or floats (n,).
    """
    if labels.ndim == 2:
        return "multi_label"
    return "regression" if np.issubdtype(labels.dtype, np.floating) else "single_label"
