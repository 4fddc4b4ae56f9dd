"""The kind of a problem: one class per text, any number of classes, or a number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .errors import InputError

#: What a model says of a text, named like the ``problem_type`` of transformers: exactly one class
#: (``"single_label"``), any number of classes (``"multi_label"``), or a number (``"regression"``).
Problem: TypeAlias = Literal["single_label", "multi_label", "regression"]

#: The names of the outputs of a regression, in the place of class names.
SCORE = ("score",)

_LONGEST_NAME = 1_000  # characters of a class name
_MOST_CLASSES = 100_000


def check_class_names(names: Sequence[str]) -> None:
    """Check that class names can be told apart and written.

    Raises:
        InputError: A name is no str, empty, longer than 1,000 characters, not Unicode, or occurs twice; or
            there are more than 100,000.
    """
    if not 1 <= len(names) <= _MOST_CLASSES:
        raise InputError(f"{len(names):,} class names were given: give 1 to {_MOST_CLASSES:,}.")
    known: set[str] = set()
    for name in names:
        if not isinstance(name, str):
            raise InputError(f"The class name {name!r} is a {type(name).__name__}: give strings.")
        if len(name) > _LONGEST_NAME:
            raise InputError(
                f"The class name {name[:20]!r}... has {len(name):,} characters: give names of at most "
                f"{_LONGEST_NAME:,}."
            )
        if not name:
            raise InputError("A class name is empty: name all classes.")
        if any("\ud800" <= character <= "\udfff" for character in name):
            raise InputError(f"The class name {name!r} is not valid Unicode: give another name.")
        if name in known:
            raise InputError(f"The class {name!r} is given twice: name each class once.")
        known.add(name)


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
