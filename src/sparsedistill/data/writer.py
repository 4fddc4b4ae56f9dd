"""Rows out: csv, tsv, jsonl and parquet, plain or compressed, whole or not at all."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from .._internal.files import atomic_write
from ..errors import InputError
from .formats import STANDARD_STREAM, written_as
from .kinds import is_list


class RowWriter:
    """Write rows to one file, which appears when the block ends well; or to standard output.

    In tsv, tabs and line breaks inside a value become spaces.

    Args:
        path: The file to write, or ``"-"``.
        format: Its format, as the ending of a file name; by default the ending of `path`.

    Raises:
        InputError: The format is not known, or not for standard output; or there is no room.
    """

    def __init__(self, path: str | Path, format: str | None = None) -> None:  # noqa: A002
        self._path = str(path)
        self._format, self._codec = written_as(self._path, format)
        if self._format == "txt":
            raise InputError(f"{path} is plain text, which has no columns: write csv, tsv, jsonl or parquet.")
        if self._path == STANDARD_STREAM and (self._format == "parquet" or self._codec is not None):
            raise InputError("Standard output takes plain csv, tsv or jsonl: give the name of a file.")
        self._stack = ExitStack()
        self._parquet: Any = None
        self._begun = False

    def __enter__(self) -> RowWriter:
        with self._stack:
            self._sink = self._open()
            self._stack = self._stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return self._stack.__exit__(kind, error, trace)

    def _open(self) -> Any:
        if self._path == STANDARD_STREAM:
            sink: Any = sys.stdout.buffer
            self._stack.callback(sink.flush)
        else:
            partial = self._stack.enter_context(atomic_write(self._path))
            sink = self._stack.enter_context(partial.open("wb"))
        if self._codec is None:
            return sink
        return self._stack.enter_context(pa.CompressedOutputStream(pa.PythonFile(sink), self._codec))

    def write(self, batch: pa.RecordBatch) -> None:
        """Append rows; all batches have the columns of the first."""
        if self._format == "parquet":
            if self._parquet is None:
                writer = pyarrow.parquet.ParquetWriter(self._sink, batch.schema, compression="zstd")
                self._parquet = self._stack.enter_context(writer)
            self._parquet.write_batch(batch)
        else:
            self._sink.write(_WRITERS[self._format](batch, not self._begun))
        self._begun = True


def _csv_bytes(batch: pa.RecordBatch, first: bool) -> bytes:
    buffer = pa.BufferOutputStream()
    flat = pa.record_batch([_flat(column) for column in batch.columns], batch.schema.names)
    pyarrow.csv.write_csv(flat, buffer, pyarrow.csv.WriteOptions(include_header=first))
    return bytes(buffer.getvalue())


def _tsv_bytes(batch: pa.RecordBatch, first: bool) -> bytes:
    columns = [
        pc.replace_substring_regex(pc.fill_null(_flat(column).cast(pa.large_string()), ""), r"[\t\r\n]", " ")
        for column in batch.columns
    ]
    rows = ["\t".join(row) for row in zip(*(column.to_pylist() for column in columns), strict=True)]
    if first:
        rows.insert(0, "\t".join(batch.schema.names))
    return "".join(row + "\n" for row in rows).encode()


def _jsonl_bytes(batch: pa.RecordBatch, first: bool) -> bytes:  # noqa: ARG001
    columns = [_short_floats(column).to_pylist() for column in batch.columns]
    names = batch.schema.names
    rows = (dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True))
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


_WRITERS: dict[str, Callable[[pa.RecordBatch, bool], bytes]] = {
    "csv": _csv_bytes,
    "tsv": _tsv_bytes,
    "jsonl": _jsonl_bytes,
}


def _flat(column: pa.Array) -> pa.Array:
    """A column of lists as a column of their JSON; any other as it is."""
    if not is_list(column.type):
        return column
    return pa.array([json.dumps(value, ensure_ascii=False) for value in _short_floats(column).to_pylist()])


def _short_floats(column: pa.Array) -> pa.Array:
    """float32 as the float64 of its shortest decimal, so that 0.1 is not written 0.10000000149."""
    kind = column.type
    if pa.types.is_float32(kind):
        return column.cast(pa.string()).cast(pa.float64())
    if is_list(kind) and pa.types.is_float32(kind.value_type):
        rows = iter(_short_floats(column.flatten()).to_pylist())
        lengths = pc.list_value_length(column).to_pylist()
        return pa.array([None if n is None else [next(rows) for _ in range(n)] for n in lengths])
    return column
