"""The base class of readers, and what they share: opening files, lines, locations in errors."""

from __future__ import annotations

import codecs
import fcntl
import gzip
import io
import sys
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ..._internal.files import opened
from ..._internal.object_store import is_url
from ...errors import InputError, first_line
from ..fields import Field, Place, typed, with_values
from .records import Records, ends_in_returns, read_mark, refuse_wide

#: The path of standard input and standard output.
STANDARD_STREAM = "-"


@dataclass(frozen=True)
class RowBlock:
    """Consecutive rows of one file.

    Attributes:
        table: One column per role, without nulls.
        place: ``place(i)`` is the location of row `i` of the block, as ``FILE, line N``.
        source: The file; None for rows in memory.
        records: The rows as the file has them, if they were asked for.
    """

    table: pa.Table
    place: Place
    source: Source | None = None
    records: Records | None = None


@dataclass(frozen=True)
class RawColumns:
    """Columns of consecutive rows before their conversion to typed columns.

    Attributes:
        columns: Arrays or chunked arrays (n,), by name in the file; at least one.
        lines: int64 (n,), the line number of each row, from 1; None if not known.
        records: The rows as the file has them, if they were asked for.
    """

    columns: dict[str, Any]
    lines: NDArray[np.int64] | None = None
    records: Records | None = None

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def take(self, rows: NDArray[np.int64]) -> RawColumns:
        """Some of the rows, by position."""
        return RawColumns(
            {name: column.take(pa.array(rows)) for name, column in self.columns.items()},
            None if self.lines is None else self.lines[rows],
            None if self.records is None else self.records.take(rows),
        )

    @classmethod
    def before_rows(cls, fields: Sequence[Field], records: Records) -> RawColumns:
        """The first block of a file whose records are read: its head, and no rows."""
        none = pa.array([], pa.large_string())
        return cls({field.name: none for field in fields}, np.empty(0, np.int64), records)


class Reader(ABC):
    """Reads one file format.

    A new format is a subclass in its own module, listed in :mod:`.registry`. Readers hold no state.

    Attributes:
        format: Name of the format.
        endings: Endings of file names, without the full stop.
        binary: The format has its own compression: its files cannot be compressed as a whole, nor read from
            standard input.
        quoting: By default, fields can be in double quotes.
        delimiter: By default, separates fields; None if the format has no fields.
        named: Columns have names.
    """

    format: ClassVar[str]
    endings: ClassVar[tuple[str, ...]]
    binary: ClassVar[bool] = False
    quoting: ClassVar[bool] = False
    delimiter: ClassVar[str | None] = None
    named: ClassVar[bool] = True

    @abstractmethod
    def read(self, source: Source, fields: Sequence[Field], *, records: bool = False) -> Iterator[RawColumns]:
        """Read the columns of `fields`, in order and in bounded memory.

        With `records`, the rows come with what the file has of them. The first block then has the head of the
        file, and no rows: see :class:`Records`.

        OSError and pyarrow errors can pass through: :meth:`Source.read` explains them.

        Raises:
            InputError: A column is missing, or a row is invalid.
        """

    def columns(self, source: Source) -> Sequence[str]:  # noqa: ARG002 - of formats with names
        """Names of the columns, from the beginning of the file; none if columns have no names."""
        return ()

    def place(self, source: Source, row: int) -> str:
        """Locate row `row` of the file, from 0, for which :class:`RawColumns` has no line number."""
        return f"{source.name}, row {row + 1}"


