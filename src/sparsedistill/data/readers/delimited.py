"""Delimited text: csv and tsv, with a header."""

from __future__ import annotations

import csv
import io
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from ...errors import InputError
from ..fields import Field
from .base import (
    CHUNK,
    LARGEST_CHUNK,
    RawColumns,
    Reader,
    Source,
    check_columns,
    line_chunks,
    short_reason,
    split_lines,
)
from .quotes import CheckedQuotes

logger = logging.getLogger(__package__)


class DelimitedReader(Reader):
    """Reads lines of fields, of which the first names the columns.

    Attributes:
        delimiter: Separates fields.
    """

    delimiter: ClassVar[str]

    def read(self, source: Source, fields: Sequence[Field]) -> Iterator[RawColumns]:
        """Read the columns of `fields`. See :meth:`Reader.read`."""
        return self._read_quoted(source, fields) if source.quoting else self._read_unquoted(source, fields)

    def place(self, source: Source, row: int) -> str:
        """The line in which a row starts, found by reading the file again; else the row."""
        if not source.is_stream:
            with suppress(csv.Error, _NotUtf8Error):
                for i, (line, _) in enumerate(self._rows(source)):
                    if i == row + 1:
                        return f"{source.name}, line {line}"
        return super().place(source, row)

    def _read_unquoted(self, source: Source, fields: Sequence[Field]) -> Iterator[RawColumns]:
        with source.opened() as stream:
            header, _ = self._header(source, stream, fields)
            number = 2
            for chunk in line_chunks(stream):
                lines = split_lines(chunk)
                numbers = np.arange(number, number + len(lines))
                number += len(lines)
                if len(header) > 1:  # with one column, an empty line is an empty field
                    full = pc.greater(pc.binary_length(lines), 0)
                    lines, numbers = lines.filter(full), numbers[full.to_numpy(zero_copy_only=False)]
                cells = pc.split_pattern(lines, self.delimiter)
                counts = pc.list_value_length(cells).to_numpy(zero_copy_only=False)
                for i in np.flatnonzero(counts != len(header))[:1]:
                    raise InputError(_wrong_count(source, int(numbers[i]), int(counts[i]), len(header)))
                values = cells.flatten()
                columns = {}
                for field in fields:
                    indices = np.arange(header.index(field.name), len(values), len(header))
                    columns[field.name] = values.take(pa.array(indices))
                yield _without_headers(source, RawColumns(columns, numbers))

    def _read_quoted(self, source: Source, fields: Sequence[Field]) -> Iterator[RawColumns]:
        """Read with Arrow's CSV reader, restarted with larger blocks if a row does not fit into two."""
        wanted = [field.name for field in fields]
        standard = source.is_stream
        done, size = 0, 16 * CHUNK if standard else CHUNK
        while True:
            with source.opened() as stream:
                header, line = self._header(source, stream, fields)
                if not stream.peek(1):
                    return
                checked = CheckedQuotes(stream, source.name, self.delimiter, line + 1)
                try:
                    skip = done
                    for batch in self._arrow_batches(checked, header, wanted, size):
                        if checked.error:
                            raise checked.error
                        fresh = batch.slice(min(skip, len(batch)))
                        skip -= len(batch) - len(fresh)
                        done += len(fresh)
                        columns = dict(zip(wanted, fresh.columns, strict=True))
                        fresh_rows = _without_headers(source, RawColumns(columns))
                        if len(fresh_rows):
                            yield fresh_rows
                    if checked.error:
                        raise checked.error
                    return
                except pa.ArrowInvalid as error:
                    if checked.error:
                        raise checked.error from None
                    if "straddling" not in str(error):
                        raise InputError(self._fault(source, len(header), error)) from error
                    if standard or size == LARGEST_CHUNK:
                        raise InputError(
                            f"{source.name} has a row longer than {size:,} bytes after row {done}: "
                            "close its quotes, or read texts of that length from a file."
                        ) from error
            size = min(8 * size, LARGEST_CHUNK)

    def _arrow_batches(
        self, stream: io.RawIOBase, header: list[str], wanted: list[str], size: int
    ) -> Iterator[pa.RecordBatch]:
        try:
            yield from pyarrow.csv.open_csv(
                stream,
                read_options=pyarrow.csv.ReadOptions(column_names=header, block_size=size),
                parse_options=pyarrow.csv.ParseOptions(delimiter=self.delimiter, newlines_in_values=True),
                convert_options=pyarrow.csv.ConvertOptions(
                    include_columns=wanted, column_types=dict.fromkeys(wanted, pa.large_string())
                ),
            )
        except pa.ArrowInvalid as error:
            if not str(error).startswith("Empty CSV file"):
                raise

    def _header(
        self, source: Source, stream: io.BufferedReader, fields: Sequence[Field]
    ) -> tuple[list[str], int]:
        """Read and check the names of the columns; also the number of lines that they take."""
        line = stream.readline()
        if not line:  # an empty file has no rows
            return [field.name for field in fields], 1
        while source.quoting and line.count(b'"') % 2 and (more := stream.readline()):
            line += more
        try:
            text = line.decode().rstrip("\r\n")
        except UnicodeDecodeError as error:
            raise InputError(
                f"{source.name}, line 1: the header is not valid UTF-8: convert the file to UTF-8."
            ) from error
        if not text:
            raise InputError(f"{source.name} has no header: name the columns in the first line.")
        if source.quoting:
            with _long_fields():
                header = next(csv.reader(io.StringIO(text, newline=""), delimiter=self.delimiter))
        else:
            header = text.split(self.delimiter)
        check_columns(source, fields, header)
        return header, line.count(b"\n")

    def _fault(self, source: Source, columns: int, error: pa.ArrowInvalid) -> str:
        """Say why Arrow could not parse a file, by parsing it again row by row."""
        if not source.is_stream:
            try:
                for line, row in self._rows(source):
                    if len(row) != columns:
                        return _wrong_count(source, line, len(row), columns)
            except _NotUtf8Error as fault:
                return f"{source.name}, line {fault.line}: not valid UTF-8: convert the file to UTF-8."
            except csv.Error:
                pass
        return f"{source.name} is not valid {self.format} ({short_reason(error)}): correct the file."

    def _rows(self, source: Source) -> Iterator[tuple[int, list[str]]]:
        """Yield each row with the line in which it starts; like Arrow, without blank lines."""
        with source.opened() as stream, _long_fields():
            reader = csv.reader(_decoded(stream), delimiter=self.delimiter)
            start, header = 1, None
            for row in reader:
                if row and row != header:
                    header = header or row
                    yield start, row
                start = reader.line_num + 1


