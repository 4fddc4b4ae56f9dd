"""What all benchmarks share: interleaved rounds, and one table on the terminal and as JSON."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from time import perf_counter

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Measurement:
    """One row of the report.

    Attributes:
        name: What was measured.
        value: The median of the rounds.
        unit: Of `value`.
        low: The lowest of the rounds.
        high: The highest of the rounds.
        ratio_to: Name of the measurement that it is compared with.
        ratio: `value` as a multiple of that one's, the median over the rounds.
    """

    name: str
    value: float
    unit: str
    low: float | None = None
    high: float | None = None
    ratio_to: str | None = None
    ratio: float | None = None


def arguments(description: str, rounds: int) -> ArgumentParser:
    """A parser with the options that every benchmark has."""
    parser = ArgumentParser(description=description)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the measurements to FILE too")
    parser.add_argument(
        "--rounds", type=int, default=rounds, help="interleaved rounds (default: %(default)s)"
    )
    return parser


def interleave(engines: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Seconds of each engine in each round; the engines take turns, so that all see the same machine.

    Each engine runs once before, uncounted.
    """
    seconds: dict[str, list[float]] = {name: [] for name in engines}
    for counted in [False] + [True] * rounds:
        for name, engine in engines.items():
            begin = perf_counter()
            engine()
            if counted:
                seconds[name].append(perf_counter() - begin)
    return seconds


def rates(seconds: Mapping[str, Sequence[float]], work: float, unit: str, base: str) -> list[Measurement]:
    """Measurements of ``work / seconds``, each with its ratio to the engine `base` in the same rounds."""
    found = []
    for name, rounds in seconds.items():
        each = [work / second for second in rounds]
        ratios = [theirs / ours for ours, theirs in zip(rounds, seconds[base], strict=True)]
        found.append(Measurement(name, median(each), unit, min(each), max(each), base, median(ratios)))
    return found


def report(title: str, measurements: Sequence[Measurement], file: Path | None) -> None:
    """Print the measurements as a table, and write them to `file` as a JSON list of objects."""
    table = Table(title=title, title_justify="left")
    table.add_column("")
    for column in ("median", "lowest - highest", "unit", "ratio", "to"):
        table.add_column(column, justify="left" if column in ("unit", "to") else "right")
    for one in measurements:
        spread = "" if one.low is None or one.high is None else f"{number(one.low)} - {number(one.high)}"
        ratio = "" if one.ratio is None else f"{one.ratio:,.{2 if one.ratio >= 0.1 else 4}f}x"
        table.add_row(one.name, number(one.value), spread, one.unit, ratio, one.ratio_to or "")
    Console(width=None if Console().is_terminal else 140).print(table)
    if file is not None:
        file.write_text(json.dumps([asdict(one) for one in measurements], indent=1) + "\n", encoding="utf-8")


def number(value: float) -> str:
    """With four digits, or all before the point."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.4g}"
