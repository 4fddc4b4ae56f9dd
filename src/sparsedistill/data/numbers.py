"""When labels are numbers to predict, and not the names of classes."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

#: Up to this number of different labels, numbers are classes.
MOST_NUMBERED_CLASSES = 20
#: How programs write a number that is missing or not finite.
_NO_NUMBERS = ("nan", "-nan", "inf", "+inf", "-inf", "infinity", "-infinity")


def are_scores(labels: pa.Array) -> bool:
    """Whether labels without a given problem are numbers to predict.

    They are if more than :data:`MOST_NUMBERED_CLASSES` different ones occur, all are numbers, and some are
    not whole. Whole numbers, such as ratings from 0 to 5, are classes.

    Args:
        labels: large_string (n,), or for multi-label lists of them.
    """
    if not pa.types.is_large_string(labels.type):
        return False
    names = pc.unique(labels)
    if len(names) <= MOST_NUMBERED_CLASSES:
        return False
    try:
        numbers = pc.utf8_trim_whitespace(names).cast(pa.float64()).to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid:
        return False
    finite = numbers[np.isfinite(numbers)]
    return bool((finite != np.rint(finite)).any())


def missing_number(labels: pa.Array) -> str | None:
    """A label that says that a number is missing, such as ``nan``, if all others are numbers.

    Args:
        labels: large_string (n,), or for multi-label lists of them.
    """
    if not pa.types.is_large_string(labels.type):
        return None
    names = pc.unique(labels).to_pylist()
    missing = [name for name in names if name.lower() in _NO_NUMBERS]
    if not missing or len(missing) == len(names):
        return None
    try:
        numbers = [float(name) for name in names]
    except ValueError:
        return None
    return missing[0] if np.isfinite(numbers).any() else None


def announced(source: str) -> str:
    """What is logged if labels without a given problem are numbers to predict."""
    return (
        f"The labels in {source} are numbers with decimals: the student predicts a number. Set problem to "
        "single_label to make each of them a class."
    )
