"""RowBlock in, from one file: txt, csv, tsv, jsonl and parquet, plain or compressed."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.json
import pyarrow.parquet
from numpy.typing import NDArray

from .._internal.texts import encodable
from ..errors import InputError, first_line
from .kinds import Field, Place, typed

#: The path that stands for standard input and standard output.
STANDARD_STREAM = "-"

_FORMATS = {
    "txt": "txt",
    "text": "txt",
    "csv": "csv",
    "tsv": "tsv",
    "tab": "tsv",
    "jsonl": "jsonl",
    "ndjson": "jsonl",
    "parquet": "parquet",
    "pq": "parquet",
}
_CODECS = {"gz": "gzip", "zst": "zstd"}
_DELIMITERS = {"csv": ",", "tsv": "\t"}
_KNOWN = "txt, csv, tsv, jsonl or parquet, all but parquet also with .gz or .zst"

_BLOCK = 4 << 20
_LARGEST_BLOCK = (1 << 31) - 1
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class RowBlock:
    """Some consecutive rows of a file.

    Attributes:
        table: A column a role, without nulls.
        place: ``place(i)``: where row `i` of these stands, as ``FILE, line N``.
    """

    table: pa.Table
    place: Place


@dataclass(frozen=True)
class Source:
    """A file to read: its path, and how it is written."""

    path: str
    format: str
    codec: str | None = None
    quoting: bool = False

    @property
    def name(self) -> str:
        """What error messages call it."""
        return "standard input" if self.path == STANDARD_STREAM else self.path

    @property
    def delimiter(self) -> str:
        return _DELIMITERS[self.format]


def source(path: str, format: str | None = None, quoting: bool | None = None) -> Source:  # noqa: A002
    """Say how the file at `path` is written.

    Args:
        path: The file; ``"-"`` is standard input.
        format: Its format, as the ending of a file name (``"tsv"``, ``"jsonl.gz"``); by default the
            ending of `path`.
        quoting: Whether fields may stand in double quotes; by default they may in csv and not in tsv.

    Raises:
        InputError: The format is not known, or a parquet file is compressed or comes from standard input.
    """
    kind, codec = written_as(path, format)
    if kind == "parquet" and path == STANDARD_STREAM:
        raise InputError("parquet cannot be read from standard input: give the name of a file.")
    return Source(path, kind, codec, kind == "csv" if quoting is None else quoting)


def is_known(path: Path) -> bool:
    """Whether the name of a file says that it can be read here."""
    endings = path.name.lower().split(".")[1:]
    if endings and endings[-1] in _CODECS:
        endings.pop()
    return bool(endings) and endings[-1] in _FORMATS


def written_as(path: str, format: str | None) -> tuple[str, str | None]:  # noqa: A002
    """The format and the codec of a file, by its name or as `format` says.

    Raises:
        InputError: The format is not known, or is parquet under another compression.
    """
    by_name = Path(path).name.lower().split(".")[1:]
    endings = by_name if format is None else format.lower().lstrip(".").split(".")
    codec = next((_CODECS[ends[-1]] for ends in (endings, by_name) if ends and ends[-1] in _CODECS), None)
    if endings and endings[-1] in _CODECS:
        endings = endings[:-1]
    if not endings or endings[-1] not in _FORMATS:
        if format is not None:
            raise InputError(f"{format} is not a known format: use {_KNOWN}.")
        if path == STANDARD_STREAM:
            raise InputError(f"A standard stream has no name that tells its format: give it ({_KNOWN}).")
        raise InputError(f"{path} does not end in a known format: rename it or give its format ({_KNOWN}).")
    kind = _FORMATS[endings[-1]]
    if kind == "parquet" and codec is not None:
        raise InputError(f"{path} is parquet under another compression: decompress it first.")
    return kind, codec


def read_rows(source: Source, fields: Sequence[Field]) -> Iterator[RowBlock]:
    """Read the wanted columns of a file, in order and in bounded memory.

    Raises:
        InputError: The file is not there, is empty, truncated or damaged, lacks a column, or has a row
            that is not valid; the message names the file and, where there is one, the line.
    """
    if source.format == "txt" and [field.kind for field in fields] != ["text"]:
        wanted = next(field.name for field in fields if field.role != "text")
        raise InputError(
            f"{source.name} is plain text, which has no column {wanted!r}: give csv, tsv, jsonl or parquet."
        )
    first = 0
    with explained(source):
        for raw in _READERS[source.format](source, fields):
            place = _places(source, raw, first)
            table = {field.role: typed(raw.columns[field.name], field, place) for field in fields}
            yield RowBlock(pa.table(table), place)
            first += raw.rows
    if not first:
        raise InputError(f"{source.name} holds no rows: give a file with at least one text.")


@dataclass(frozen=True)
class _Raw:
    """Columns as a reader found them; `lines` holds the number of each row's line where it is known."""

    columns: dict[str, pa.Array]
    rows: int
    lines: NDArray[np.int64] | None = None


