"""Writes rows again as their file has them, with columns added: to the byte, or for parquet to the type."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet

from ..errors import InputError, first_line
from .fields import strings_of
from .readers import Source
from .readers.delimited import DelimitedReader
from .readers.json_values import members
from .readers.records import ParquetHead, Records, without_marks
from .writer import json_values, open_output, short_floats

#: A row group of parquet is written when the rows reach this number, or this number of bytes.
_GROUP_ROWS, _GROUP_BYTES = 65_536, 64 << 20


class RecordWriter:
    """Writes rows of one file to another of the same format, which appears when the ``with`` block succeeds.

    Args:
        path: The file to write; ``"-"`` is standard output.
        codec: Its compression, as pyarrow names it; None for none, and for parquet, which has its own.
        source: The file that the rows are from.
        head: The head of that file. See :class:`~.readers.Records`.
        added: The columns to add: their names and types. In txt they follow the text, after tabs.

    Raises:
        InputError: The file has one of the added columns already, or cannot be written.
    """

    def __init__(
        self, path: str | Path, codec: str | None, source: Source, head: Records, added: pa.Schema
    ) -> None:
        self._path, self._codec, self._source, self._head, self._added = path, codec, source, head, added
        self._stack = ExitStack()

    def __enter__(self) -> RecordWriter:
        with self._stack:
            sink = open_output(self._stack, str(self._path), self._codec)
            self._rows = _FORMATS[self._source.format](sink, self._source, self._added, self._stack)
            self._rows.begin(self._head.head)
            self._stack = self._stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return self._stack.__exit__(kind, error, trace)

    def write(self, records: Records, added: pa.RecordBatch) -> None:
        """Append rows, with the values of the added columns.

        Raises:
            InputError: A row has one of the added columns already.
        """
        if len(records):
            self._rows.write(records.rows, added)


class _Rows(ABC):
    """Writes rows of one format.

    Args:
        sink: Binary file to write to.
        source: The file that the rows are from.
        added: The added columns.
        stack: Closes what is opened here, before the sink.
    """

    def __init__(self, sink: Any, source: Source, added: pa.Schema, stack: ExitStack) -> None:
        self.sink, self.source, self.added, self.stack = sink, source, added, stack

    @abstractmethod
    def begin(self, head: bytes | ParquetHead | None) -> None:
        """Write the head of the file."""

    @abstractmethod
    def write(self, rows: Any, added: pa.RecordBatch) -> None:
        """Append rows."""

    def refuse(self, names: Sequence[str]) -> None:
        """Check that the file has none of the added columns."""
        for name in self.added.names:
            if name in names:
                raise InputError(
                    f"{self.source.name} has a column {name!r} already: give a prefix for the added columns."
                )


class _Lines(_Rows):
    """Appends to the bytes of each row."""

    def begin(self, head: bytes | ParquetHead | None) -> None:
        assert isinstance(head, bytes)  # noqa: S101 - files of lines have such heads
        self.sink.write(self.head(head))

    def write(self, rows: Any, added: pa.RecordBatch) -> None:
        more = self.additions(added) if added.num_columns else None
        self.sink.write(
            b"".join(rows.to_pylist() if more is None else map(self.joined, rows.to_pylist(), more))
        )

    def head(self, head: bytes) -> bytes:
        """The head with the added columns."""
        return head

    @abstractmethod
    def additions(self, added: pa.RecordBatch) -> Iterator[bytes]:
        """What is added to each row."""

    def joined(self, row: bytes, addition: bytes) -> bytes:
        """A row with what is added to it, before the end of its line."""
        end = len(row) - (2 if row.endswith(b"\r\n") else int(row.endswith((b"\n", b"\r"))))
        return row[:end] + addition + row[end:]


class _JsonRows(_Lines):
    """Adds members before the last brace of each object."""

    def begin(self, head: bytes | ParquetHead | None) -> None:
        self._names = [json.dumps(name, ensure_ascii=False).encode() for name in self.added.names]
        super().begin(head)

    def additions(self, added: pa.RecordBatch) -> Iterator[bytes]:
        columns = [
            [f", {json.dumps(name, ensure_ascii=False)}: {value}" for value in json_values(column)]
            for name, column in zip(added.schema.names, added.columns, strict=True)
        ]
        return ("".join(row).encode() for row in zip(*columns, strict=True))

    def joined(self, row: bytes, addition: bytes) -> bytes:
        if any(name in row for name in self._names) or b"\\u" in row:  # names can be written with escapes
            try:
                names = list(members(without_marks(row)))
            except ValueError as error:  # Arrow does not look into all members
                raise InputError(
                    f"{self.source.name} has a row that is not valid JSON ({first_line(error)}): correct it."
                ) from error
            self.refuse(names)
        end = row.rindex(b"}")
        return row[:end] + addition + row[end:]


class _DelimitedRows(_Lines):
    """Adds fields to the end of each row."""

    def head(self, head: bytes) -> bytes:
        text = without_marks(head).decode()
        if not text or not self.added.names:
            return head
        self.refuse(self._reader.split(self.source, text.rstrip("\r\n")))
        return self.joined(head, self._encoded(self.added.names))

    def additions(self, added: pa.RecordBatch) -> Iterator[bytes]:
        columns = (plain_values(column) for column in added.columns)
        return (self._encoded(row) for row in zip(*columns, strict=True))

    @property
    def _reader(self) -> DelimitedReader:
        assert isinstance(self.source.reader, DelimitedReader)  # noqa: S101 - this is its format
        return self.source.reader

    def _encoded(self, values: Sequence[str]) -> bytes:
        delimiter = self.source.delimiter or self._reader.delimiter
        written = _quoted if self.source.quoting else _on_one_line
        return "".join(delimiter + written(value, delimiter) for value in values).encode()


class _TextRows(_Lines):
    """Adds the columns after tabs."""

    def additions(self, added: pa.RecordBatch) -> Iterator[bytes]:
        columns = (plain_values(column) for column in added.columns)
        for row in zip(*columns, strict=True):
            yield "".join("\t" + _on_one_line(value, "\t") for value in row).encode()


class _ParquetRows(_Rows):
    """Adds columns; the others keep their types, and the file its metadata and compression."""

    def begin(self, head: bytes | ParquetHead | None) -> None:
        self._waiting: list[pa.RecordBatch] = []
        if not isinstance(head, ParquetHead):  # a file without a byte
            return
        self.refuse(head.schema.names)
        self._schema = pa.schema([*head.schema, *self.added], metadata=head.schema.metadata)
        writer = pyarrow.parquet.ParquetWriter(self.sink, self._schema, compression=head.codec)
        self._writer = self.stack.enter_context(writer)
        self.stack.push(self._finish)

    def write(self, rows: Any, added: pa.RecordBatch) -> None:
        arrays = [*rows.columns, *added.columns]
        self._waiting.append(pa.RecordBatch.from_arrays(arrays, schema=self._schema))
        if (
            sum(map(len, self._waiting)) >= _GROUP_ROWS
            or sum(batch.nbytes for batch in self._waiting) >= _GROUP_BYTES
        ):
            self._flush()

    def _flush(self) -> None:
        if self._waiting:
            self._writer.write_table(pa.Table.from_batches(self._waiting, self._schema))
            self._waiting = []

    def _finish(self, kind: type[BaseException] | None, *_: Any) -> None:
        if kind is None:
            self._flush()


#: What writes each format, by its name.
_FORMATS: dict[str, type[_Rows]] = {
    "txt": _TextRows,
    "fasttext": _TextRows,
    "csv": _DelimitedRows,
    "tsv": _DelimitedRows,
    "jsonl": _JsonRows,
    "parquet": _ParquetRows,
}


def plain_values(column: pa.Array) -> list[str]:
    """The values of a column as text: lists as JSON."""
    if pa.types.is_floating(column.type):
        column = short_floats(column)
    strings: list[str] = pc.fill_null(strings_of(column), "").to_pylist()
    return strings


def _quoted(value: str, delimiter: str) -> str:
    """A field of csv, in quotes if it must be."""
    if not any(character in value for character in (delimiter, '"', "\r", "\n")):
        return value
    return '"' + value.replace('"', '""') + '"'


def _on_one_line(value: str, delimiter: str) -> str:
    for character in (delimiter, "\r", "\n"):
        value = value.replace(character, " ")
    return value
