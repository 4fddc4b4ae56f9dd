"""How a label becomes the name of a class: one rule for files and for labels in memory.

- White space around a name is removed.
- A whole number is written without a fraction: ``1.0``, ``1`` and the string ``"1.0"`` are the class ``1``.
- True and False are the classes ``true`` and ``false``, also as the strings ``"True"`` and ``"False"``.
- NaN, infinity, None and empty names are no labels: an error with the row.
"""

from __future__ import annotations

import math
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from .._internal.texts import decoded, encodable
from ..errors import InputError


def class_names(names: pa.Array) -> pa.Array:
    """Names of classes, large_string (n,), of labels as strings; null and empty where there is no label."""
    names = pc.utf8_trim_whitespace(names)
    if pc.any(pc.match_substring_regex(names, r"^-?[0-9]+\.0+$|^(True|False|TRUE|FALSE)$")).as_py():
        names = pc.replace_substring_regex(names, r"^(-?[0-9]+)\.0+$", r"\1")
        names = pc.if_else(pc.equal(names, "-0"), "0", names)
        booleans = pc.is_in(names, value_set=pa.array(["True", "False", "TRUE", "FALSE"], pa.large_string()))
        names = pc.if_else(booleans, pc.utf8_lower(names), names)
    return names


def no_label(names: pa.Array, *, numbers: bool = False) -> pa.Array:
    """Where `names` has no label: null, empty, or NaN if they were `numbers`."""
    missing = pc.or_kleene(pc.is_null(names), pc.equal(names, ""))
    return pc.or_(missing, pc.fill_null(pc.equal(names, "nan"), False)) if numbers else missing


def labels_in_memory(labels: Any) -> pa.Array:
    """Labels in any container, as an Arrow array of one value or list per text.

    Raises:
        InputError: `labels` are of several types, or of a type that cannot be a label.
    """
    if isinstance(labels, str | bytes) or not hasattr(labels, "__iter__") or getattr(labels, "ndim", 1) == 0:
        raise InputError(f"The labels are a {type(labels).__name__}: pass a list with one label per text.")
    if hasattr(labels, "to_arrow"):
        labels = labels.to_arrow()
    elif hasattr(labels, "to_list"):
        labels = labels.to_list()
    if isinstance(labels, pa.ChunkedArray):
        labels = labels.combine_chunks()
    if isinstance(labels, pa.Array):
        return decoded(labels) if pa.types.is_dictionary(labels.type) else labels
    values = [getattr(value, "item", lambda value=value: value)() for value in labels]
    for i, value in enumerate(values):
        if isinstance(value, float) and math.isnan(value):
            values[i] = None
        elif isinstance(value, float) and math.isinf(value):
            raise InputError(f"Label {i} is {value}: give a finite number, or drop the text.")
        elif isinstance(value, str):
            values[i] = encodable(value)
        elif isinstance(value, set | frozenset):
            values[i] = sorted(value, key=str)
        elif isinstance(value, tuple):
            values[i] = list(value)
        elif type(value).__name__ in ("NAType", "NaTType"):  # pandas
            values[i] = None
        elif value is not None and not isinstance(value, str | bool | int | float | list):
            raise InputError(
                f"Label {i} has type {type(value).__name__}: pass strings, numbers or lists of strings."
            )
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        if any(isinstance(value, list) for value in values):
            raise InputError(
                "The labels are of different types, some of them lists: pass strings, or lists of strings."
            ) from None
        return pa.array([None if value is None else str(value) for value in values], pa.large_string())
