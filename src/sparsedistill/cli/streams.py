"""Standard streams that are closed, as by ``>&-``."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from typing import Any

from ..errors import InputError


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
        return len(data)  # Python flushes again when it exits


def prepare_streams() -> None:
    """Replace closed standard streams, and escape characters that the encoding of an open one lacks.

    The first use of a closed standard input or output is an error. What is written to a closed standard error
    is lost.
    """
    # Takes the lowest free descriptors, so that no file that is opened later gets one of a standard stream.
    while (handle := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(handle)
    if sys.stdin is None:
        sys.stdin = io.TextIOWrapper(io.BufferedReader(_Closed("input", "name a file or give it a pipe")))
    if sys.stdout is None:
        sys.stdout = io.TextIOWrapper(io.BufferedWriter(_Closed("output", "give it a file or a pipe")))
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115 - as long as the process
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
