"""Writes rows to csv, tsv, jsonl and parquet files, plain or compressed, atomically."""

from __future__ import annotations

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
from .._internal.terminal import TerminalStream
from ..errors import InputError
from .fields import is_list
from .readers import STANDARD_STREAM, format_of


class RowWriter:
    """Writes rows to one file, which appears when the ``with`` block succeeds, or to standard output.

    In tsv, tabs and line breaks in values become spaces. On a terminal, control characters become U+FFFD.

    Args:
        path: The file to write; ``"-"`` is standard output.
        format: Its format, written like the ending of a file name; by default the ending of `path`.

    Raises:
        InputError: The format is not known or cannot be written (to standard output), or the disk is full.
    """

    def __init__(self, path: str | Path, format: str | None = None) -> None:  # noqa: A002
        self._path = str(path)
        reader, self._codec = format_of(self._path, format)
        if reader.format not in _ENCODERS:
            raise InputError(
                f"{path} is {reader.format}, which has no columns and is only read: write one of "
                f"{', '.join(_ENCODERS)}."
            )
        self._encoder = _ENCODERS[reader.format]
        if self._path == STANDARD_STREAM and (reader.binary or self._codec is not None):
            raise InputError("Standard output takes only uncompressed csv, tsv or jsonl: give a file.")
        self._stack = ExitStack()

    def __enter__(self) -> RowWriter:
        with self._stack:
            sink = self._open()
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

    def _open(self) -> Any:
        if self._path == STANDARD_STREAM:
            sink: Any = TerminalStream(sys.stdout.buffer) if sys.stdout.isatty() else sys.stdout.buffer
            self._stack.callback(sink.flush)
        else:
            partial = self._stack.enter_context(atomic_write(self._path))
            sink = self._stack.enter_context(partial.open("wb"))
        if self._codec is None:
            return sink
        return self._stack.enter_context(pa.CompressedOutputStream(pa.PythonFile(sink), self._codec))


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
        columns = [_short_floats(column).to_pylist() for column in batch.columns]
        names = batch.schema.names
        rows = (dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True))
        return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


class _ParquetEncoder(_Encoder):
    format = "parquet"
    _writer: Any

    def write(self, batch: pa.RecordBatch) -> None:
        if not self.begun:
            writer = pyarrow.parquet.ParquetWriter(self.sink, batch.schema, compression="zstd")
            self._writer = self.stack.enter_context(writer)
            self.begun = True
        self._writer.write_batch(batch)


#: All formats that can be written.
_ENCODERS: dict[str, type[_Encoder]] = {
    encoder.format: encoder for encoder in (_CsvEncoder, _TsvEncoder, _JsonlEncoder, _ParquetEncoder)
}


def _flat(column: pa.Array) -> pa.Array:
    """A column of lists as JSON strings; other columns unchanged."""
    if not is_list(column.type):
        return column
    return pa.array([json.dumps(value, ensure_ascii=False) for value in _short_floats(column).to_pylist()])


def _short_floats(column: pa.Array) -> pa.Array:
    """float32 as the float64 with its shortest decimal form, to write 0.1 instead of 0.10000000149."""
    kind = column.type
    if pa.types.is_float32(kind):
        return column.cast(pa.string()).cast(pa.float64())
    if is_list(kind) and pa.types.is_float32(kind.value_type):
        rows = iter(_short_floats(column.flatten()).to_pylist())
        lengths = pc.list_value_length(column).to_pylist()
        return pa.array([None if n is None else [next(rows) for _ in range(n)] for n in lengths])
    return column
