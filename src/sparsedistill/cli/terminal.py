"""The console of the commands."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from .._internal.terminal import harmless
from .streams import widen


class Terminal(Console):
    """A console whose only control characters are its own: those in what it prints become U+FFFD.

    Sentences are not wrapped: the terminal does that, and a path stays whole in a log and when it is copied.
    """

    def __init__(self, **options: Any) -> None:
        widen()  # the base class reads the width that the environment gives
        super().__init__(**options)

    def print(self, *objects: Any, **options: Any) -> None:
        """Print, as the base class does, with ``soft_wrap`` for text."""
        sentences = all(isinstance(entry, str) for entry in objects)
        super().print(*objects, **{"soft_wrap": sentences} | options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Render, as the base class does."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(harmless(segment.text), segment.style)
