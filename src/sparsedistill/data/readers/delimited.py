"""Delimited text: csv and tsv, with a header."""

from __future__ import annotations

import csv
import io
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, ClassVar, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
from numpy.typing import NDArray

from ...errors import InputError
from ..fields import Field
from .base import RawColumns, Reader, Source, check_columns, short_reason, split_lines
from .quotes import CheckedQuotes, quoted_rows
from .records import (
    CHUNK,
    LARGEST_CHUNK,
    Records,
    cut,
    ends_in_returns,
    head_of,
    line_ends,
    raw_chunks,
    read_line,
    read_mark,
    universal_lines,
    without_marks,
)

logger = logging.getLogger(__package__)


class _Header(NamedTuple):
    """The names of the columns, the bytes that hold them, and the number of lines that these take."""

    names: list[str]
    raw: bytes
    lines: int


class DelimitedReader(Reader):
    """Reads lines of fields, of which the first names the columns.

    Attributes:
        delimiter: Separates fields.
    """

    delimiter: ClassVar[str]

    def read(self, source: Source, fields: Sequence[Field], *, records: bool = False) -> Iterator[RawColumns]:
        """Read the columns of `fields`. See :meth:`Reader.read`."""
        if not source.quoting:
            return self._read_unquoted(source, fields, records)
        if records or source.line_buffered:
            return self._read_quoted_records(source, fields, records)
        return self._read_quoted(source, fields)

    def columns(self, source: Source) -> Sequence[str]:
        """Names of the columns. See :meth:`Reader.columns`."""
        with source.opened(raw=True) as stream:
            read_mark(stream)
            return self._header(source, stream, (), ends_in_returns(stream)).names

    def place(self, source: Source, row: int) -> str:
        """The line in which a row starts, found by reading the file again; else the row."""
        if not source.is_stream:
            with suppress(csv.Error, _NotUtf8Error):
                for i, (line, _) in enumerate(self._rows(source)):
                    if i == row + 1:
                        return f"{source.name}, line {line}"
        return super().place(source, row)

    def _read_unquoted(self, source: Source, fields: Sequence[Field], records: bool) -> Iterator[RawColumns]:
        with source.opened(raw=True) as stream:
            mark, returns = read_mark(stream), ends_in_returns(stream)
            names, raw, _ = self._header(source, stream, fields, returns)
            if records:
                yield RawColumns.before_rows(fields, head_of(mark + raw))
            number = 2
            for chunk in raw_chunks(stream, returns=returns, at_once=source.line_buffered):
                lines = split_lines(without_marks(universal_lines(chunk) if returns else chunk))
                numbers = np.arange(number, number + len(lines))
                number += len(lines)
                rows = Records(cut(chunk, line_ends(chunk, returns=returns))) if records else None
                if len(names) > 1:  # with one column, an empty line is an empty field
                    full = pc.greater(pc.binary_length(lines), 0)
                    lines, kept = lines.filter(full), np.flatnonzero(full.to_numpy(zero_copy_only=False))
                    numbers, rows = numbers[kept], None if rows is None else rows.take(kept)
                cells = pc.split_pattern(lines, self._delimiter(source))
                counts = pc.list_value_length(cells).to_numpy(zero_copy_only=False)
                for i in np.flatnonzero(counts != len(names))[:1]:
                    raise InputError(_wrong_count(source, int(numbers[i]), int(counts[i]), len(names)))
                values = cells.flatten()
                columns = {}
                for field in fields:
                    column = values.take(
                        pa.array(np.arange(names.index(field.name), len(values), len(names)))
                    )
                    columns[field.name] = column.cast(pa.large_string()) if field.kind == "value" else column
                yield _without_headers(source, RawColumns(columns, numbers, rows))

    def _read_quoted_records(
        self, source: Source, fields: Sequence[Field], records: bool
    ) -> Iterator[RawColumns]:
        """Read as :meth:`_read_quoted`, but find the rows before Arrow parses them.

        This takes a third longer, and gives the bytes of each row, and rows of a stream as they come.
        """
        wanted = [field.name for field in fields]
        with source.opened(raw=True) as stream:
            mark, returns = read_mark(stream), ends_in_returns(stream)
            names, raw, line = self._header(source, stream, fields, returns)
            if records:
                yield RawColumns.before_rows(fields, head_of(mark + raw))
            delimiter = self._delimiter(source)
            checked = CheckedQuotes(stream, source.name, delimiter, line + 1, at_once=source.line_buffered)
            for chunk, ends, lines in quoted_rows(checked, delimiter, line + 1):
                if checked.error:
                    raise checked.error
                full = _not_blank(chunk, ends)
                try:
                    batches = list(
                        self._arrow_batches(source, io.BytesIO(chunk), names, wanted, len(chunk) + 1)
                    )
                except pa.ArrowInvalid as error:
                    raise InputError(self._fault(source, len(names), error)) from error
                if sum(map(len, batches)) != len(full):
                    raise InputError(
                        f"{source.name}, line {lines[0]}: {len(full)} rows from here on are read as "
                        f"{sum(map(len, batches))}: correct the quotes in them."
                    )
                if batches:
                    table = pa.Table.from_batches(batches)
                    columns = dict(zip(wanted, table.columns, strict=True))
                    rows = Records(cut(chunk, ends)).take(full) if records else None
                    yield _without_headers(source, RawColumns(columns, lines[full], rows))
            if checked.error:
                raise checked.error

    def _read_quoted(self, source: Source, fields: Sequence[Field]) -> Iterator[RawColumns]:
        """Read with Arrow's CSV reader, restarted with larger blocks if a row does not fit into two."""
        wanted = [field.name for field in fields]
        standard = source.is_stream
        done, size = 0, 16 * CHUNK if standard else CHUNK
        while True:
            with source.opened() as stream:
                header, _, line = self._header(source, stream, fields)
                if not stream.peek(1):
                    return
                checked = CheckedQuotes(stream, source.name, self._delimiter(source), line + 1)
                try:
                    skip = done
                    for batch in self._arrow_batches(source, checked, header, wanted, size):
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
        self, source: Source, stream: io.IOBase, header: list[str], wanted: list[str], size: int
    ) -> Iterator[pa.RecordBatch]:
        try:
            yield from pyarrow.csv.open_csv(
                stream,
                read_options=pyarrow.csv.ReadOptions(column_names=header, block_size=size),
                parse_options=pyarrow.csv.ParseOptions(
                    delimiter=self._delimiter(source), newlines_in_values=True
                ),
                convert_options=pyarrow.csv.ConvertOptions(
                    include_columns=wanted, column_types=dict.fromkeys(wanted, pa.large_string())
                ),
            )
        except pa.ArrowInvalid as error:
            if not str(error).startswith("Empty CSV file"):
                raise

    def _header(
        self, source: Source, stream: io.BufferedReader, fields: Sequence[Field], returns: bool = False
    ) -> _Header:
        """Read and check the names of the columns. `returns`: lines end in carriage returns alone."""
        raw = read_line(stream, returns=returns)
        if not raw:  # an empty file has no rows
            return _Header([field.name for field in fields], raw, 1)
        while source.quoting and raw.count(b'"') % 2 and (more := read_line(stream, returns=returns)):
            raw += more
        try:
            text = raw.decode().rstrip("\r\n")
        except UnicodeDecodeError as error:
            raise InputError(
                f"{source.name}, line 1: the header is not valid UTF-8: convert the file to UTF-8."
            ) from error
        if not text:
            raise InputError(f"{source.name} has no header: name the columns in the first line.")
        names = self.split(source, text)
        check_columns(source, fields, names)
        return _Header(names, raw, len(line_ends(raw, returns=returns)))

    def split(self, source: Source, line: str) -> list[str]:
        """The fields of one row."""
        if not source.quoting:
            return line.split(self._delimiter(source))
        with _long_fields():
            return next(csv.reader(io.StringIO(line, newline=""), delimiter=self._delimiter(source)))

    def _delimiter(self, source: Source) -> str:
        return source.delimiter or self.delimiter

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
            reader = csv.reader(_decoded(stream), delimiter=self._delimiter(source))
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
    return raw.take(rows)


def _not_blank(chunk: bytes, ends: NDArray[np.int64]) -> NDArray[np.int64]:
    """The rows of a chunk that are not the end of a line alone."""
    starts = np.concatenate([[0], ends[:-1]])
    short = np.flatnonzero(ends - starts <= len("\r\n"))
    blank = [row for row in short.tolist() if not chunk[starts[row] : ends[row]].strip(b"\r\n")]
    return np.delete(np.arange(len(ends)), blank)


class _NotUtf8Error(Exception):
    def __init__(self, line: int) -> None:
        self.line = line


def _decoded(stream: io.BufferedReader) -> Iterator[str]:
    for number, line in enumerate(stream, 1):
        try:
            yield line.decode().removeprefix("\ufeff")
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
