"""Quotes in delimited text: checks that they follow RFC 4180 at the speed of reading, and rows between them.

Arrow's reader accepts what breaks it: a quote that is never closed turns the rest of a file into one field.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from .records import BOM, CHUNK, LARGEST_CHUNK, line_ends

_QUOTE = ord('"')
#: Bytes that are checked at a time: twice as fast as whole chunks, which leave the cache of the processor.
_PIECE = 1 << 18


class CheckedQuotes(io.RawIOBase):
    """A stream of which every quoted field ends in a quote before a delimiter or the end of a line.

    Args:
        stream: The stream, after its header.
        name: Name of the file in error messages.
        delimiter: The delimiter.
        line: Number of the stream's first line.
        at_once: Read what the stream has, instead of waiting for as much as was asked for.

    Attributes:
        name: Name of the file.
        error: Set when a quoted field does not end like that; the stream ends there. It has the field's line.
    """

    def __init__(
        self, stream: io.BufferedReader, name: str, delimiter: str, line: int, *, at_once: bool = False
    ) -> None:
        self._read = stream.read1 if at_once else stream.read
        self.name, self._line = name, line
        self._boundary = np.zeros(256, bool)
        self._boundary[[ord(delimiter), ord("\r"), ord("\n")]] = True
        self._inside = False
        self._opened = line
        #: Position in the piece up to which lines are counted, and their number: each byte is counted once.
        self._counted, self._lines = 1, 0
        #: The last two bytes: the latter is not checked yet, as it has no successor. At first a boundary.
        self._tail = b"\n"
        #: The first byte of the tail is a quote that closed a field: another one behind it opens it again.
        self._closed = False
        self.error: InputError | None = None

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read and check."""
        data = b"" if self.error else self._read_unmarked(len(buffer))
        try:
            if data:
                for begin in range(0, len(data), _PIECE):
                    self._check(data[begin : begin + _PIECE])
            elif not self.error:
                self._finish()
        except InputError as error:  # not through Arrow, which would keep its frames alive
            self.error, data = error, b""
        buffer[: len(data)] = data
        return len(data)

    def _read_unmarked(self, size: int) -> bytes:
        """Read without byte order marks at the start of a line, which ``cat`` leaves inside a file."""
        while data := self._read(max(1, size - len(BOM))):
            while data.endswith((BOM[:1], BOM[:2])) and (more := self._read(1)):
                data += more
            if BOM[:1] in data and BOM in data:  # the second takes as long as the whole check
                begins_line = self._tail.endswith(b"\n")
                data = data.replace(b"\n" + BOM, b"\n")
                data = data.removeprefix(BOM) if begins_line else data
            if data:
                return data
        return b""

    def _finish(self) -> None:
        """Check the end of the stream."""
        self._check(b"\n")
        if self._inside:
            raise InputError(
                f"{self.name}, line {self._opened}: a quote opens here and is never closed: close it, "
                'write a quote as "" inside of quotes, or read without quoting.'
            )

    def _check(self, data: bytes) -> None:
        text = self._tail + data
        last = -1
        self._counted, self._lines = 1, 0
        if self._inside or b'"' in text:
            raw = np.frombuffer(text, np.uint8)
            # The first byte was checked already, and the last has to wait for its successor.
            quotes = np.flatnonzero(raw[1:-1] == _QUOTE) + 1
            if len(quotes) and self._is_regular(text, raw, quotes):
                last = -1 if self._inside else int(quotes[-1])
            elif len(quotes):
                last = self._walk(text, raw, quotes)
        self._closed = last == len(text) - 2
        self._line += self._lines + text.count(b"\n", self._counted, len(text) - 1)
        self._tail = text[-2:]

    def _is_regular(self, text: bytes, raw: NDArray[np.uint8], quotes: NDArray[np.int64]) -> bool:
        """Check quotes that open and close in turn; False if they have to be checked one by one."""
        if quotes[0] == 1 and raw[0] == _QUOTE and not self._closed:
            return False
        opening = quotes[int(self._inside) :: 2]
        closing = quotes[1 - int(self._inside) :: 2]
        before, after = raw[opening - 1], raw[closing + 1]
        if not (self._boundary[before] | (before == _QUOTE)).all():
            return False
        if not (self._boundary[after] | (after == _QUOTE)).all():
            return False
        first = opening[before != _QUOTE]
        if len(first):
            self._open_at(text, int(first[-1]))
        self._inside ^= bool(len(quotes) % 2)
        return True

    def _walk(self, text: bytes, raw: NDArray[np.uint8], quotes: NDArray[np.int64]) -> int:
        """Check quotes one by one: those inside of a field without quotes are plain characters.

        Returns:
            The position of the last quote that closed a field, or -1.
        """
        closed = 0 if self._closed else -1
        for quote in quotes.tolist():
            if self._inside:
                self._inside, closed = False, quote
                after = raw[quote + 1]
                if not (self._boundary[after] or after == _QUOTE):
                    raise InputError(
                        f"{self.name}, line {self._opened}: the quoted field that starts here has text "
                        'behind its closing quote: write a quote as "" inside of quotes, or read without '
                        "quoting."
                    )
            elif self._boundary[raw[quote - 1]]:
                self._inside = True
                self._open_at(text, quote)
            elif closed == quote - 1:
                self._inside = True
        return -1 if self._inside else closed

    def _open_at(self, text: bytes, position: int) -> None:
        self._lines += text.count(b"\n", self._counted, position)
        self._counted = position
        self._opened = self._line + self._lines


