"""The base class of readers, and what they share: opening files, lines, locations in errors."""

from __future__ import annotations

import gzip
import io
import sys
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ...errors import InputError, first_line
from ..fields import Field, Place, typed

#: The path of standard input and standard output.
STANDARD_STREAM = "-"

#: Bytes that are read and parsed at a time.
CHUNK = 4 << 20
#: The most bytes that Arrow parses at a time.
LARGEST_CHUNK = (1 << 31) - 1
BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class RowBlock:
    """Consecutive rows of one file.

    Attributes:
        table: One column per role, without nulls.
        place: ``place(i)`` is the location of row `i` of the block, as ``FILE, line N``.
    """

    table: pa.Table
    place: Place


@dataclass(frozen=True)
class RawColumns:
    """Columns of consecutive rows before their conversion to typed columns.

    Attributes:
        columns: Arrays or chunked arrays (n,), by name in the file; at least one.
        lines: int64 (n,), the line number of each row, from 1; None if not known.
    """

    columns: dict[str, Any]
    lines: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))


class Reader(ABC):
    """Reads one file format.

    A new format is a subclass in its own module, listed in :mod:`.registry`. Readers hold no state.

    Attributes:
        format: Name of the format.
        endings: Endings of file names, without the full stop.
        binary: The format has its own compression: its files cannot be compressed as a whole, nor read from
            standard input.
        quoting: By default, fields can be in double quotes.
    """

    format: ClassVar[str]
    endings: ClassVar[tuple[str, ...]]
    binary: ClassVar[bool] = False
    quoting: ClassVar[bool] = False

    @abstractmethod
    def read(self, source: Source, fields: Sequence[Field]) -> Iterator[RawColumns]:
        """Read the columns of `fields`, in order and in bounded memory.

        OSError and pyarrow errors can pass through: :meth:`Source.read` explains them.

        Raises:
            InputError: A column is missing, or a row is invalid.
        """

    def place(self, source: Source, row: int) -> str:
        """Locate row `row` of the file, from 0, for which :class:`RawColumns` has no line number."""
        return f"{source.name}, row {row + 1}"


@dataclass(frozen=True)
class Source:
    """A file to read.

    Attributes:
        path: Its path; ``"-"`` is standard input.
        reader: Reads its format.
        codec: Its compression, as pyarrow names it.
        quoting: Fields can be in double quotes.
    """

    path: str
    reader: Reader
    codec: str | None = None
    quoting: bool = False

    @property
    def name(self) -> str:
        """Its name in error messages."""
        return "standard input" if self.path == STANDARD_STREAM else self.path

    @property
    def is_stream(self) -> bool:
        """Whether it can be read only once: standard input, a named pipe, ``/dev/fd``."""
        return self.path == STANDARD_STREAM or (Path(self.path).exists() and not Path(self.path).is_file())

    @property
    def format(self) -> str:
        """Name of its format."""
        return self.reader.format

    def read(self, fields: Sequence[Field]) -> Iterator[RowBlock]:
        """Read the columns of `fields`, in order and in bounded memory. A file can have no rows.

        Raises:
            InputError: The file does not exist, is truncated or damaged, has no such column, or has
                an invalid row. The message names the file and, if known, the line.
        """
        first = 0
        with self.errors_explained():
            for raw in self.reader.read(self, fields):
                place = self._locator(raw, first)
                columns = {field.role: typed(raw.columns[field.name], field, place) for field in fields}
                yield RowBlock(pa.table(columns), place)
                first += len(raw)

    @contextmanager
    def opened(self) -> Iterator[io.BufferedReader]:
        """Open the file, decompressed, after a byte order mark if it has one."""
        with ExitStack() as stack:
            if self.path == STANDARD_STREAM:
                stream: Any = sys.stdin.buffer
            else:
                stream = stack.enter_context(Path(self.path).open("rb"))
            if self.codec == "gzip" and (self.is_stream or _is_padded(stream)):
                stream = stack.enter_context(gzip.GzipFile(fileobj=stream))
                stream = stack.enter_context(io.BufferedReader(stream, 1 << 20))
            elif self.codec is not None:
                stream = stack.enter_context(pa.CompressedInputStream(pa.PythonFile(stream), self.codec))
                stream = stack.enter_context(io.BufferedReader(stream, 1 << 20))
            head = stream.peek(len(BOM))
            if head[: len(BOM)] == BOM:
                stream.read(len(BOM))
            if b"\r" in head[:-1] and b"\n" not in head:
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


def _is_padded(stream: io.BufferedReader) -> bool:
    """Whether zeros follow a gzip file, which gzip allows and Arrow does not.

    The checksum and the size at the end of a gzip file can be eight zero bytes.
    """
    size = stream.seek(0, io.SEEK_END)
    stream.seek(max(0, size - 9))
    tail = stream.read(9)
    stream.seek(0)
    return tail == bytes(9)


def line_chunks(stream: io.BufferedReader) -> Iterator[bytes]:
    """Cut a stream into chunks of whole lines, about 4 MiB each; a longer line makes a larger chunk.

    Byte order marks at the start of a line, which ``cat`` leaves inside a file, are removed.
    """
    parts: list[bytes] = []
    while chunk := stream.read(CHUNK):
        end = chunk.rfind(b"\n") + 1
        if not end:
            parts.append(chunk)
            continue
        yield _without_marks(b"".join((*parts, chunk[:end])))
        parts = [chunk[end:]]
    if last := b"".join(parts):
        yield _without_marks(last)


def _without_marks(chunk: bytes) -> bytes:
    return chunk.removeprefix(BOM).replace(b"\n" + BOM, b"\n") if BOM in chunk else chunk


def universal_lines(chunk: bytes) -> bytes:
    """A chunk with line feeds for all ends of lines: also for carriage returns inside it."""
    if b"\r" not in chunk:
        return chunk
    return chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


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
