"""What all benchmarks share: options, interleaved rounds, and a table on the terminal and as JSON."""

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
        value: Median over the rounds.
        unit: Unit of `value`.
        low: Lowest value of the rounds.
        high: Highest value of the rounds.
        ratio_to: Name of the measurement that this one is compared with.
        ratio: `value` divided by that measurement's value; the median of the ratios within the rounds.
    """

    name: str
    value: float
    unit: str
    low: float | None = None
    high: float | None = None
    ratio_to: str | None = None
    ratio: float | None = None


def make_parser(description: str, rounds: int) -> ArgumentParser:
    """Return a parser with the options that every benchmark has.

    Args:
        description: Docstring of the benchmark; ``--help`` shows its first line.
        rounds: Default number of rounds.
    """
    parser = ArgumentParser(description=description.split("\n")[0])
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the measurements to FILE")
    parser.add_argument(
        "--rounds", type=int, default=rounds, help="number of interleaved rounds (default: %(default)s)"
    )
    return parser


def interleave(engines: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Time engines in turns, so that all are measured under the same load of the machine.

    Each engine runs once before the first round, untimed.

    Returns:
        Seconds per engine and round.
    """
    seconds: dict[str, list[float]] = {name: [] for name in engines}
    for timed in [False] + [True] * rounds:
        for name, engine in engines.items():
            begin = perf_counter()
            engine()
            if timed:
                seconds[name].append(perf_counter() - begin)
    return seconds


def rates(seconds: Mapping[str, Sequence[float]], work: float, unit: str, base: str) -> list[Measurement]:
    """Return ``work / seconds`` per engine, with its ratio to the engine `base` in the same rounds."""
    measurements = []
    for name, rounds in seconds.items():
        values = [work / second for second in rounds]
        ratios = [reference / own for own, reference in zip(rounds, seconds[base], strict=True)]
        measurements.append(
            Measurement(name, median(values), unit, min(values), max(values), base, median(ratios))
        )
    return measurements


def report(title: str, measurements: Sequence[Measurement], file: Path | None) -> None:
    """Print measurements as a table, and write them to `file` as a JSON list of objects."""
    table = Table(title=title, title_justify="left")
    table.add_column("")
    for column in ("median", "min - max", "unit", "ratio", "to"):
        table.add_column(column, justify="left" if column in ("unit", "to") else "right")
    for row in measurements:
        spread = ""
        if row.low is not None and row.high is not None:
            spread = f"{format_number(row.low)} - {format_number(row.high)}"
        ratio = "" if row.ratio is None else f"{row.ratio:,.{2 if row.ratio >= 0.1 else 4}f}x"
        table.add_row(row.name, format_number(row.value), spread, row.unit, ratio, row.ratio_to or "")
    Console(width=None if Console().is_terminal else 140).print(table)
    if file is not None:
        file.write_text(json.dumps([asdict(row) for row in measurements], indent=1) + "\n", encoding="utf-8")


def format_number(value: float) -> str:
    """Format with four significant digits, or as a whole number from 100 up."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.4g}"
