"""A deferral curve as a picture: SVG, which needs no library to write."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from .deferral import DeferralCurve

_WIDTH, _HEIGHT = 640, 400
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 20, 40, 55  # margins
_LINES = 6  # of the grid, either way
_MOST_POINTS = 500

Number: TypeAlias = float | NDArray[np.float64]


def chart(curve: DeferralCurve, threshold: float | None = None) -> str:
    """The metric against the share deferred; the teacher's own is a dashed line.

    Args:
        curve: The curve.
        threshold: Draw a dot where this one is.
    """
    at = np.unique(np.linspace(0, len(curve.shares) - 1, _MOST_POINTS).round().astype(int))
    low, high = float(curve.values.min()), float(curve.values.max())
    room = (high - low) * 0.1 or 0.01
    low, high = low - room, high + room

    def across(share: Number) -> NDArray[np.float64]:
        return np.asarray(_LEFT + share * (_WIDTH - _LEFT - _RIGHT))

    def up(value: Number) -> NDArray[np.float64]:
        return np.asarray(_HEIGHT - _BOTTOM - (value - low) / (high - low) * (_HEIGHT - _TOP - _BOTTOM))

    parts = []
    for share in np.linspace(0, 1, _LINES).tolist():
        x = across(share)
        parts.append(_line(x, _TOP, x, _HEIGHT - _BOTTOM, "#ddd"))
        parts.append(_text(x, _HEIGHT - _BOTTOM + 18, f"{100 * share:.0f} %"))
    for value in np.linspace(low, high, _LINES).tolist():
        y = up(value)
        parts.append(_line(_LEFT, y, _WIDTH - _RIGHT, y, "#ddd"))
        parts.append(_text(_LEFT - 8, y + 4, f"{100 * value:.2f} %", "end"))
    teacher = up(float(curve.values[-1]))
    parts.append(_line(_LEFT, teacher, _WIDTH - _RIGHT, teacher, "#d73027", dashed=True))
    parts.append(_text(_WIDTH - _RIGHT - 4, teacher - 5, "teacher", "end"))
    corners = zip(across(curve.shares[at]).tolist(), up(curve.values[at]).tolist(), strict=True)
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)
    parts.append(f'<polyline points="{points}" fill="none" stroke="#1a9850" stroke-width="2"/>')
    if threshold is not None:
        i = curve.at(threshold)
        x, y = across(float(curve.shares[i])), up(float(curve.values[i]))
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="#1a9850"/>')
    metric = curve.metric.replace("_", " ")
    parts.append(_text(_WIDTH / 2, _HEIGHT - 14, "share of texts that the teacher answers"))
    parts.append(_text(_LEFT, _TOP - 16, f"{metric} of student and teacher, {curve.texts:,} texts", "start"))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        'font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="#fff"/>'
        f"{''.join(parts)}</svg>\n"
    )


def _line(x1: Number, y1: Number, x2: Number, y2: Number, colour: str, *, dashed: bool = False) -> str:
    dashes = ' stroke-dasharray="6 4"' if dashed else ""
    return f'<path d="M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}" stroke="{colour}"{dashes}/>'


def _text(x: Number, y: Number, text: str, anchor: str = "middle") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{text}</text>'
