"""Checks that quotes in delimited text follow RFC 4180, at the speed of reading.

Arrow's reader accepts what breaks it: a quote that is never closed turns the rest of a file into one field.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError

_QUOTE = ord('"')


class CheckedQuotes(io.RawIOBase):
    """A stream of which every quoted field ends in a quote before a delimiter or the end of a line.

    Args:
        stream: The stream, after its header.
        name: Name of the file in error messages.
        delimiter: The delimiter.
        line: Number of the stream's first line.

    Attributes:
        error: Set when a quoted field does not end like that; the stream ends there. It has the field's line.
    """

    def __init__(self, stream: io.BufferedReader, name: str, delimiter: str, line: int) -> None:
        self._stream, self._name, self._line = stream, name, line
        self._boundary = np.zeros(256, bool)
        self._boundary[[ord(delimiter), ord("\r"), ord("\n")]] = True
        self._inside = False
        self._opened = line
        #: The last two bytes: the latter is not checked yet, as it has no successor. At first a boundary.
        self._tail = b"\n"
        self.error: InputError | None = None

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read and check."""
        data = b"" if self.error else self._stream.read(len(buffer))
        try:
            if data:
                self._check(data)
            elif not self.error:
                self._finish()
        except InputError as error:  # not through Arrow, which would keep its frames alive
            self.error, data = error, b""
        buffer[: len(data)] = data
        return len(data)

    def _finish(self) -> None:
        """Check the end of the stream."""
        self._check(b"\n")
        if self._inside:
            raise InputError(
                f"{self._name}, line {self._opened}: a quote opens here and is never closed: close it, "
                'write a quote as "" inside of quotes, or read without quoting.'
            )

    def _check(self, data: bytes) -> None:
        text = self._tail + data
        if self._inside or b'"' in text:
            raw = np.frombuffer(text, np.uint8)
            # The first byte was checked already, and the last has to wait for its successor.
            quotes = np.flatnonzero(raw[1:-1] == _QUOTE) + 1
            if len(quotes) and not self._is_regular(text, raw, quotes):
                self._walk(text, raw, quotes)
        self._line += text[1:-1].count(b"\n")
        self._tail = text[-2:]

    def _is_regular(self, text: bytes, raw: NDArray[np.uint8], quotes: NDArray[np.int64]) -> bool:
        """Check quotes that open and close in turn; False if they have to be checked one by one."""
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

    def _walk(self, text: bytes, raw: NDArray[np.uint8], quotes: NDArray[np.int64]) -> None:
        """Check quotes one by one: those inside of a field without quotes are plain characters."""
        closed = 0 if raw[0] == _QUOTE and not self._inside else -1
        for quote in quotes.tolist():
            if self._inside:
                self._inside, closed = False, quote
                after = raw[quote + 1]
                if not (self._boundary[after] or after == _QUOTE):
                    raise InputError(
                        f"{self._name}, line {self._opened}: the quoted field that starts here has text "
                        'behind its closing quote: write a quote as "" inside of quotes, or read without '
                        "quoting."
                    )
            elif self._boundary[raw[quote - 1]]:
                self._inside = True
                self._open_at(text, quote)
            elif closed == quote - 1:
                self._inside = True

    def _open_at(self, text: bytes, position: int) -> None:
        self._opened = self._line + text[1:position].count(b"\n")