@dataclass(frozen=True)
class Source:
    """A file to read.

    Attributes:
        path: Its path, or the URL of an object; ``"-"`` is standard input.
        reader: Reads its format.
        codec: Its compression, as pyarrow names it.
        quoting: Fields can be in double quotes.
        delimiter: Separates fields; None if the format has none.
        encoding: Its encoding, as Python names it; None for UTF-8.
        line_buffered: Each row is passed on as soon as it arrives.
    """

    path: str
    reader: Reader
    codec: str | None = None
    quoting: bool = False
    delimiter: str | None = None
    encoding: str | None = None
    line_buffered: bool = False

    @property
    def name(self) -> str:
        """Its name in error messages."""
        return "standard input" if self.path == STANDARD_STREAM else self.path

    @property
    def is_stream(self) -> bool:
        """Whether it can be read only once: standard input, a named pipe, ``/dev/fd``."""
        if is_url(self.path):
            return False
        return self.path == STANDARD_STREAM or (Path(self.path).exists() and not Path(self.path).is_file())

    @property
    def format(self) -> str:
        """Name of its format."""
        return self.reader.format

    def read(self, fields: Sequence[Field], *, records: bool = False) -> Iterator[RowBlock]:
        """Read the columns of `fields`, in order and in bounded memory. A file can have no rows.

        Args:
            fields: The columns.
            records: Also give the rows as the file has them. The first block then has the head of the file,
                and no rows.

        Raises:
            InputError: The file does not exist, is truncated or damaged, has no such column, or has
                an invalid row. The message names the file and, if known, the line.
        """
        if records and self.encoding is not None:
            raise InputError(
                f"{self.name} is not in UTF-8, so that its rows cannot be copied: convert it to UTF-8."
            )
        first = 0
        with self.errors_explained():
            for raw in self.reader.read(self, fields, records=records):
                given, place = with_values(raw.columns, fields, self._locator(raw, first))
                columns = {field.role: typed(given[field.name], field, place) for field in fields}
                yield RowBlock(pa.table(columns), place, self, raw.records)
                first += len(raw)

    def columns(self) -> tuple[str, ...]:
        """Names of the columns, in order; of jsonl those of the first row. None if columns have no names.

        Raises:
            InputError: The beginning of the file cannot be read.
        """
        with self.errors_explained():
            return tuple(self.reader.columns(self))

    @contextmanager
    def opened(self, *, raw: bool = False) -> Iterator[io.BufferedReader]:
        """Open the file, decompressed.

        Unless `raw`, it starts after a byte order mark, and if its lines end in carriage returns, line feeds
        take their place.

        Raises:
            InputError: It is text in UTF-16 or UTF-32.
        """
        with ExitStack() as stack:
            if self.path == STANDARD_STREAM:
                stream: Any = sys.stdin.buffer
            else:
                stream = stack.enter_context(opened(self.path))
            if self.line_buffered:
                _enlarge_pipe(stream)
            if self.codec == "gzip" and (self.is_stream or _is_padded(stream)):
                stream = stack.enter_context(gzip.GzipFile(fileobj=stream))
                stream = stack.enter_context(io.BufferedReader(stream, 1 << 20))
            elif self.codec is not None:
                stream = stack.enter_context(pa.CompressedInputStream(pa.PythonFile(stream), self.codec))
                stream = stack.enter_context(io.BufferedReader(stream, 1 << 20))
            if self.encoding is not None:
                stream = io.BufferedReader(_Utf8(stream, self.encoding), 1 << 20)
            if not self.reader.binary:
                refuse_wide(stream, self.name)
            if not raw:
                read_mark(stream)
                if ends_in_returns(stream):
                    stream = io.BufferedReader(_CarriageReturns(stream), 1 << 20)
            yield stream

    @contextmanager
    def errors_explained(self) -> Iterator[None]:
        """Turn errors of the file system and of pyarrow into an InputError that names the file."""
        try:
            yield
        except FileNotFoundError as error:
            raise InputError(f"{self.name} does not exist: check the path.") from error
        except IsADirectoryError as error:
            raise InputError(f"{self.name} is a directory: give a file.") from error
        except PermissionError as error:
            raise InputError(f"{self.name} cannot be read: change its permissions.") from error
        except UnicodeError as error:
            raise InputError(
                f"{self.name} is not valid {self.encoding or 'UTF-8'} ({short_reason(error)}): give its "
                "encoding."
            ) from error
        except (OSError, EOFError, zlib.error, pa.ArrowException) as error:
            reason = short_reason(error)
            if self.codec is None and not self.reader.binary:
                raise InputError(f"{self.name} cannot be read ({reason}): correct the file.") from error
            raise InputError(
                f"{self.name} is truncated or damaged ({reason}): download or write it again."
            ) from error

    def _locator(self, raw: RawColumns, first: int) -> Place:
        """Locates rows of `raw`, whose first row is row `first` of the file."""

        def place(i: int) -> str:
            if raw.lines is not None:
                return f"{self.name}, line {raw.lines[i]}"
            return self.reader.place(self, first + i)

        return place


def _enlarge_pipe(stream: io.BufferedReader) -> None:
    """Let a pipe hold 1 MiB, if the system can: small blocks cost three times the time."""
    if hasattr(fcntl, "F_SETPIPE_SZ"):
        with suppress(OSError):  # not a pipe
            fcntl.fcntl(stream.fileno(), fcntl.F_SETPIPE_SZ, 1 << 20)


class _CarriageReturns(io.RawIOBase):
    """A stream whose lines end in carriage returns, with line feeds instead."""

    def __init__(self, stream: io.BufferedReader) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._stream.read1(len(buffer)).replace(b"\r", b"\n")
        buffer[: len(data)] = data
        return len(data)


class _Utf8(io.RawIOBase):
    """A stream of another encoding as UTF-8."""

    def __init__(self, stream: io.BufferedReader, encoding: str) -> None:
        self._stream, self._decoder = stream, codecs.getincrementaldecoder(encoding)()
        self._ready, self._ended = b"", False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not (self._ready or self._ended):
            data = self._stream.read1(len(buffer))
            self._ended = not data
            self._ready = self._decoder.decode(data, self._ended).encode("utf-8", "replace")
        part, self._ready = self._ready[: len(buffer)], self._ready[len(buffer) :]
        buffer[: len(part)] = part
        return len(part)


def _is_padded(stream: io.BufferedReader) -> bool:
    """Whether zeros follow a gzip file, which gzip allows and Arrow does not.

    The checksum and the size at the end of a gzip file can be eight zero bytes.
    """
    size = stream.seek(0, io.SEEK_END)
    stream.seek(max(0, size - 9))
    tail = stream.read(9)
    stream.seek(0)
    return tail == bytes(9)


def split_lines(chunk: bytes) -> pa.Array:
    """The lines of a chunk, large_binary, without the line feed (and carriage return) at their ends."""
    whole = pa.array([chunk[:-1] if chunk.endswith(b"\n") else chunk], pa.large_binary())
    lines = pc.split_pattern(whole, "\n").values
    if b"\r" in chunk:
        ended = pc.ends_with(lines, "\r")
        lines = pc.if_else(ended, pc.binary_slice(lines, 0, -1), lines)
    return lines


def check_columns(source: Source, fields: Sequence[Field], names: Sequence[str]) -> None:
    """Check that each field is exactly one of a file's columns.

    Raises:
        InputError: A column is missing or occurs more than once.
    """
    for field in fields:
        if field.name not in names:
            known = ", ".join(map(repr, names))
            raise InputError(f"{source.name} has no column {field.name!r}: use one of {known}.")
        if list(names).count(field.name) > 1:
            raise InputError(f"{source.name} has several columns {field.name!r}: rename all but one of them.")


def short_reason(error: BaseException) -> str:
    """The first 200 characters of an error's first line, to quote in a sentence."""
    return first_line(error)[:200]