# --- Opening ---


@contextmanager
def explained(source: Source) -> Iterator[None]:
    """Turn what goes wrong while a file is read into an InputError of one sentence."""
    try:
        yield
    except FileNotFoundError as error:
        raise InputError(f"{source.name} does not exist: check the path.") from error
    except IsADirectoryError as error:
        raise InputError(f"{source.name} is a directory: name a file.") from error
    except PermissionError as error:
        raise InputError(f"{source.name} may not be read: change its permissions.") from error
    except (OSError, pa.ArrowException) as error:
        if source.codec is None and source.format != "parquet":
            raise InputError(f"{source.name} cannot be read ({_sentence(error)}): mend the file.") from error
        raise InputError(
            f"{source.name} is truncated or damaged ({_sentence(error)}): fetch or write it again."
        ) from error


@contextmanager
def _opened(source: Source) -> Iterator[io.BufferedReader]:
    """The uncompressed bytes of a file, past a byte order mark."""
    with ExitStack() as stack:
        if source.path == STANDARD_STREAM:
            stream: Any = sys.stdin.buffer
        else:
            stream = stack.enter_context(Path(source.path).open("rb"))
        if source.codec is not None:
            stream = stack.enter_context(pa.CompressedInputStream(pa.PythonFile(stream), source.codec))
            stream = stack.enter_context(io.BufferedReader(stream, 1 << 20))
        if stream.peek(len(_BOM))[: len(_BOM)] == _BOM:
            stream.read(len(_BOM))
        yield stream


def _blocks(stream: io.BufferedReader) -> Iterator[bytes]:
    """Whole lines, about 4 MiB at a time; a longer line makes a longer block."""
    parts: list[bytes] = []
    while chunk := stream.read(_BLOCK):
        end = chunk.rfind(b"\n") + 1
        if not end:
            parts.append(chunk)
            continue
        yield b"".join((*parts, chunk[:end]))
        parts = [chunk[end:]]
    if last := b"".join(parts):
        yield last


def _lines(block: bytes) -> pa.Array:
    """large_binary: the lines of a block, without the line feed (and carriage return) that ends each."""
    whole = pa.array([block[:-1] if block.endswith(b"\n") else block], pa.large_binary())
    lines = pc.split_pattern(whole, "\n").values
    if b"\r" in block:
        ended = pc.ends_with(lines, "\r")
        lines = pc.if_else(ended, pc.binary_slice(lines, 0, -1), lines)
    return lines


# --- Readers: each yields the wanted columns as it finds them ---


def _read_txt(source: Source, fields: Sequence[Field]) -> Iterator[_Raw]:
    number = 1
    with _opened(source) as stream:
        for block in _blocks(stream):
            lines = _lines(block)
            numbers = np.arange(number, number + len(lines))
            number += len(lines)
            yield _Raw({field.name: lines for field in fields}, len(lines), numbers)


