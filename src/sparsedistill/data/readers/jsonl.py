"""JSON Lines: one object per line."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.json

from ..._internal.texts import encodable
from ...errors import InputError
from ..fields import Field, Kind
from .base import RawColumns, Reader, Source, check_columns, short_reason
from .json_values import values_of, written
from .records import (
    LARGEST_CHUNK,
    Records,
    cut,
    head_of,
    line_ends,
    raw_chunks,
    read_mark,
    universal_lines,
    without_marks,
)

#: A row and its place in error messages.
_Located: TypeAlias = tuple[str, dict[str, Any]]

_ROWS = 8192  # rows of an array that are converted at a time
_TYPES: dict[Kind, pa.DataType] = {
    "text": pa.large_string(),
    "label": pa.large_string(),
    "labels": pa.list_(pa.large_string()),
    "number": pa.float64(),
    "numbers": pa.list_(pa.float64()),
}
_EXPECTED: dict[Kind, str] = {
    "text": "a string",
    "label": "a string or a number",
    "labels": "a list of strings or one string",
    "number": "a number",
    "numbers": "a list of numbers",
}


class JsonlReader(Reader):
    """Reads jsonl.

    Arrow parses whole chunks. A chunk that it cannot parse, or that has labels of several types, is parsed
    line by line in Python, which converts values and finds the line of an error.
    """

    format = "jsonl"
    endings = ("jsonl", "ndjson", "json")

    def read(self, source: Source, fields: Sequence[Field], *, records: bool = False) -> Iterator[RawColumns]:
        """Read the columns of `fields`. See :meth:`Reader.read`."""
        number = 1
        with source.opened(raw=True) as stream:
            mark = read_mark(stream)
            if stream.peek(1).lstrip()[:1] == b"[":
                if records:
                    raise InputError(
                        f"{source.name} is one JSON array, of which rows cannot be copied: write one object "
                        "per line."
                    )
                yield from _read_array(source, stream, fields)
                return
            if records:
                yield RawColumns.before_rows(fields, head_of(mark))
            for raw in raw_chunks(stream, returns=True, at_once=source.line_buffered):
                chunk = universal_lines(without_marks(raw))
                if number == 1:
                    _check_first_object(source, chunk, fields)
                rows = _parse_chunk(chunk, number, fields, records) or _parse_lines(
                    source, chunk, number, fields
                )
                if records:
                    assert rows.lines is not None  # noqa: S101 - lines have numbers
                    lines = Records(cut(raw, line_ends(raw, returns=True)))
                    rows = replace(rows, records=lines.take(rows.lines - number))
                yield rows
                number += chunk.count(b"\n")

    def columns(self, source: Source) -> Sequence[str]:
        """Names in the first row. See :meth:`Reader.columns`."""
        with source.opened(raw=True) as stream:
            row = _first_object(stream)
        return [encodable(name) for name in row] if isinstance(row, dict) else []


def _first_object(stream: io.BufferedReader) -> Any:
    """The first row of a file, or None if it is no JSON."""
    read_mark(stream)
    try:
        if stream.peek(1).lstrip()[:1] == b"[":
            return next(iter(json.load(stream)), None)
        for raw in raw_chunks(stream, returns=True):
            lines = universal_lines(without_marks(raw)).split(b"\n")
            if line := next(filter(bytes.strip, lines), None):
                return json.loads(line)
    except (ValueError, RecursionError):  # it is reported with its line when the rows are read
        pass
    return None


def _read_array(source: Source, stream: io.BufferedReader, fields: Sequence[Field]) -> Iterator[RawColumns]:
    """Read a file that is one JSON array of objects."""
    try:
        rows = json.load(stream)
    except UnicodeDecodeError as error:
        raise InputError(f"{source.name}: not valid UTF-8: convert the file to UTF-8.") from error
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"{source.name} starts with [ but is not a JSON array ({short_reason(error)}): correct the file."
        ) from error
    for begin in range(0, len(rows), _ROWS):
        yield RawColumns(_columns(_objects(source, rows[begin : begin + _ROWS], begin + 1, fields), fields))


def _objects(source: Source, rows: list[Any], first: int, fields: Sequence[Field]) -> Iterator[_Located]:
    """The rows of an array with their places. `first` is the number of the first row."""
    for i, row in enumerate(rows, first):
        place = f"{source.name}, row {i}"
        if not isinstance(row, dict):
            raise InputError(f"{place}: this is {_json_type(row)}, not an object: write an array of objects.")
        if i == 1:
            check_columns(source, fields, _known(row, fields))
        yield place, row


def _value(row: dict[str, Any], name: str) -> Any:
    """The value of a column, or of a field in nested objects by its path: ``data.text``."""
    if name in row:
        return row[name]
    head, dot, rest = name.partition(".")
    inner = row.get(head)
    return _value(inner, rest) if dot and isinstance(inner, dict) else None


def _known(row: dict[str, Any], fields: Sequence[Field]) -> list[str]:
    """Names of the columns of a row, and the paths of `fields` that are in nested objects."""
    return [
        *row,
        *(field.name for field in fields if field.name not in row and _value(row, field.name) is not None),
    ]


def _parse_chunk(chunk: bytes, number: int, fields: Sequence[Field], separate: bool) -> RawColumns | None:
    """Parse with Arrow; None if :func:`_parse_lines` has to convert values or report an error.

    Args:
        chunk: Lines.
        number: The number of the first.
        fields: The columns.
        separate: Check that each line is an object: Arrow reads two objects in a line, and one in two lines.
    """
    typed = [field for field in fields if field.kind != "value"]
    if len(chunk) >= LARGEST_CHUNK or any("." in field.name for field in typed):
        return None
    lines = chunk.count(b"\n") + (not chunk.endswith(b"\n"))
    if (separate or len(typed) < len(fields)) and not all(map(_is_braced, chunk.split(b"\n")[:lines])):
        return None
    try:
        table = pyarrow.json.read_json(
            pa.BufferReader(chunk),
            read_options=pyarrow.json.ReadOptions(block_size=len(chunk) + 1),
            parse_options=pyarrow.json.ParseOptions(
                explicit_schema=pa.schema([(field.name, _TYPES[field.kind]) for field in typed]),
                unexpected_field_behavior="ignore",
            ),
        )
    except pa.ArrowInvalid:
        return None
    if len(table) != lines:
        return None
    columns = dict(zip(table.column_names, table.columns, strict=True))
    if len(typed) < len(fields):
        try:
            columns |= values_of(chunk.split(b"\n")[:lines], _carried(fields))
        except ValueError:  # Arrow does not look into all members
            return None
    return RawColumns(columns, np.arange(number, number + lines))


def _is_braced(line: bytes) -> bool:
    line = line.strip()
    return line.startswith(b"{") and line.endswith(b"}")


def _check_first_object(source: Source, chunk: bytes, fields: Sequence[Field]) -> None:
    line = next((line for line in chunk.split(b"\n", 100) if line.strip()), b"")
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):  # _parse_lines reports it with its line
        return
    if isinstance(row, dict):
        check_columns(source, fields, _known(row, fields))


def _parse_lines(source: Source, chunk: bytes, number: int, fields: Sequence[Field]) -> RawColumns:
    """Parse line by line in Python. `number` is the number of the chunk's first line."""
    lines = [(i, line) for i, line in enumerate(chunk.split(b"\n"), number) if line.strip()]
    places = ((f"{source.name}, line {i}", line) for i, line in lines)
    columns = _columns(((place, _parse_object(line, place)) for place, line in places), fields)
    columns |= values_of((line for _, line in lines), _carried(fields))
    return RawColumns(columns, np.array([i for i, _ in lines], dtype=np.int64))


