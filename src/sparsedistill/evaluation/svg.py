"""Pieces of plots as SVG, which needs no plotting library."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias
from xml.sax.saxutils import escape, quoteattr

import numpy as np
from numpy.typing import NDArray

WIDTH, HEIGHT = 640, 400
LEFT, RIGHT, TOP, BOTTOM = 70, 20, 40, 55  # margins
GRID_LINES = 6  # in each direction

Number: TypeAlias = float | NDArray[np.float64]
Scale: TypeAlias = Callable[[Number], NDArray[np.float64]]


def vertical_axis(low: float, high: float, *, percent: bool = True) -> tuple[Scale, list[str]]:
    """A scale for values from `low` to `high` with a margin, and its grid lines and labels.

    Args:
        low: The lowest value.
        high: The highest value.
        percent: Label shares in percent; otherwise, numbers as they are.
    """
    room = (high - low) * 0.1 or 0.01
    low, high = low - room, high + room

    def up(value: Number) -> NDArray[np.float64]:
        return np.asarray(HEIGHT - BOTTOM - (value - low) / (high - low) * (HEIGHT - TOP - BOTTOM))

    parts = []
    for value in np.linspace(low, high, GRID_LINES).tolist():
        y = up(value)
        parts.append(line(LEFT, y, WIDTH - RIGHT, y, "#ddd"))
        label = f"{100 * value:.2f} %" if percent else f"{value:.3g}"
        parts.append(text(LEFT - 8, y + 4, label, "end"))
    return up, parts


def horizontal_axis(
    low: float, high: float, ticks: Sequence[float], label: Callable[[float], str]
) -> tuple[Callable[[float], float], list[str]]:
    """A scale for values from `low` to `high`, and its grid lines and labels.

    Args:
        low: The value at the left margin.
        high: The value at the right margin.
        ticks: Values of the grid lines; those that are not in between have none.
        label: The label of a value.
    """

    def across(value: float) -> float:
        return LEFT + (value - low) / (high - low) * (WIDTH - LEFT - RIGHT)

    parts = []
    for tick in ticks:
        if low <= tick <= high:
            parts.append(line(across(tick), TOP, across(tick), HEIGHT - BOTTOM, "#ddd"))
            parts.append(text(across(tick), HEIGHT - BOTTOM + 18, label(tick)))
    return across, parts


def document(parts: Sequence[str], title: str | None = None) -> str:
    """The SVG document of a plot; `title` is what a screen reader says of it."""
    named = "" if title is None else f' role="img" aria-label={quoteattr(title)}'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}"{named} '
        'font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="#fff"/>'
        f"{''.join(parts)}</svg>\n"
    )


def polyline(corners: Sequence[tuple[float, float]], colour: str) -> str:
    """A line through corners."""
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)
    return f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>'


def dot(x: Number, y: Number, colour: str) -> str:
    """A dot."""
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="{colour}"/>'


def line(x1: Number, y1: Number, x2: Number, y2: Number, colour: str, *, dashed: bool = False) -> str:
    """A straight line."""
    dashes = ' stroke-dasharray="6 4"' if dashed else ""
    return f'<path d="M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}" stroke="{colour}"{dashes}/>'


def text(x: Number, y: Number, words: str, anchor: str = "middle") -> str:
    """Words, escaped."""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'
