"""Measurements as pictures: SVG, which needs no library to write."""

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
_LINES = 6  # of the grid, either way
_MOST_POINTS = 500

_TEST, _VALIDATION, _TEACHER = "#1a9850", "#4575b4", "#d73027"

Number: TypeAlias = float | NDArray[np.float64]
Scale: TypeAlias = Callable[[Number], NDArray[np.float64]]


@dataclass(frozen=True)
class Dots:
    """What was measured at one setting.

    Attributes:
        label: The setting.
        test: The metric on the test data, of each student.
        validation: The same on the validation data.
        own: It is the recipe's own setting.
    """

    label: str
    test: Sequence[float]
    validation: Sequence[float]
    own: bool = False


def chart(curve: DeferralCurve, threshold: float | None = None) -> str:
    """The metric against the share deferred; the teacher's own is a dashed line.

    Args:
        curve: The curve.
        threshold: Draw a dot where this one is.
    """
    at = np.unique(np.linspace(0, len(curve.shares) - 1, _MOST_POINTS).round().astype(int))
    up, parts = _upwards(float(curve.values.min()), float(curve.values.max()))

    def across(share: Number) -> NDArray[np.float64]:
        return np.asarray(_LEFT + share * (_WIDTH - _LEFT - _RIGHT))

    for share in np.linspace(0, 1, _LINES).tolist():
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
    parts.append(_text(_WIDTH / 2, _HEIGHT - 14, "share of texts that the teacher answers"))
    parts.append(_text(_LEFT, _TOP - 16, f"{metric} of student and teacher, {curve.texts:,} texts", "start"))
    return _picture(parts)


def reach(settings: Sequence[Dots]) -> tuple[float, float]:
    """From where to where dots and whiskers reach."""
    ends = [end for dots in settings for values in (dots.test, dots.validation) for end in _whisker(values)]
    return min(ends), max(ends)


def settings_chart(
    title: str,
    axis: str,
    settings: Sequence[Dots],
    *,
    joined: bool = True,
    ends: tuple[float, float] | None = None,
) -> str:
    """The metric on test and validation data at some settings, which stand at equal distances.

    Dots are means over the students; whiskers reach a standard deviation up and down. A band is behind
    the recipe's own setting.

    Args:
        title: What stands above the chart.
        axis: What the settings are of.
        settings: One or more of them.
        joined: Draw lines from setting to setting.
        ends: What the upward axis has room for; what these settings reach if it is not given.
    """
    up, parts = _upwards(*(ends or reach(settings)))
    step = (_WIDTH - _LEFT - _RIGHT) / len(settings)
    places = [_LEFT + (i + 0.5) * step for i in range(len(settings))]
    for x, dots in zip(places, settings, strict=True):
        if dots.own:
            corner = f'x="{x - 0.4 * step:.1f}" y="{_TOP}" width="{0.8 * step:.1f}"'
            parts.append(f'<rect {corner} height="{_HEIGHT - _TOP - _BOTTOM}" fill="#888" opacity="0.15"/>')
            parts.append(_text(x, _TOP + 14, "recipe"))
        parts.append(_text(x, _HEIGHT - _BOTTOM + 18, dots.label))
    # The two stand a little apart, so that neither hides the other.
    validation, test = [dots.validation for dots in settings], [dots.test for dots in settings]
    parts += _series(validation, [x - 3 for x in places], up, _VALIDATION, joined=joined)
    parts += _series(test, [x + 3 for x in places], up, _TEST, joined=joined)
    for name, x, colour in (("validation", 150, _VALIDATION), ("test", 50, _TEST)):
        x = _WIDTH - _RIGHT - x
        parts += [_dot(x, _TOP - 20, colour), _text(x + 10, _TOP - 16, name, "start")]
    parts.append(_text(_WIDTH / 2, _HEIGHT - 14, axis))
    parts.append(_text(_LEFT, _TOP - 16, title, "start"))
    return _picture(parts)


def _series(
    values: Sequence[Sequence[float]], places: Sequence[float], up: Scale, colour: str, *, joined: bool
) -> list[str]:
    """A dot for the mean of each of `values`, with whiskers."""
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


def _upwards(low: float, high: float) -> tuple[Scale, list[str]]:
    """A scale with room around shares from `low` to `high`, and its part of the grid."""
    room = (high - low) * 0.1 or 0.01
    low, high = low - room, high + room

    def up(value: Number) -> NDArray[np.float64]:
        return np.asarray(_HEIGHT - _BOTTOM - (value - low) / (high - low) * (_HEIGHT - _TOP - _BOTTOM))

    parts = []
    for value in np.linspace(low, high, _LINES).tolist():
        y = up(value)
        parts.append(_line(_LEFT, y, _WIDTH - _RIGHT, y, "#ddd"))
        parts.append(_text(_LEFT - 8, y + 4, f"{100 * value:.2f} %", "end"))
    return up, parts


def _picture(parts: Sequence[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        'font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="#fff"/>'
        f"{''.join(parts)}</svg>\n"
    )


def _polyline(corners: Sequence[tuple[float, float]], colour: str) -> str:
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in corners)
    return f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>'


def _dot(x: Number, y: Number, colour: str) -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="{colour}"/>'


def _line(x1: Number, y1: Number, x2: Number, y2: Number, colour: str, *, dashed: bool = False) -> str:
    dashes = ' stroke-dasharray="6 4"' if dashed else ""
    return f'<path d="M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}" stroke="{colour}"{dashes}/>'


def _text(x: Number, y: Number, text: str, anchor: str = "middle") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
