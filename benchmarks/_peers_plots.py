"""Plots of the comparison: accuracy against speed, and speed against threads."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from _results import Results

from sparsedistill._internal.files import atomic_write

_OURS = ("compact", "student", "folded", "ours-wide")


def plot_accuracy(results: Results, file: Path) -> None:
    """Plot accuracy against speed on a log axis; RoBERTa-Large, which has no accuracy, is a vertical line."""
    figure, axes = _figure(9, 5.4)
    points = []
    for name, engine in results["engines"].items():
        speed = median(engine["sets"]["imdb"]["texts_per_second"])
        if engine["accuracy"] is not None:
            accuracy = 100 * engine["accuracy"]["accuracy"]
            axes.plot(speed, accuracy, "o", color=_color(name), markersize=7)
            points.append((speed, accuracy, engine["title"], _color(name)))
        elif name == "roberta-large":
            axes.axvline(speed, color=_color(name), linestyle=":", linewidth=1)
            axes.annotate(
                engine["title"],
                (speed, 0.02),
                xycoords=("data", "axes fraction"),
                rotation=90,
                fontsize=7.5,
                color=_color(name),
                ha="right",
                va="bottom",
            )
    axes.set_xscale("log")
    axes.set_xlabel("IMDB reviews/s, one thread, raw text to probabilities")
    axes.set_ylabel("test accuracy, %")
    axes.margins(x=0.14, y=0.12)
    _label_points(figure, axes, points)
    _save(figure, file)


def plot_threads(results: Results, file: Path) -> None:
    """Plot speed against threads, with the range over the rounds."""
    figure, axes = _figure(9, 5.4)
    ends = []
    for name, rates in results["threads"].items():
        engine = results["engines"][name]
        counts = [int(count) for count in rates]
        medians = [median(rounds) for rounds in rates.values()]
        low = [middle - min(rounds) for middle, rounds in zip(medians, rates.values(), strict=True)]
        high = [max(rounds) - middle for middle, rounds in zip(medians, rates.values(), strict=True)]
        style = "o-" if engine["own"] else "o--"
        axes.errorbar(
            counts, medians, (low, high), fmt=style, color=_color(name), markersize=5, linewidth=1.3
        )
        ends.append((counts[-1], medians[-1], engine["title"], _color(name)))
    all_counts = sorted({int(count) for rates in results["threads"].values() for count in rates})
    axes.set_yscale("log")
    axes.set_xticks(all_counts)
    axes.set_xlim(all_counts[0] - 0.15, all_counts[-1] + 0.45 * max(1, all_counts[-1] - all_counts[0]))
    axes.set_xlabel("threads (dashed: engines without threads, run as processes)")
    axes.set_ylabel("IMDB reviews/s")
    _label_ends(figure, axes, ends)
    _save(figure, file)


def _color(name: str) -> str:
    return "#c1272d" if name in _OURS else "#33608c"


def _label_points(figure: Any, axes: Any, points: Sequence[tuple[float, float, str, str]]) -> None:
    """Write titles next to points, each at the first position that covers no other title and no point."""
    from matplotlib.transforms import Bbox

    figure.canvas.draw()
    marks = axes.transData.transform([point[:2] for point in points])
    taken = [Bbox.from_bounds(x - 5, y - 5, 10, 10) for x, y in marks]
    positions = [(7, 0, "left", "center"), (-7, 0, "right", "center")]
    positions += [(0, sign * gap, "center", "center") for gap in (12, 22, 32, 42) for sign in (1, -1)]
    for speed, accuracy, title, color in sorted(points):
        for right, up, horizontal, vertical in positions:
            text = axes.annotate(
                title,
                (speed, accuracy),
                (right, up),
                textcoords="offset points",
                fontsize=8.5,
                color=color,
                ha=horizontal,
                va=vertical,
            )
            box = text.get_window_extent()
            if not any(box.overlaps(other) for other in taken):
                taken.append(box)
                break
            text.remove()


def _label_ends(figure: Any, axes: Any, ends: Sequence[tuple[int, float, str, str]]) -> None:
    """Write titles next to the ends of lines, from the lowest up, each moved up if it would overlap."""
    figure.canvas.draw()
    pixels_per_point = figure.dpi / 72
    last = 0.0
    for count, rate, title, color in sorted(ends, key=lambda end: end[1]):
        height = axes.transData.transform((count, rate))[1] / pixels_per_point
        up = max(0.0, last + 10 - height)
        last = height + up
        axes.annotate(
            title,
            (count, rate),
            (8, up),
            textcoords="offset points",
            fontsize=8.5,
            va="center",
            color=color,
        )


def _figure(width: float, height: float) -> tuple[Any, Any]:
    import matplotlib as mpl

    mpl.use("Agg")
    mpl.rcParams |= {"svg.hashsalt": "sparsedistill", "axes.spines.top": False, "axes.spines.right": False}
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(width, height), layout="constrained")
    axes.grid(alpha=0.25)
    return figure, axes


def _save(figure: Any, file: Path) -> None:
    with atomic_write(file) as partial:
        figure.savefig(partial, format="svg", metadata={"Date": None}, facecolor="white")