def _columns(rows: Iterable[_Located], fields: Sequence[Field]) -> dict[str, pa.Array]:
    """The columns of `fields` in rows, by name."""
    found: dict[str, list[Any]] = {field.name: [] for field in fields}
    for place, row in rows:
        for field in fields:
            found[field.name].append(_converted(_value(row, field.name), field, place))
    return {
        field.name: written(found[field.name])
        if field.kind == "value"
        else pa.array(found[field.name], _TYPES[field.kind])
        for field in fields
    }


def _carried(fields: Sequence[Field]) -> list[str]:
    """The columns that are carried through as they are written."""
    return [field.name for field in fields if field.kind == "value"]


def _parse_object(line: bytes, place: str) -> dict[str, Any]:
    try:
        row = json.loads(line.decode())
    except UnicodeDecodeError as error:
        raise InputError(f"{place}: not valid UTF-8: convert the file to UTF-8.") from error
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"{place}: not valid JSON ({short_reason(error)}): write one object per line."
        ) from error
    if not isinstance(row, dict):
        raise InputError(f"{place}: this is {_json_type(row)}, not an object: write one object per line.")
    return row


def _converted(value: Any, field: Field, place: str) -> Any:
    """`value` as Arrow would parse it in a column of the field's kind."""
    if value is None or field.kind == "value":
        return value
    if field.kind == "text" and isinstance(value, str):
        return encodable(value)
    if field.kind == "label" and isinstance(value, float) and math.isnan(value):
        return None
    if field.kind == "label" and isinstance(value, float) and math.isinf(value):
        raise InputError(f"{place}: {field.name!r} is {value}: give a finite number.")
    if field.kind == "label" and _is_label(value):
        return _label_name(value)
    if field.kind == "labels" and isinstance(value, str):
        return [encodable(name) for name in value.split(field.separator)]
    if field.kind == "labels" and isinstance(value, list) and all(map(_is_label, value)):
        return [_label_name(name) for name in value]
    if field.kind == "number" and _is_number(value):
        return float(value)
    if field.kind == "numbers" and isinstance(value, list) and all(map(_is_number, value)):
        return [float(number) for number in value]
    if field.kind == "numbers" and _is_number(value):  # a single number is a list of one
        return [float(value)]
    raise InputError(f"{place}: {field.name!r} is {_json_type(value)}: it must be {_EXPECTED[field.kind]}.")


def _is_label(value: Any) -> bool:
    return isinstance(value, (str, bool, int, float))


def _is_number(value: Any) -> bool:
    return isinstance(value, float) or (type(value) is int and abs(value) < 10**300)


def _json_type(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a string", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")


def _label_name(value: str | bool | int | float) -> str:
    """The string that Arrow makes of the same value in a typed column: ``true``, ``1``, ``2.5``."""
    if isinstance(value, str):
        return encodable(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return str(pa.scalar(value).cast(pa.string()))
