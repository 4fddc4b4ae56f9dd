"""The kinds of columns: what text, labels and numbers have to be, whatever file they come from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import InputError

#: ``place(i)``: where row `i` stands, as ``FILE, line N``.
Place = Callable[[int], str]


@dataclass(frozen=True)
class Field:
    """A column that is wanted from a file.

    Attributes:
        role: What the column is to whoever asked: the name under which it comes back.
        name: The name that the column has in the file.
        kind: ``"text"`` (large_string), ``"label"`` (large_string, never empty), ``"labels"`` (list of
            large_string), ``"number"`` (float32, finite) or ``"numbers"`` (list of float32, finite).
        separator: What joins several labels where they stand in one string.
    """

    role: str
    name: str
    kind: str
    separator: str | None = None


def typed(raw: Any, field: Field, place: Place) -> pa.Array:
    """A column as its kind wants it.

    Args:
        raw: Array or chunked array of whatever type the file gave it.
        field: What is wanted.
        place: Where row `i` of `raw` stands, for messages.

    Raises:
        InputError: A value is missing or of another kind; the message names its place.
    """
    if isinstance(raw, pa.ChunkedArray):
        raw = raw.combine_chunks()
    if pa.types.is_dictionary(raw.type):
        raw = raw.cast(raw.type.value_type)
    return _TYPED[field.kind](raw, field, place)


def _typed_text(raw: pa.Array, field: Field, place: Place) -> pa.Array:
    for i in _where(pc.is_null(raw)):
        raise InputError(f"{place(i)}: {field.name!r} is missing or null: give every row a text.")
    if not _is_stringlike(raw.type):
        raise InputError(f"{place(0)}: {field.name!r} holds {raw.type}, not text: name another column.")
    return _utf8(raw, field, place)


def _typed_label(raw: pa.Array, field: Field, place: Place) -> pa.Array:
    names = _names(raw, field, place)
    for i in _where(pc.or_kleene(pc.is_null(names), pc.equal(names, ""))):
        raise InputError(f"{place(i)}: {field.name!r} is empty: give every row a label.")
    return names


def _typed_labels(raw: pa.Array, field: Field, place: Place) -> pa.Array:
    if not is_list(raw.type):
        raw = pc.split_pattern(pc.fill_null(_names(raw, field, place), ""), field.separator)
    parents = pc.list_parent_indices(raw).to_numpy()
    names = pc.utf8_trim_whitespace(_names(raw.flatten(), field, lambda i: place(int(parents[i]))))
    given = pc.fill_null(pc.not_equal(names, ""), False)
    counts = np.bincount(parents[given.to_numpy(zero_copy_only=False)], minlength=len(raw))
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), names.filter(given))


def _typed_number(raw: pa.Array, field: Field, place: Place) -> pa.Array:
    for i in _where(pc.is_null(raw)):
        raise InputError(f"{place(i)}: {field.name!r} is missing or null: give every row a number.")
    return _numbers(raw, field, place)


def _typed_numbers(raw: pa.Array, field: Field, place: Place) -> pa.Array:
    if not is_list(raw.type):
        raise InputError(f"{place(0)}: {field.name!r} holds {raw.type}: it has to hold lists of numbers.")
    for i in _where(pc.is_null(raw)):
        raise InputError(f"{place(i)}: {field.name!r} is missing or null: give every row its scores.")
    parents = pc.list_parent_indices(raw).to_numpy()
    numbers = _typed_number(raw.flatten(), field, lambda i: place(int(parents[i])))
    counts = np.bincount(parents, minlength=len(raw))
    for i in np.flatnonzero(counts != counts[:1])[:1]:
        raise InputError(
            f"{place(int(i))}: {field.name!r} holds {counts[i]} numbers, and {counts[0]} in other rows: "
            "give every row one a class."
        )
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), numbers)


_TYPED: dict[str, Callable[[pa.Array, Field, Place], pa.Array]] = {
    "text": _typed_text,
    "label": _typed_label,
    "labels": _typed_labels,
    "number": _typed_number,
    "numbers": _typed_numbers,
}


def _names(raw: pa.Array, field: Field, place: Place) -> pa.Array:
    """large_string, null where `raw` is: labels from strings, whole numbers, numbers or booleans."""
    kind = raw.type
    if _is_stringlike(kind):
        return _utf8(raw, field, place)
    if pa.types.is_boolean(kind) or _is_numeric(kind) or pa.types.is_null(kind):
        return raw.cast(pa.large_string())
    raise InputError(f"{place(0)}: {field.name!r} holds {kind}, which is no label: name another column.")


def _utf8(raw: pa.Array, field: Field, place: Place) -> pa.Array:
    try:
        strings = raw.cast(pa.large_string())
        if not pa.types.is_large_binary(raw.type):  # that cast has validated
            strings.validate(full=True)
    except pa.ArrowInvalid as error:
        for i, value in enumerate(raw.cast(pa.large_binary())):
            if value.is_valid and not _is_utf8(value.as_py()):
                raise InputError(
                    f"{place(i)}: {field.name!r} is not UTF-8: convert the file to UTF-8."
                ) from error
        raise
    return strings


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


def _numbers(raw: pa.Array, field: Field, place: Place) -> pa.Array:
    if _is_stringlike(raw.type):
        raw = _parsed(_utf8(raw, field, place), field, place)
    elif not _is_numeric(raw.type):
        raise InputError(f"{place(0)}: {field.name!r} holds {raw.type}, not numbers: name another column.")
    with np.errstate(over="ignore"):
        numbers = raw.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False).astype(np.float32)
    for i in np.flatnonzero(~np.isfinite(numbers))[:1]:
        raise InputError(f"{place(int(i))}: {field.name!r} is not a finite number: mend that row.")
    return pa.array(numbers)


def _parsed(strings: pa.Array, field: Field, place: Place) -> pa.Array:
    strings = pc.utf8_trim_whitespace(strings)
    try:
        return strings.cast(pa.float64())
    except pa.ArrowInvalid:
        for i in range(len(strings)):
            try:
                strings[i].cast(pa.float64())
            except pa.ArrowInvalid as error:
                raise InputError(
                    f"{place(i)}: {field.name!r} is {strings[i].as_py()[:40]!r}, not a number: mend that row."
                ) from error
        raise


def _is_stringlike(kind: pa.DataType) -> bool:
    types = pa.types
    return bool(
        types.is_string(kind)
        or types.is_large_string(kind)
        or types.is_string_view(kind)
        or types.is_binary(kind)
        or types.is_large_binary(kind)
    )


def _is_numeric(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def is_list(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))


def _where(mask: pa.Array) -> list[int]:
    """The first true position of a mask, if there is one."""
    return [int(i) for i in np.flatnonzero(mask.to_numpy(zero_copy_only=False))[:1]]
