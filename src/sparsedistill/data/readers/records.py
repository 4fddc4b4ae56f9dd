"""Rows as their files have them, so that some of them can be written again without a change."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...errors import InputError

BOM = b"\xef\xbb\xbf"
#: Byte order marks of encodings with several bytes per character, longest first.
_WIDE_MARKS = {
    b"\xff\xfe\0\0": "utf-32",
    b"\0\0\xfe\xff": "utf-32",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}
_SEEN = 4096  # bytes that tell an encoding
#: Bytes below it are control characters, which texts rarely have. In UTF-16 they are the upper bytes of many
#: scripts: 0 in Latin, 4 in Cyrillic.
_CONTROLS = ord("\t")
_FEWEST = 4  # characters: fewer can be a text with zeros
_MOST = 0.9  # of the bytes: texts have a few zeros, and other characters than these scripts
#: Bytes that are read and parsed at a time.
CHUNK = 4 << 20
#: The most bytes that Arrow parses at a time.
LARGEST_CHUNK = (1 << 31) - 1


@dataclass(frozen=True)
class ParquetHead:
    """What a parquet file says of its rows.

    Attributes:
        schema: Columns and metadata.
        codec: Compression of the first column, as parquet names it.
    """

    schema: pa.Schema
    codec: str


@dataclass(frozen=True)
class Records:
    """Consecutive rows of one file, as the file has them.

    Attributes:
        rows: large_binary (n,), the bytes of each row with the end of its line; for parquet a record batch
            (n,) of all columns.
        head: What comes before the first row: a byte order mark and a header, or what parquet says of its
            rows (``b""`` if the file has no byte). Only the first block of a file has it, and no rows.
    """

    rows: Any
    head: bytes | ParquetHead | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, rows: NDArray[np.int64]) -> Records:
        """Some of the rows, by position."""
        return Records(self.rows.take(pa.array(rows)), self.head)


def head_of(head: bytes) -> Records:
    """The first records of a file of lines."""
    return Records(pa.array([], pa.large_binary()), head)


def read_mark(stream: io.BufferedReader) -> bytes:
    """Read a byte order mark, if there is one."""
    return stream.read(len(BOM)) if stream.peek(len(BOM))[: len(BOM)] == BOM else b""


def refuse_wide(stream: io.BufferedReader, name: str) -> None:
    """Check that a file is not in UTF-16 or UTF-32, which can be valid UTF-8 with zeros.

    Raises:
        InputError: What is buffered of the stream is in such an encoding.
    """
    encoding = _wide_encoding(stream.peek(1)[:_SEEN])
    if encoding is not None:
        raise InputError(
            f"{name} is not UTF-8 but {encoding}: give the encoding (--encoding {encoding}), or convert the "
            "file to UTF-8."
        )


def _wide_encoding(head: bytes) -> str | None:
    """The encoding of the beginning of a file if it has several bytes per character, else None."""
    for mark, encoding in _WIDE_MARKS.items():
        if head.startswith(mark):
            return encoding
    for width in (4, 2):
        units = np.frombuffer(head[: len(head) // width * width], np.uint8).reshape(-1, width)
        for order, ordered in (("le", units), ("be", units[:, ::-1])):
            if len(units) >= _FEWEST and _are_characters(ordered):
                return f"utf-{8 * width}-{order}"
    return None


def _are_characters(units: NDArray[np.uint8]) -> bool:
    """Whether bytes (n, width) are characters of `width` bytes, the lowest first.

    Nearly all upper bytes are below those of text, and the lowest are not. Blank lines are no evidence.
    """
    low = (units < _CONTROLS).mean(axis=0)
    return bool(low[1:].min() >= _MOST and low[0] <= 1 - _MOST and (units[:, 0] > ord(" ")).any())


def ends_in_returns(stream: io.BufferedReader) -> bool:
    """Whether lines end in carriage returns alone, as far as the stream can be seen."""
    head = stream.peek(1)
    return b"\r" in head[:-1] and b"\n" not in head


def read_line(stream: io.BufferedReader, *, returns: bool) -> bytes:
    """Read a line with its end, which can be a carriage return alone if `returns`."""
    if not returns:
        return stream.readline()
    line = bytearray()
    while byte := stream.read(1):
        line += byte
        if byte == b"\n" or (byte == b"\r" and stream.peek(1)[:1] != b"\n"):
            break
    return bytes(line)


def raw_chunks(stream: io.BufferedReader, *, returns: bool, at_once: bool = False) -> Iterator[bytes]:
    """Cut a stream into chunks of whole lines, about 4 MiB each; a longer line makes a larger chunk.

    Args:
        stream: The stream, after its byte order mark.
        returns: Lines can end in a carriage return alone.
        at_once: Give lines as soon as the stream has them, in smaller chunks.
    """
    parts: list[bytes] = []
    while chunk := stream.read1(CHUNK) if at_once else stream.read(CHUNK):
        end = chunk.rfind(b"\n") + 1
        if not end and returns:
            end = chunk.rfind(b"\r", 0, -1) + 1  # a line feed can follow the last byte
        if not end:
            parts.append(chunk)
            continue
        yield b"".join((*parts, chunk[:end]))
        parts = [chunk[end:]]
    if last := b"".join(parts):
        yield last


def without_marks(chunk: bytes) -> bytes:
    """A chunk without byte order marks at the start of a line, which ``cat`` leaves inside a file."""
    return chunk.removeprefix(BOM).replace(b"\n" + BOM, b"\n") if BOM in chunk else chunk


def universal_lines(chunk: bytes) -> bytes:
    """A chunk with line feeds for all ends of lines: also for carriage returns inside it."""
    if b"\r" not in chunk:
        return chunk
    return chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def line_ends(chunk: bytes, *, returns: bool) -> NDArray[np.int64]:
    """Positions behind the ends of the lines of a chunk; the last line can lack an end.

    Args:
        chunk: Whole lines.
        returns: A carriage return alone ends a line too.
    """
    data = np.frombuffer(chunk, np.uint8)
    ends = data == ord("\n")
    if returns and b"\r" in chunk:
        alone = data == ord("\r")
        alone[:-1] &= ~ends[1:]
        ends |= alone
    return np.flatnonzero(ends) + 1


def cut(chunk: bytes, ends: Sequence[int] | NDArray[np.int64]) -> pa.Array:
    """A chunk in pieces that end at `ends`, and the rest if there is one: large_binary."""
    offsets = np.concatenate([[0], ends]).astype(np.int64)
    if offsets[-1] != len(chunk):
        offsets = np.append(offsets, len(chunk))
    return pa.LargeBinaryArray.from_buffers(
        pa.large_binary(), len(offsets) - 1, [None, pa.py_buffer(offsets), pa.py_buffer(chunk)]
    )
