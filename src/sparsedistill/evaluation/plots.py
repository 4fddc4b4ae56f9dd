"""Plots as SVG, which needs no plotting library."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import mean, stdev
from typing import TypeAlias
from xml.sax.saxutils import escape

import numpy as np
from numpy.typing import NDArray

from .deferral import DeferralCurve

_WIDTH, _HEIGHT = 640, 400
_LEFT, _RIGHT, _TOP, _BOTTOM = 70, 20, 40, 55  # margins
_GRID_LINES = 6  # in each direction
_MAX_CORNERS = 500  # of the line of a curve

_TEST, _VALIDATION, _TEACHER = "#1a9850", "#4575b4", "#d73027"

_Number: TypeAlias = float | NDArray[np.float64]
_Scale: TypeAlias = Callable[[_Number], NDArray[np.float64]]


@dataclass(frozen=True)
class PlotPoint:
    """The results of one setting of an ablation.

    Attributes:
        label: Name of the setting.
        test: The metric on the test data, one value per student.
        validation: The metric on the validation data, one value per student.
        own: This is the recipe's setting.
    """

    label: str
    test: Sequence[float]
    validation: Sequence[float]
    own: bool = False


def deferral_plot(curve: DeferralCurve, threshold: float | None = None) -> str:
    """Plot the metric against the share of deferred texts, with the teacher's metric as a dashed line.

    Args:
        curve: The curve.
        threshold: Mark the point of this threshold with a dot.

    Returns:
        The SVG document.
    """
    at = np.unique(np.linspace(0, len(curve.shares) - 1, _MAX_CORNERS).round().astype(int))
    up, parts = _vertical_axis(float(curve.values.min()), float(curve.values.max()))

    def across(share: _Number) -> NDArray[np.float64]:
        return np.asarray(_LEFT + share * (_WIDTH - _LEFT - _RIGHT))

    for share in np.linspace(0, 1, _GRID_LINES).tolist():
        x = across(share)
        parts.append(_line(x, _TOP, x, _HEIGHT - _BOTTOM, "#ddd"))
        parts.append(_text(x, _HEIGHT - _BOTTOM + 18, f"{100 * share:.0f} %"))
    teacher = up(float(curve.values[-1]))
    parts.append(_line(_LEFT, teacher, _WIDTH - _RIGHT, teacher, _TEACHER, dashed=True))
    parts.append(_text(_WIDTH - _RIGHT - 4, teacher - 5, "teacher", "end"))
    corners = zip(across(curve.shares[at]).tolist(), up(curve.values[at]).tolist(), strict=True)
    parts.append(_polyline(list(corners), _TEST))
    if threshold is not None:
        i = curve.at(threshold)
        x, y = across(float(curve.shares[i])), up(float(curve.values[i]))
        parts.append(_dot(x, y, _TEST))
    metric = curve.metric.replace("_", " ")
    parts.append(_text(_WIDTH / 2, _HEIGHT - 14, "share of texts that are deferred to the teacher"))
    parts.append(_text(_LEFT, _TOP - 16, f"{metric} of student and teacher, {curve.texts:,} texts", "start"))
    return _document(parts)


def value_range(points: Sequence[PlotPoint]) -> tuple[float, float]:
    """Lowest and highest value that the dots and whiskers of `points` reach."""
    ends = [end for point in points for values in (point.test, point.validation) for end in _whisker(values)]
    return min(ends), max(ends)


def ablation_plot(
    title: str,
    axis: str,
    points: Sequence[PlotPoint],
    *,
    joined: bool = True,
    limits: tuple[float, float] | None = None,
) -> str:
    """Plot the metric on test and validation data at several settings, at equal distances.

    Dots are means over the students; whiskers extend one standard deviation up and down. The recipe's setting
    has a shaded band.

    Args:
        title: Title above the plot.
        axis: Label of the horizontal axis.
        points: At least one setting.
        joined: Draw lines between the settings.
        limits: Lowest and highest value of the vertical axis; by default those of `points`.

    Returns:
        The SVG document.
    """
    up, parts = _vertical_axis(*(limits or value_range(points)))
    step = (_WIDTH - _LEFT - _RIGHT) / len(points)
    places = [_LEFT + (i + 0.5) * step for i in range(len(points))]
    for x, point in zip(places, points, strict=True):
        if point.own:
            corner = f'x="{x - 0.4 * step:.1f}" y="{_TOP}" width="{0.8 * step:.1f}"'
            parts.append(f'<rect {corner} height="{_HEIGHT - _TOP - _BOTTOM}" fill="#888" opacity="0.15"/>')
            parts.append(_text(x, _TOP + 14, "recipe"))
        parts.append(_text(x, _HEIGHT - _BOTTOM + 18, point.label))
    # Shifted apart so that neither series hides the other.
    validation, test = [point.validation for point in points], [point.test for point in points]
    parts += _series(validation, [x - 3 for x in places], up, _VALIDATION, joined=joined)
    parts += _series(test, [x + 3 for x in places], up, _TEST, joined=joined)
    for name, x, colour in (("validation", 150, _VALIDATION), ("test", 50, _TEST)):
        x = _WIDTH - _RIGHT - x
        parts += [_dot(x, _TOP - 20, colour), _text(x + 10, _TOP - 16, name, "start")]
    parts.append(_text(_WIDTH / 2, _HEIGHT - 14, axis))
    parts.append(_text(_LEFT, _TOP - 16, title, "start"))
    return _document(parts)


def _series(
    values: Sequence[Sequence[float]], places: Sequence[float], up: _Scale, colour: str, *, joined: bool
) -> list[str]:
    """A dot with whiskers for the mean of each entry of `values`."""
    means = [(x, float(up(mean(some)))) for x, some in zip(places, values, strict=True)]
    parts = [_polyline(means, colour)] if joined else []
    for (x, y), some in zip(means, values, strict=True):
        low, high = _whisker(some)
        if low < high:
            parts.append(_line(x, up(low), x, up(high), colour))
        parts.append(_dot(x, y, colour))
    return parts


def _whisker(values: Sequence[float]) -> tuple[float, float]:
    deviation = stdev(values) if len(values) > 1 else 0.0
    return mean(values) - deviation, mean(values) + deviation


def _vertical_axis(low: float, high: float) -> tuple[_Scale, list[str]]:
    """A scale for values from `low` to `high` with a margin, and its grid lines and labels."""
    room = (high - low) * 0.1 or 0.01
    low, high = low - room, high + room

    def up(value: _Number) -> NDArray[np.float64]:
        return np.asarray(_HEIGHT - _BOTTOM - (value - low) / (high - low) * (_HEIGHT - _TOP - _BOTTOM))

    parts = []
    for value in np.linspace(low, high, _GRID_LINES).tolist():
        y = up(value)
        parts.append(_line(_LEFT, y, _WIDTH - _RIGHT, y, "#ddd"))
        parts.append(_text(_LEFT - 8, y + 4, f"{100 * value:.2f} %", "end"))
    return up, parts


def _document(parts: Sequence[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        'font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="#fff"/>'
        f"{''.join(parts)}</svg>\n"
    )


def _polyline(corners: Sequence[tuple[float, float]], colour: str) -> str:
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)
    return f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>'


def _dot(x: _Number, y: _Number, colour: str) -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="{colour}"/>'


def _line(x1: _Number, y1: _Number, x2: _Number, y2: _Number, colour: str, *, dashed: bool = False) -> str:
    dashes = ' stroke-dasharray="6 4"' if dashed else ""
    return f'<path d="M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}" stroke="{colour}"{dashes}/>'


def _text(x: _Number, y: _Number, text: str, anchor: str = "middle") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
