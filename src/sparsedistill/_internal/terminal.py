"""Output that cannot command the terminal: class names, n-grams and texts may come from anyone."""

from __future__ import annotations

import re
from typing import Any

#: C0 and C1 control characters but tab and line feed.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def harmless(text: str) -> str:
    """`text` with U+FFFD for each control character that a terminal could obey; tabs and lines stay."""
    return _CONTROLS.sub("\ufffd", text)


class TerminalStream:
    """Writes UTF-8 to a terminal without the control characters in it.

    Args:
        stream: The terminal, as a binary file.
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, data: bytes) -> int:
        """Write whole characters."""
        self._stream.write(harmless(data.decode("utf-8", "replace")).encode())
        return len(data)

    def flush(self) -> None:
        """Flush the terminal."""
        self._stream.flush()
