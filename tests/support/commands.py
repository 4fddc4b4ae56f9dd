"""The command line in tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

#: Calls the command line with arguments; gives exit code, stdout, and stderr on one line.
Run: TypeAlias = Callable[..., tuple[int, str, str]]
