"""Plots of one job: quality against speed, training curves, calibration, settings that were tried."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log10

import numpy as np

from ..model.figures import metric_title
from ..model.record import DeferralRecord, EvaluationRecord, ReliabilityBin
from ..model.tuning import TuningRecord
from .sizes import SizedStudent
from .svg import (
    GRID_LINES,
    HEIGHT,
    LEFT,
    RIGHT,
    TOP,
    WIDTH,
    document,
    dot,
    horizontal_axis,
    line,
    polyline,
    text,
    vertical_axis,
)

_GREEN, _BLUE, _RED, _GREY = "#1a9850", "#4575b4", "#d73027", "#666"
_COLOURS = (_GREEN, _BLUE, _RED, "#984ea3", "#ff7f00", "#a65628")


@dataclass(frozen=True)
class Curve:
    """A line of a plot.

    Attributes:
        title: Its name.
        points: Its corners, (x, y).
        best: The corner that was chosen, if one was.
    """

    title: str
    points: Sequence[tuple[float, float]]
    best: tuple[float, float] | None = None


def speed_plot(record: EvaluationRecord) -> str | None:
    """Quality against texts per second, on a logarithmic axis; None if no speed was measured.

    Classifiers whose speed was not measured are dashed lines.
    """
    metric = record.metric or "accuracy"
    found = [(name, quality, getattr(quality, metric)) for name, quality in record.rows()]
    known = [(name, quality, value) for name, quality, value in found if value is not None]
    timed = [(name, log10(q.texts_per_second), value) for name, q, value in known if q.texts_per_second]
    if not timed:
        return None
    up, parts = vertical_axis(min(value for *_, value in known), max(value for *_, value in known))
    low, high = min(speed for _, speed, _ in timed), max(speed for _, speed, _ in timed)
    across, grid = horizontal_axis(
        low - 0.3, high + 0.3, range(int(low) - 1, int(high) + 2), lambda power: f"{10**power:,.0f}"
    )
    parts += grid
    for name, quality, value in known:
        if not quality.texts_per_second:
            parts.append(line(LEFT, up(value), WIDTH - RIGHT, up(value), _GREY, dashed=True))
            parts.append(text(LEFT + 4, up(value) - 4, name, "start"))
    for i, (name, speed, value) in enumerate(timed):
        parts.append(dot(across(speed), up(value), _COLOURS[i % len(_COLOURS)]))
        anchor = "end" if across(speed) > (LEFT + WIDTH - RIGHT) / 2 else "start"
        shift = -9 if anchor == "end" else 9
        parts.append(text(across(speed) + shift, up(value) - 7, name, anchor))
    return _titled(parts, f"{metric_title(metric)} on the test texts", "texts per second")


def size_plot(found: Sequence[SizedStudent], metric: str) -> str:
    """Quality of compact students against their size, on a logarithmic axis, with their speed."""
    sizes = [log10(one.student.nbytes) for one in found]
    values = [one.value for one in found]
    up, parts = vertical_axis(min(values), max(values))
    low, high = min(sizes), max(sizes)
    ticks = range(int(low), int(high) + 2)
    across, grid = horizontal_axis(low - 0.1, high + 0.1, ticks, lambda power: f"{10**power / 1e6:g}")
    parts += grid
    corners = [(float(across(size)), float(up(value))) for size, value in zip(sizes, values, strict=True)]
    parts.append(polyline(corners, _GREEN))
    for (x, y), one in zip(corners, found, strict=True):
        parts.append(dot(x, y, _GREEN))
        parts.append(text(x, y + 18, f"{one.texts_per_second:,.0f}/s"))
    return _titled(parts, f"{metric_title(metric)}, and texts per second", "MB")


def curves_plot(curves: Sequence[Curve], title: str, *, percent: bool) -> str | None:
    """Figures against the step of the training; a dot where the weights were taken. None without points."""
    points = [point for curve in curves for point in curve.points]
    if not points:
        return None
    values = [value for _, value in points]
    up, parts = vertical_axis(min(values), max(values), percent=percent)
    last = max(1.0, *(step for step, _ in points))
    ticks = np.linspace(0, last, GRID_LINES).tolist()
    across, grid = horizontal_axis(0, last, ticks, lambda step: f"{step:,.0f}")
    parts += grid
    for i, curve in enumerate(curves):
        colour = _COLOURS[i % len(_COLOURS)]
        parts.append(polyline([(across(step), float(up(value))) for step, value in curve.points], colour))
        if curve.best is not None:
            parts.append(dot(across(curve.best[0]), up(curve.best[1]), colour))
        parts.append(line(LEFT + 12, TOP + 12 + 16 * i, LEFT + 32, TOP + 12 + 16 * i, colour))
        parts.append(text(LEFT + 38, TOP + 16 + 16 * i, curve.title, "start"))
    return _titled(parts, title, "step")


def reliability_plot(bins: Sequence[ReliabilityBin]) -> str:
    """How often answers of a confidence are right; on the diagonal if they are calibrated."""
    up, parts = vertical_axis(0, 1)
    ticks = np.linspace(0, 1, GRID_LINES).tolist()
    across, grid = horizontal_axis(0, 1, ticks, lambda share: f"{100 * share:.0f} %")
    parts += grid
    parts.append(line(across(0), up(0), across(1), up(1), _GREY, dashed=True))
    total = sum(one.texts for one in bins)
    for one in bins:
        height = 60 * one.texts / total
        x, y = across(one.confidence), float(up(0))
        parts.append(
            f'<rect x="{x - 8:.1f}" y="{y - height:.1f}" width="16" height="{height:.1f}" fill="#ccc"/>'
        )
    parts.append(polyline([(across(one.confidence), float(up(one.correct))) for one in bins], _GREEN))
    parts += [dot(across(one.confidence), up(one.correct), _GREEN) for one in bins]
    return _titled(parts, "share of right answers; bars: share of the answers", "confidence")


def tuning_plot(tuning: TuningRecord) -> str:
    """Score of each trial against its look-ups per text, with its standard error; the chosen one is green."""
    trials = tuning.trials
    low = min(trial.score - trial.error for trial in trials)
    up, parts = vertical_axis(low, max(trial.score + trial.error for trial in trials))
    least, most = min(trial.lookups for trial in trials), max(trial.lookups for trial in trials)
    room = (most - least) * 0.05 or 1.0
    ticks = np.linspace(least, most, GRID_LINES).tolist() if most > least else [least]
    across, grid = horizontal_axis(least - room, most + room, ticks, lambda count: f"{count:,.0f}")
    parts += grid
    order = sorted(range(len(trials)), key=lambda i: i == tuning.chosen)  # the chosen one on top
    for i in order:
        trial, colour = trials[i], _GREEN if i == tuning.chosen else _BLUE
        x = across(trial.lookups)
        if trial.error:
            parts.append(line(x, up(trial.score - trial.error), x, up(trial.score + trial.error), colour))
        parts.append(dot(x, up(trial.score), colour))
    return _titled(parts, f"score of the {len(trials)} trials, chosen in green", "look-ups per text")


def cascade_plot(deferral: DeferralRecord) -> str | None:
    """Quality of student and teacher together against the share that the teacher answers."""
    points = [
        (point["deferred"], point[deferral.metric]) for point in deferral.points if deferral.metric in point
    ]
    if not points:
        return None
    up, parts = vertical_axis(min(value for _, value in points), max(value for _, value in points))
    ticks = np.linspace(0, 1, GRID_LINES).tolist()
    across, grid = horizontal_axis(0, 1, ticks, lambda share: f"{100 * share:.0f} %")
    parts += grid
    corners = [(across(share), float(up(value))) for share, value in points]
    parts += [polyline(corners, _GREEN), *(dot(x, y, _GREEN) for x, y in corners)]
    metric = metric_title(deferral.metric)
    return _titled(parts, f"{metric} of student and teacher", "share of texts that the teacher answers")


def _titled(parts: Sequence[str], title: str, axis: str) -> str:
    below = text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 14, axis)
    return document([*parts, below, text(LEFT, TOP - 16, title, "start")], title=title)