def _read_delimited(source: Source, fields: Sequence[Field]) -> Iterator[_Raw]:
    return _read_quoted(source, fields) if source.quoting else _read_unquoted(source, fields)


def _read_unquoted(source: Source, fields: Sequence[Field]) -> Iterator[_Raw]:
    with _opened(source) as stream:
        header = _header(source, stream, fields)
        number = 2
        for block in _blocks(stream):
            lines = _lines(block)
            numbers = np.arange(number, number + len(lines))
            number += len(lines)
            if len(header) > 1:
                full = pc.greater(pc.binary_length(lines), 0)
                lines, numbers = lines.filter(full), numbers[full.to_numpy(zero_copy_only=False)]
            cells = pc.split_pattern(lines, source.delimiter)
            counts = pc.list_value_length(cells).to_numpy(zero_copy_only=False)
            for i in np.flatnonzero(counts != len(header))[:1]:
                raise InputError(_wrong_count(source, int(numbers[i]), int(counts[i]), len(header)))
            values = cells.flatten()
            columns = {
                field.name: values.take(
                    pa.array(np.arange(header.index(field.name), len(values), len(header)))
                )
                for field in fields
            }
            yield _Raw(columns, len(lines), numbers)


def _read_quoted(source: Source, fields: Sequence[Field]) -> Iterator[_Raw]:
    """Arrow's CSV reader, begun anew with larger blocks when a row does not fit into two of them."""
    wanted = [field.name for field in fields]
    standard = source.path == STANDARD_STREAM
    done, block = 0, 16 * _BLOCK if standard else _BLOCK
    while True:
        with _opened(source) as stream:
            header = _header(source, stream, fields)
            if not stream.peek(1):
                return
            try:
                skip = done
                for batch in _csv_batches(source, stream, header, wanted, block):
                    fresh = batch.slice(min(skip, len(batch)))
                    skip -= len(batch) - len(fresh)
                    done += len(fresh)
                    if len(fresh):
                        yield _Raw(dict(zip(wanted, fresh.columns, strict=True)), len(fresh))
                return
            except pa.ArrowInvalid as error:
                if "straddling" not in str(error):
                    raise InputError(_csv_fault(source, len(header), error)) from error
                if standard or block == _LARGEST_BLOCK:
                    raise InputError(
                        f"{source.name} has a row after row {done} that is longer than {block:,} bytes: "
                        "close its quotes, or read texts of that length from a file."
                    ) from error
        block = min(8 * block, _LARGEST_BLOCK)


def _csv_batches(
    source: Source, stream: io.BufferedReader, header: list[str], wanted: list[str], block: int
) -> Iterator[pa.RecordBatch]:
    try:
        yield from pyarrow.csv.open_csv(
            stream,
            read_options=pyarrow.csv.ReadOptions(column_names=header, block_size=block),
            parse_options=pyarrow.csv.ParseOptions(delimiter=source.delimiter, newlines_in_values=True),
            convert_options=pyarrow.csv.ConvertOptions(
                include_columns=wanted, column_types=dict.fromkeys(wanted, pa.large_string())
            ),
        )
    except pa.ArrowInvalid as error:
        if not str(error).startswith("Empty CSV file"):
            raise


def _header(source: Source, stream: io.BufferedReader, fields: Sequence[Field]) -> list[str]:
    """The names of the columns, with the wanted ones among them."""
    line = stream.readline()
    while source.quoting and line.count(b'"') % 2 and (more := stream.readline()):
        line += more
    try:
        text = line.decode().rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{source.name}, line 1: the header is not UTF-8: convert the file to UTF-8."
        ) from error
    if not text:
        raise InputError(f"{source.name} is empty or lacks a header: its first line has to name the columns.")
    if source.quoting:
        with _long_fields():
            header = next(csv.reader(io.StringIO(text, newline=""), delimiter=source.delimiter))
    else:
        header = text.split(source.delimiter)
    _check_columns(source, fields, header)
    return header