class CsvReader(DelimitedReader):
    """Reads csv. By default, fields can be in double quotes."""

    format = "csv"
    endings = ("csv",)
    quoting = True
    delimiter = ","


class TsvReader(DelimitedReader):
    """Reads tsv. By default, double quotes have no meaning."""

    format = "tsv"
    endings = ("tsv", "tab")
    delimiter = "\t"


def _without_headers(source: Source, raw: RawColumns) -> RawColumns:
    """Leave out rows that repeat the header, which ``cat a.csv b.csv`` makes, with a warning."""
    same: Any = None
    for name, column in raw.columns.items():
        equal = pc.equal(
            column, pa.scalar(name if pa.types.is_large_string(column.type) else name.encode(), column.type)
        )
        same = equal if same is None else pc.and_(same, equal)
        if not pc.any(same).as_py():
            return raw
    rows = np.flatnonzero(~same.to_numpy(zero_copy_only=False))
    logger.warning(
        f"{source.name} repeats its header in {_counted(len(raw) - len(rows), 'row')}, which "
        f"{'is' if len(raw) - len(rows) == 1 else 'are'} left out."
    )
    columns = {name: column.take(pa.array(rows)) for name, column in raw.columns.items()}
    return RawColumns(columns, None if raw.lines is None else raw.lines[rows])


class _NotUtf8Error(Exception):
    def __init__(self, line: int) -> None:
        self.line = line


def _decoded(stream: io.BufferedReader) -> Iterator[str]:
    for number, line in enumerate(stream, 1):
        try:
            yield line.decode()
        except UnicodeDecodeError as error:
            raise _NotUtf8Error(number) from error


def _wrong_count(source: Source, line: int, found: int, wanted: int) -> str:
    return (
        f"{source.name}, line {line}: {_counted(found, 'field')}, but the header has "
        f"{_counted(wanted, 'column')}: correct that line{', or quote its text' if source.quoting else ''}."
    )


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


@contextmanager
def _long_fields() -> Iterator[None]:
    """Let Python's csv module read fields of any length."""
    before = csv.field_size_limit(LARGEST_CHUNK)
    try:
        yield
    finally:
        csv.field_size_limit(before)
