"""Standard streams that are closed, as by ``>&-``, and the width of the terminal."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from typing import Any

from ..errors import InputError

#: Narrower tables have no room for words.
_LEAST_COLUMNS = 40


class _Closed(io.RawIOBase):
    """A closed stream, whose first use is an error.

    Args:
        name: What messages call it.
        advice: What to do.
    """

    def __init__(self, name: str, advice: str) -> None:
        self._message = f"Standard {name} is closed: {advice}."
        self._said = False

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def readinto(self, _: Any) -> int:
        raise InputError(self._message)

    def write(self, data: Any) -> int:
        if not self._said:
            self._said = True
            raise InputError(self._message)
        return len(data)  # Python tries again at its end


def prepare_streams() -> None:
    """Make closed standard streams usable up to their first use, and all of them show what they can.

    Files that are opened later do not get the numbers of the closed streams. Errors go to nowhere if standard
    error is closed.
    """
    while (handle := os.open(os.devnull, os.O_RDWR)) <= 2:  # takes the lowest free number
        pass
    os.close(handle)
    if sys.stdin is None:
        sys.stdin = io.TextIOWrapper(io.BufferedReader(_Closed("input", "name a file or give it a pipe")))
    if sys.stdout is None:
        sys.stdout = io.TextIOWrapper(io.BufferedWriter(_Closed("output", "give it a file or a pipe")))
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115 - as long as the process
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal that is not UTF-8 shows what it can
            stream.reconfigure(errors="backslashreplace")


def widen() -> None:
    """Give tables and messages room: without any, ``COLUMNS=0`` would leave nothing of them."""
    columns = os.environ.get("COLUMNS", "")
    if columns.isdigit() and int(columns) < _LEAST_COLUMNS:
        os.environ["COLUMNS"] = str(_LEAST_COLUMNS)