def _read_jsonl(source: Source, fields: Sequence[Field]) -> Iterator[_Raw]:
    number = 1
    with _opened(source) as stream:
        for block in _blocks(stream):
            lines = block.count(b"\n") + (not block.endswith(b"\n"))
            table = _parse_fast(block, fields)
            if number == 1:
                _check_first_object(source, block, fields)
            if table is not None and len(table) == lines:
                columns = dict(zip(table.column_names, table.columns, strict=True))
                yield _Raw(columns, lines, np.arange(number, number + lines))
            else:
                yield _parse_slowly(source, block, number, fields)
            number += lines


def _parse_fast(block: bytes, fields: Sequence[Field]) -> pa.Table | None:
    """Arrow's reading of some lines; None where :func:`_parse_slowly` has to convert or to complain."""
    if len(block) >= _LARGEST_BLOCK:
        return None
    try:
        return pyarrow.json.read_json(
            pa.BufferReader(block),
            read_options=pyarrow.json.ReadOptions(block_size=len(block) + 1),
            parse_options=pyarrow.json.ParseOptions(
                explicit_schema=pa.schema([(field.name, _JSON_TYPES[field.kind]) for field in fields]),
                unexpected_field_behavior="ignore",
            ),
        )
    except pa.ArrowInvalid:
        return None


_JSON_TYPES = {
    "text": pa.large_string(),
    "label": pa.large_string(),
    "labels": pa.list_(pa.large_string()),
    "number": pa.float64(),
    "numbers": pa.list_(pa.float64()),
}


def _check_first_object(source: Source, block: bytes, fields: Sequence[Field]) -> None:
    line = next((line for line in block.split(b"\n", 100) if line.strip()), b"")
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):  # said better, with its line, when the row is read
        return
    if isinstance(row, dict):
        _check_columns(source, fields, list(row))


def _parse_slowly(source: Source, block: bytes, number: int, fields: Sequence[Field]) -> _Raw:
    found: dict[str, list[Any]] = {field.name: [] for field in fields}
    numbers = []
    for i, line in enumerate(block.split(b"\n"), number):
        if not line.strip():
            continue
        place = f"{source.name}, line {i}"
        row = _json_object(line, place)
        for field in fields:
            found[field.name].append(_json_value(row.get(field.name), field, place))
        numbers.append(i)
    columns = {field.name: pa.array(found[field.name], _JSON_TYPES[field.kind]) for field in fields}
    return _Raw(columns, len(numbers), np.array(numbers, dtype=np.int64))


def _json_object(line: bytes, place: str) -> dict[str, Any]:
    try:
        row = json.loads(line.decode())
    except UnicodeDecodeError as error:
        raise InputError(f"{place}: this is not UTF-8: convert the file to UTF-8.") from error
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"{place}: this is not JSON ({_sentence(error)}): write one object a line."
        ) from error
    if not isinstance(row, dict):
        raise InputError(f"{place}: this is {_json_name(row)}, not an object: write one object a line.")
    return row


def _json_value(value: Any, field: Field, place: str) -> Any:
    """`value` as Arrow would have read it from a column of the field's kind."""
    if value is None:
        return None
    if field.kind == "text" and isinstance(value, str):
        return encodable(value)
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
    raise InputError(f"{place}: {field.name!r} is {_json_name(value)}: it has to be {_EXPECTED[field.kind]}.")


_EXPECTED = {
    "text": "a string",
    "label": "a string or a number",
    "labels": "a list of strings or one string",
    "number": "a number",
    "numbers": "a list of numbers",
}


def _is_label(value: Any) -> bool:
    return isinstance(value, (str, bool, int, float))


def _is_number(value: Any) -> bool:
    return isinstance(value, float) or (type(value) is int and abs(value) < 10**300)


def _json_name(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a string", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")


