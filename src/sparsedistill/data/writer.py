"""Writes rows to csv, tsv, jsonl and parquet files, plain or compressed, atomically."""

from __future__ import annotations

import gzip
import json
import sys
from abc import ABC, abstractmethod
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from .._internal.files import atomic_write
from .._internal.object_store import ObjectPath, place
from .._internal.terminal import TerminalStream
from ..errors import InputError
from .fields import is_list, strings_of
from .readers import STANDARD_STREAM, format_of

_GZIP_LEVEL = 6


class RowWriter:
    """Writes rows to one file, which appears when the ``with`` block succeeds, or to standard output.

    In tsv, tabs and line breaks in values become spaces. On a terminal, control characters become U+FFFD.

    Args:
        path: The file to write, or the URL of an object; ``"-"`` is standard output.
        format: Its format, written like the ending of a file name; by default the ending of `path`.

    Raises:
        InputError: The format is not known or cannot be written (to standard output), or the disk is full.
    """

    def __init__(self, path: str | Path, format: str | None = None) -> None:  # noqa: A002
        self._path = str(path)
        reader, self._codec = format_of(self._path, format)
        self._encoder = _encoder_of(reader.format, path)
        if self._path == STANDARD_STREAM and (reader.binary or self._codec is not None):
            raise InputError("Standard output takes only uncompressed csv, tsv or jsonl: give a file.")
        self._stack = ExitStack()

    def __enter__(self) -> RowWriter:
        with self._stack:
            sink = open_output(self._stack, self._path, self._codec)
            self._stack = self._stack.pop_all()
        self._rows = self._encoder(sink, self._stack)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return self._stack.__exit__(kind, error, trace)

    def write(self, batch: pa.RecordBatch) -> None:
        """Append rows. All batches must have the columns of the first."""
        self._rows.write(batch)

    def flush(self) -> None:
        """Write what has been appended, as far as the format and the compression allow."""
        self._rows.sink.flush()


def check_writable(format: str) -> None:  # noqa: A002
    """Check that rows can be written in a format, written like the ending of a file name.

    Raises:
        InputError: It is not known, or cannot be written.
    """
    reader, _ = format_of("", format)
    _encoder_of(reader.format, format)


def open_output(stack: ExitStack, path: str, codec: str | None) -> Any:
    """Open a file to write, which appears when `stack` is closed without an error, or standard output.

    On a terminal, control characters become U+FFFD.

    Args:
        stack: Closes it.
        path: The file, or the URL of an object; ``"-"`` is standard output.
        codec: Its compression, as pyarrow names it.

    Raises:
        InputError: It cannot be written, or the disk is full.
    """
    if path == STANDARD_STREAM:
        sink: Any = TerminalStream(sys.stdout.buffer) if sys.stdout.isatty() else sys.stdout.buffer
        stack.callback(sink.flush)
    elif isinstance(where := place(path), ObjectPath):
        sink = stack.enter_context(where.written())
    else:
        partial = stack.enter_context(atomic_write(path))
        sink = stack.enter_context(partial.open("wb"))
    if codec is None:
        return sink
    if codec == "gzip":  # Arrow's only level is 9: a third slower than 6, for 0.4 % of the size
        return stack.enter_context(gzip.GzipFile("", "wb", _GZIP_LEVEL, sink, mtime=0))
    return stack.enter_context(pa.CompressedOutputStream(pa.PythonFile(sink), codec))


class _Encoder(ABC):
    """Writes batches in one format.

    Args:
        sink: Binary file to write to.
        stack: Closes what the encoder opens, before the sink.
    """

    #: Name of the format, as its reader has it.
    format: ClassVar[str]

    def __init__(self, sink: Any, stack: ExitStack) -> None:
        self.sink, self.stack = sink, stack
        self.begun = False

    @abstractmethod
    def write(self, batch: pa.RecordBatch) -> None:
        """Append a batch."""


class _LineEncoder(_Encoder):
    """Encodes each batch by itself."""

    def write(self, batch: pa.RecordBatch) -> None:
        self.sink.write(self.encoded(batch))
        self.begun = True

    @abstractmethod
    def encoded(self, batch: pa.RecordBatch) -> bytes:
        """The bytes of a batch; with a header if it is the first."""


