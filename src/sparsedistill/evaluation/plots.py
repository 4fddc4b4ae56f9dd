"""Plots as SVG, which needs no plotting library."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean, stdev

import numpy as np

from .deferral import DeferralCurve
from .svg import (
    BOTTOM,
    GRID_LINES,
    HEIGHT,
    LEFT,
    RIGHT,
    TOP,
    WIDTH,
    Scale,
    document,
    dot,
    horizontal_axis,
    line,
    polyline,
    text,
    vertical_axis,
)

_MAX_CORNERS = 500  # of the line of a curve

_TEST, _VALIDATION, _TEACHER = "#1a9850", "#4575b4", "#d73027"


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
    up, parts = vertical_axis(float(curve.values.min()), float(curve.values.max()))
    ticks = np.linspace(0, 1, GRID_LINES).tolist()
    across, grid = horizontal_axis(0, 1, ticks, lambda share: f"{100 * share:.0f} %")
    parts += grid
    teacher = up(float(curve.values[-1]))
    parts.append(line(LEFT, teacher, WIDTH - RIGHT, teacher, _TEACHER, dashed=True))
    parts.append(text(WIDTH - RIGHT - 4, teacher - 5, "teacher", "end"))
    places = map(across, curve.shares[at].tolist())
    parts.append(polyline(list(zip(places, up(curve.values[at]).tolist(), strict=True)), _TEST))
    if threshold is not None:
        i = curve.at(threshold)
        x, y = across(float(curve.shares[i])), up(float(curve.values[i]))
        parts.append(dot(x, y, _TEST))
    metric = curve.metric.replace("_", " ")
    parts.append(text(WIDTH / 2, HEIGHT - 14, "share of texts that are deferred to the teacher"))
    parts.append(text(LEFT, TOP - 16, f"{metric} of student and teacher, {curve.texts:,} texts", "start"))
    return document(parts)


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
    up, parts = vertical_axis(*(limits or value_range(points)))
    step = (WIDTH - LEFT - RIGHT) / len(points)
    places = [LEFT + (i + 0.5) * step for i in range(len(points))]
    for x, point in zip(places, points, strict=True):
        if point.own:
            corner = f'x="{x - 0.4 * step:.1f}" y="{TOP}" width="{0.8 * step:.1f}"'
            parts.append(f'<rect {corner} height="{HEIGHT - TOP - BOTTOM}" fill="#888" opacity="0.15"/>')
            parts.append(text(x, TOP + 14, "recipe"))
        parts.append(text(x, HEIGHT - BOTTOM + 18, point.label))
    # Shifted apart so that neither series hides the other.
    validation, test = [point.validation for point in points], [point.test for point in points]
    parts += _series(validation, [x - 3 for x in places], up, _VALIDATION, joined=joined)
    parts += _series(test, [x + 3 for x in places], up, _TEST, joined=joined)
    for name, x, colour in (("validation", 150, _VALIDATION), ("test", 50, _TEST)):
        x = WIDTH - RIGHT - x
        parts += [dot(x, TOP - 20, colour), text(x + 10, TOP - 16, name, "start")]
    parts.append(text(WIDTH / 2, HEIGHT - 14, axis))
    parts.append(text(LEFT, TOP - 16, title, "start"))
    return document(parts)


def _series(
    values: Sequence[Sequence[float]], places: Sequence[float], up: Scale, colour: str, *, joined: bool
) -> list[str]:
    """A dot with whiskers for the mean of each entry of `values`."""
    means = [(x, float(up(mean(some)))) for x, some in zip(places, values, strict=True)]
    parts = [polyline(means, colour)] if joined else []
    for (x, y), some in zip(means, values, strict=True):
        low, high = _whisker(some)
        if low < high:
            parts.append(line(x, up(low), x, up(high), colour))
        parts.append(dot(x, y, colour))
    return parts


def _whisker(values: Sequence[float]) -> tuple[float, float]:
    deviation = stdev(values) if len(values) > 1 else 0.0
    return mean(values) - deviation, mean(values) + deviation