def _label_name(value: str | bool | int | float) -> str:
    """The string form that Arrow gives to the same value in a typed column: ``true``, ``1``, ``2.5``."""
    if isinstance(value, str):
        return encodable(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return str(pa.scalar(value).cast(pa.string()))


def _read_parquet(source: Source, fields: Sequence[Field]) -> Iterator[_Raw]:
    with Path(source.path).open("rb") as stream:
        if not stream.seek(0, io.SEEK_END):
            return
        with pyarrow.parquet.ParquetFile(stream) as file:
            _check_columns(source, fields, file.schema_arrow.names)
            names = [field.name for field in fields]
            for batch in file.iter_batches(batch_size=8192, columns=names):
                yield _Raw({name: batch.column(name) for name in names}, len(batch))


_READERS: dict[str, Callable[[Source, Sequence[Field]], Iterator[_Raw]]] = {
    "txt": _read_txt,
    "csv": _read_delimited,
    "tsv": _read_delimited,
    "jsonl": _read_jsonl,
    "parquet": _read_parquet,
}


# --- Saying where and what ---


def _places(source: Source, raw: _Raw, first: int) -> Place:
    def place(i: int) -> str:
        if raw.lines is not None:
            return f"{source.name}, line {raw.lines[i]}"
        line = None if source.format == "parquet" else _csv_line(source, first + i)
        return f"{source.name}, row {first + i + 1}" if line is None else f"{source.name}, line {line}"

    return place


def _check_columns(source: Source, fields: Sequence[Field], there: Sequence[str]) -> None:
    for field in fields:
        if field.name not in there:
            raise InputError(
                f"{source.name} has no column {field.name!r}: name one of {', '.join(map(repr, there))}."
            )
        if list(there).count(field.name) > 1:
            raise InputError(f"{source.name} has several columns {field.name!r}: rename all but one of them.")


def _wrong_count(source: Source, line: int, found: int, wanted: int) -> str:
    columns = "column" if wanted == 1 else "columns"
    return (
        f"{source.name}, line {line}: {found} fields stand where the header names {wanted} {columns}: "
        f"mend that line{', or quote its text' if source.quoting else ''}."
    )


def _csv_fault(source: Source, columns: int, error: pa.ArrowInvalid) -> str:
    """Why Arrow could not read a csv file, found by reading it again line by line."""
    if source.path != STANDARD_STREAM:
        try:
            for line, row in _csv_rows(source):
                if len(row) != columns:
                    return _wrong_count(source, line, len(row), columns)
        except _NotUtf8Error as fault:
            return f"{source.name}, line {fault.line}: this is not UTF-8: convert the file to UTF-8."
        except csv.Error:
            pass
    return f"{source.name} is not valid {source.format} ({_sentence(error)}): mend the file."


class _NotUtf8Error(Exception):
    def __init__(self, line: int) -> None:
        self.line = line


def _csv_rows(source: Source) -> Iterator[tuple[int, list[str]]]:
    """All rows, blank ones left out as Arrow does, each with the line it starts in."""
    with _opened(source) as stream, _long_fields():
        reader = csv.reader(_decoded(stream), delimiter=source.delimiter)
        begin = 1
        for row in reader:
            if row:
                yield begin, row
            begin = reader.line_num + 1


def _decoded(stream: io.BufferedReader) -> Iterator[str]:
    for number, line in enumerate(stream, 1):
        try:
            yield line.decode()
        except UnicodeDecodeError as error:
            raise _NotUtf8Error(number) from error


def _csv_line(source: Source, row: int) -> int | None:
    """The line in which a row starts, found by reading the file again; None where it cannot be found."""
    if source.path == STANDARD_STREAM:
        return None
    with suppress(csv.Error, _NotUtf8Error):
        return next((line for i, (line, _) in enumerate(_csv_rows(source)) if i == row + 1), None)
    return None


@contextmanager
def _long_fields() -> Iterator[None]:
    """Let Python's csv module read fields of any length."""
    before = csv.field_size_limit(_LARGEST_BLOCK)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _sentence(error: BaseException) -> str:
    return first_line(error)[:200]
