"""The console of the commands."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from .._internal.terminal import harmless

#: Narrower tables have no room for words.
_LEAST_COLUMNS = 40


class Terminal(Console):
    """A console whose only control characters are its own: those in what it prints become U+FFFD.

    Sentences are not wrapped: the terminal does that, and a path stays whole in a log and when it is copied.
    """

    def __init__(self, **options: Any) -> None:
        _widen()
        super().__init__(**options)

    def print(self, *objects: Any, **options: Any) -> None:
        """Print, as the base class does, with ``soft_wrap`` for text."""
        sentences = all(isinstance(entry, str) for entry in objects)
        super().print(*objects, **{"soft_wrap": sentences} | options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Render, as the base class does."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(harmless(segment.text), segment.style)


def _widen() -> None:
    """Raise a width in the environment that is too small. rich reads it, here and where Typer prints help."""
    columns = os.environ.get("COLUMNS", "")
    if columns.isdigit() and int(columns) < _LEAST_COLUMNS:
        os.environ["COLUMNS"] = str(_LEAST_COLUMNS)