class _CsvEncoder(_LineEncoder):
    format = "csv"

    def encoded(self, batch: pa.RecordBatch) -> bytes:
        buffer = pa.BufferOutputStream()
        flat = pa.record_batch([_flat(column) for column in batch.columns], batch.schema.names)
        pyarrow.csv.write_csv(flat, buffer, pyarrow.csv.WriteOptions(include_header=not self.begun))
        return bytes(buffer.getvalue())


class _TsvEncoder(_LineEncoder):
    format = "tsv"

    def encoded(self, batch: pa.RecordBatch) -> bytes:
        columns = []
        for column in batch.columns:
            strings = pc.fill_null(_flat(column).cast(pa.large_string()), "")
            columns.append(pc.replace_substring_regex(strings, r"[\t\r\n]", " "))
        rows = ["\t".join(row) for row in zip(*(column.to_pylist() for column in columns), strict=True)]
        if not self.begun:
            rows.insert(0, "\t".join(batch.schema.names))
        return "".join(row + "\n" for row in rows).encode()


class _JsonlEncoder(_LineEncoder):
    format = "jsonl"

    def encoded(self, batch: pa.RecordBatch) -> bytes:
        names = [json.dumps(name, ensure_ascii=False) for name in batch.schema.names]
        columns = [
            [f"{name}: {value}" for value in json_values(column)]
            for name, column in zip(names, batch.columns, strict=True)
        ]
        return "".join("{" + ", ".join(row) + "}\n" for row in zip(*columns, strict=True)).encode()


class _ParquetEncoder(_Encoder):
    format = "parquet"
    _writer: Any
    _schema: pa.Schema

    def write(self, batch: pa.RecordBatch) -> None:
        columns = [strings_of(column) if _is_json(column) else column for column in batch.columns]
        batch = pa.record_batch(columns, batch.schema.names)
        if not self.begun:
            writer = pyarrow.parquet.ParquetWriter(self.sink, batch.schema, compression="zstd")
            self._writer = self.stack.enter_context(writer)
            self._schema, self.begun = batch.schema, True
        for field, first in zip(batch.schema, self._schema, strict=True):
            if field.type != first.type:
                raise InputError(
                    f"The column {field.name!r} has the type {field.type} in one file and {first.type} in an "
                    "earlier one: write csv or jsonl."
                )
        self._writer.write_batch(batch)


#: All formats that can be written.
_ENCODERS: dict[str, type[_Encoder]] = {
    encoder.format: encoder for encoder in (_CsvEncoder, _TsvEncoder, _JsonlEncoder, _ParquetEncoder)
}


def _encoder_of(format: str, name: str | Path) -> type[_Encoder]:  # noqa: A002
    if format not in _ENCODERS:
        raise InputError(
            f"{name} is {format}, which has no columns and is only read: write one of {', '.join(_ENCODERS)}."
        )
    return _ENCODERS[format]


def _flat(column: pa.Array) -> pa.Array:
    """A column of lists, objects or JSON as strings; other columns unchanged."""
    if pa.types.is_nested(column.type):
        return pc.fill_null(strings_of(short_floats(column)), "null")
    return strings_of(column) if _is_json(column) else column


def _is_json(column: pa.Array) -> bool:
    return isinstance(column.type, pa.JsonType)


def _as_json(value: Any) -> str:
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)


_ENCODER = json.JSONEncoder(ensure_ascii=False, default=_as_json)


def json_values(column: pa.Array) -> list[str]:
    """The values of a column as JSON; what JSON does not have, such as dates, as strings."""
    if _is_json(column):
        return [value or "null" for value in column.storage.to_pylist()]
    if pa.types.is_string(column.type):  # names of classes: few different ones
        encoded = column.dictionary_encode()
        known = [json.dumps(value, ensure_ascii=False) for value in encoded.dictionary.to_pylist()]
        return ["null" if i is None else known[i] for i in encoded.indices.to_pylist()]
    return list(map(_ENCODER.encode, short_floats(column).to_pylist()))


def short_floats(column: pa.Array) -> pa.Array:
    """float32 as the float64 with its shortest decimal form, to write 0.1 instead of 0.10000000149."""
    kind = column.type
    if pa.types.is_float32(kind):
        return column.cast(pa.string()).cast(pa.float64())
    if is_list(kind) and pa.types.is_float32(kind.value_type):
        rows = iter(short_floats(column.flatten()).to_pylist())
        lengths = pc.list_value_length(column).to_pylist()
        return pa.array([None if n is None else [next(rows) for _ in range(n)] for n in lengths])
    return column
