"""Progress on the terminal for anything that takes more than a moment."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import perf_counter

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

#: Everything that is said to people goes to stderr; stdout is for results.
console = Console(stderr=True, markup=False, highlight=False)

#: Where there is no terminal to draw a bar on, the state is said in a line now and then.
_SECONDS_BETWEEN_LINES = 30.0

#: ``advance(n, note)``: `n` more units are done; `note` replaces the text behind the bar.
Advance = Callable[..., None]


class _Rate(ProgressColumn):
    """Units a second."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        if speed is None:
            return Text("")
        return Text(
            f"{speed:,.0f} {task.fields['unit']}/s" if speed >= 10 else f"{speed:.1f} {task.fields['unit']}/s"
        )


@contextmanager
def progress(description: str, total: int | None, unit: str, done: int = 0) -> Iterator[Advance]:
    """Show a bar with rate and time left while the block runs.

    Args:
        description: What is being done.
        total: Units in all; None where it is not known beforehand (no time left is shown).
        unit: The name of a unit, in the plural: ``texts``, ``steps``.
        done: Units that an earlier, interrupted run has done; not counted in the rate.

    Yields:
        A function ``advance(n=1, note="")``.
    """
    columns: list[ProgressColumn] = [
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    ]
    # Slow teachers advance twice a minute: the rate is that of the last ten.
    with Progress(*columns, console=console, speed_estimate_period=600) as bar:
        task = bar.add_task(description, total=total, completed=done, unit=unit, note="")
        said = perf_counter()

        def advance(n: int = 1, note: str | None = None) -> None:
            nonlocal said
            bar.advance(task, n)
            if note is not None:
                bar.update(task, note=note)
            if not console.is_terminal and perf_counter() - said > _SECONDS_BETWEEN_LINES:
                said = perf_counter()
                console.print(_line(bar.tasks[task]))

        yield advance


def _line(task: Task) -> str:
    """The bar in words, for a log file."""
    of = "" if task.total is None else f" of {task.total:,.0f}"
    speed = "" if task.speed is None else f", {task.speed:,.1f} {task.fields['unit']}/s"
    left = "" if task.time_remaining is None else f", {task.time_remaining / 60:.0f} min left"
    return f"{task.description}: {task.completed:,.0f}{of}{speed}{left} {task.fields['note']}".rstrip()