def quoted_rows(
    stream: CheckedQuotes, delimiter: str, line: int
) -> Iterator[tuple[bytes, NDArray[np.int64], NDArray[np.int64]]]:
    """Cut a stream into chunks of whole rows, about 4 MiB each; a longer row makes a larger chunk.

    Args:
        stream: The stream, after its header.
        delimiter: The delimiter.
        line: Number of the stream's first line.

    Yields:
        The chunk, the positions behind its rows, and the number of the line in which each row starts. Lines
        without a character are rows too.

    Raises:
        InputError: A row is longer than Arrow can parse.
    """
    rest, size = b"", CHUNK
    while True:
        data = stream.read(size)
        chunk = rest + (data or b"")
        if len(chunk) >= LARGEST_CHUNK:
            raise InputError(
                f"{stream.name}, line {line}: this row is longer than {LARGEST_CHUNK:,} bytes: close its "
                "quotes."
            )
        lines = line_ends(chunk, returns=True)
        ends = lines[_outside(chunk, delimiter, lines - 1)]
        if not data and len(chunk) and (not len(ends) or ends[-1] != len(chunk)):
            ends = np.append(ends, len(chunk))
        elif data and chunk.endswith(b"\r"):  # a line feed can follow
            ends = ends[ends < len(chunk)]
        if len(ends):
            starts = np.concatenate([[0], ends[:-1]])
            yield chunk[: ends[-1]], ends, line + np.searchsorted(lines, starts, "right")
            line += int(np.searchsorted(lines, ends[-1], "right"))
            rest, size = chunk[ends[-1] :], CHUNK
        else:
            rest, size = chunk, 2 * size  # so that a row of any length is searched a few times only
        if not data:
            return


def _outside(chunk: bytes, delimiter: str, positions: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which positions of a chunk of checked quotes that starts with a row are not inside of quotes."""
    if b'"' not in chunk:
        return np.ones(len(positions), bool)
    raw = np.frombuffer(chunk, np.uint8)
    quotes = np.flatnonzero(raw == _QUOTE)
    boundary = np.zeros(256, bool)
    boundary[[ord(delimiter), ord("\r"), ord("\n"), _QUOTE]] = True
    opening = quotes[::2]
    if not boundary[raw[opening[opening > 0] - 1]].all():
        quotes = _meant(raw, boundary, quotes)
    outside: NDArray[np.bool_] = np.searchsorted(quotes, positions) % 2 == 0
    return outside


def _meant(
    raw: NDArray[np.uint8], boundary: NDArray[np.bool_], quotes: NDArray[np.int64]
) -> NDArray[np.int64]:
    """The quotes that open or close a field, or are one of two: others are plain characters."""
    found: list[int] = []
    for quote in quotes.tolist():
        opens = quote == 0 or (raw[quote - 1] != _QUOTE and boundary[raw[quote - 1]])
        if len(found) % 2 or opens or (found and found[-1] == quote - 1):
            found.append(quote)
    return np.array(found, np.int64)
