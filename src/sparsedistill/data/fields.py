"""Wanted columns of a file, and the conversion of their values to one Arrow type per kind."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from .._internal.texts import decoded, encodable
from ..errors import InputError
from .label_rule import class_names, no_label, widened

#: ``place(i)`` is the location of row `i` for error messages, as ``FILE, line N``.
Place: TypeAlias = Callable[[int], str]

#: ``"text"``: large_string. ``"label"``: large_string, never empty. ``"labels"``: list of large_string.
#: ``"number"``: float32, finite. ``"numbers"``: list of float32, finite, of the same length in all rows.
#: ``"value"``: what the file has, to be carried through: any type, with nulls; in jsonl the Arrow extension
#: type json, in csv and tsv large_string.
Kind: TypeAlias = Literal["text", "label", "labels", "number", "numbers", "value"]


@dataclass(frozen=True)
class Field:
    """A column to read from a file.

    Attributes:
        role: Name of the column in the result: ``"text"``, ``"label"``.
        name: Name of the column in the file.
        kind: What the column holds.
        separator: Separates labels of kind ``"labels"`` in a string.
        optional: Rows without a value are left out, instead of being an error.
    """

    role: str
    name: str
    kind: Kind
    separator: str | None = None
    optional: bool = False


def with_values(
    columns: Mapping[str, Any], fields: Sequence[Field], place: Place
) -> tuple[Mapping[str, Any], Place]:
    """The rows that have a value in each optional column, and where they are.

    Args:
        columns: Columns by name in the file.
        fields: The columns to read.
        place: Locates rows of `columns` in error messages.
    """
    optional = [field for field in fields if field.optional]
    if not optional:
        return columns, place
    given = np.logical_and.reduce([_given(columns[field.name], field) for field in optional])
    rows = np.flatnonzero(given)
    return {name: column.take(pa.array(rows)) for name, column in columns.items()}, lambda i: place(
        int(rows[i])
    )


def _given(column: Any, field: Field) -> NDArray[np.bool_]:
    """Where a column has a value; an empty string is one only for several labels: that there is none."""
    column = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    column = decoded(column) if pa.types.is_dictionary(column.type) else column
    missing = pc.is_null(column)
    if field.kind != "labels" and _is_stringlike(column.type):
        missing = no_label(pc.utf8_trim_whitespace(column.cast(pa.large_string())))
    elif pa.types.is_floating(column.type):
        missing = pc.is_null(column, nan_is_null=True)
    given: NDArray[np.bool_] = pc.invert(missing).to_numpy(zero_copy_only=False)
    return given


def typed(raw: Any, field: Field, place: Place) -> pa.Array:
    """Convert a column to the Arrow type of its kind, without nulls.

    Args:
        raw: Array or chunked array (n,), of the type that the file has.
        field: The column.
        place: Locates row `i` of `raw` in error messages.

    Raises:
        InputError: A value is missing or has the wrong type. The message says where.
    """
    if isinstance(raw, pa.ChunkedArray):
        raw = raw.combine_chunks()
    if pa.types.is_dictionary(raw.type):
        raw = decoded(raw)
    return raw if field.kind == "value" else _TYPED[field.kind](raw, field, place)


def is_list(kind: pa.DataType) -> bool:
    """Whether an Arrow type is a list type."""
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))


def _typed_text(raw: pa.Array, field: Field, place: Place) -> pa.Array:
    for i in _first_true(pc.is_null(raw)):
        raise InputError(f"{place(i)}: {field.name!r} is missing or null: give every row a text.")
    if not _is_stringlike(raw.type):
        raise InputError(f"{place(0)}: {field.name!r} has type {raw.type}, not text: use another column.")
    return _utf8(raw, field, place)


def _typed_label(raw: pa.Array, field: Field, place: Place) -> pa.Array:
    names = class_names(_label_names(raw, field, place))
    for i in _first_true(no_label(names, numbers=pa.types.is_floating(raw.type))):
        raise InputError(f"{place(i)}: {field.name!r} is empty: give every row a {field.role}.")
    if pa.types.is_floating(raw.type):
        for i in _first_true(pc.is_in(names, value_set=_INFINITE)):
            raise InputError(f"{place(i)}: {field.name!r} is {names[i]}: give a finite number.")
    return names


def _typed_labels(raw: pa.Array, field: Field, place: Place) -> pa.Array:
    if not is_list(raw.type):
        raw = pc.split_pattern(pc.fill_null(_label_names(raw, field, place), ""), field.separator)
    parents = pc.list_parent_indices(raw).to_numpy()
    for i in _first_true(pc.is_null(raw.flatten(), nan_is_null=True)):
        raise InputError(f"{place(int(parents[i]))}: {field.name!r} has an empty label: leave it out.")
    names = _label_names(raw.flatten(), field, lambda i: place(int(parents[i])))
    names = class_names(names)
    if pa.types.is_floating(raw.type.value_type):
        for i in _first_true(pc.is_in(names, value_set=_INFINITE)):
            raise InputError(f"{place(int(parents[i]))}: {field.name!r} has {names[i]}: give finite numbers.")
    given = pc.fill_null(pc.not_equal(names, ""), False)
    counts = np.bincount(parents[given.to_numpy(zero_copy_only=False)], minlength=len(raw))
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), names.filter(given))


def _typed_number(raw: pa.Array, field: Field, place: Place) -> pa.Array:
    for i in _first_true(pc.is_null(raw)):
        raise InputError(f"{place(i)}: {field.name!r} is missing or null: give every row a number.")
    return _numbers(raw, field, place)


def _typed_numbers(raw: pa.Array, field: Field, place: Place) -> pa.Array:
    if is_numeric(raw.type) or _is_stringlike(raw.type):  # a single number is a list of one
        single = _typed_number(raw, field, place)
        return pa.ListArray.from_arrays(pa.array(np.arange(len(raw) + 1, dtype=np.int32)), single)
    if not is_list(raw.type):
        raise InputError(
            f"{place(0)}: {field.name!r} has type {raw.type}, but lists of numbers are needed: "
            "use another column."
        )
    for i in _first_true(pc.is_null(raw)):
        raise InputError(f"{place(i)}: {field.name!r} is missing or null: give every row its scores.")
    parents = pc.list_parent_indices(raw).to_numpy()
    numbers = _typed_number(raw.flatten(), field, lambda i: place(int(parents[i])))
    counts = np.bincount(parents, minlength=len(raw))
    for i in np.flatnonzero(counts != counts[:1])[:1]:
        raise InputError(
            f"{place(int(i))}: {field.name!r} has length {counts[i]}, but {counts[0]} in an earlier row: "
            "give every row one number per class."
        )
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), numbers)


def strings_of(values: pa.Array) -> pa.Array:
    """Values of any type as large_string: JSON strings without their quotes, lists as JSON; nulls stay."""
    kind = values.type
    if isinstance(kind, pa.JsonType):
        return pa.array([None if v is None else _plain_json(v) for v in values.storage.to_pylist()], _STRING)
    if pa.types.is_nested(kind):
        found = [
            None if v is None else json.dumps(v, ensure_ascii=False, default=str) for v in values.to_pylist()
        ]
        return pa.array(found, _STRING)
    return values.cast(_STRING)


def _plain_json(written: str) -> str:
    return encodable(json.loads(written)) if written.startswith('"') else written


_STRING = pa.large_string()
_INFINITE = pa.array(["inf", "-inf"], _STRING)
_TYPED: dict[Kind, Callable[[pa.Array, Field, Place], pa.Array]] = {
    "text": _typed_text,
    "label": _typed_label,
    "labels": _typed_labels,
    "number": _typed_number,
    "numbers": _typed_numbers,
}


def _label_names(raw: pa.Array, field: Field, place: Place) -> pa.Array:
    """Labels from strings, integers, floats or booleans, as large_string; null where `raw` is null."""
    kind = raw.type
    if _is_stringlike(kind):
        return _utf8(raw, field, place)
    if pa.types.is_boolean(kind) or is_numeric(kind) or pa.types.is_null(kind):
        return widened(raw).cast(pa.large_string())
    raise InputError(
        f"{place(0)}: {field.name!r} has type {kind}, which cannot be a label: use another column."
    )


def _utf8(raw: pa.Array, field: Field, place: Place) -> pa.Array:
    try:
        strings = raw.cast(pa.large_string())
        if not pa.types.is_large_binary(raw.type):  # the cast from large_binary validates
            strings.validate(full=True)
    except pa.ArrowInvalid as error:
        for i, value in enumerate(raw.cast(pa.large_binary())):
            if value.is_valid and not _is_utf8(value.as_py()):
                raise InputError(
                    f"{place(i)}: {field.name!r} is not valid UTF-8: convert the file to UTF-8."
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
    elif not is_numeric(raw.type):
        raise InputError(f"{place(0)}: {field.name!r} has type {raw.type}, not numbers: use another column.")
    with np.errstate(over="ignore"):
        numbers = raw.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False).astype(np.float32)
    for i in np.flatnonzero(~np.isfinite(numbers))[:1]:
        raise InputError(f"{place(int(i))}: {field.name!r} is not a finite number: correct that row.")
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
                value = strings[i].as_py()[:40]
                raise InputError(
                    f"{place(i)}: {field.name!r} is {value!r}, not a number: correct that row."
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


def is_numeric(kind: pa.DataType) -> bool:
    """Whether an Arrow type holds numbers; booleans are none."""
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def _first_true(mask: pa.Array) -> list[int]:
    """The first true position of a mask, or nothing."""
    return [int(i) for i in np.flatnonzero(mask.to_numpy(zero_copy_only=False))[:1]]
