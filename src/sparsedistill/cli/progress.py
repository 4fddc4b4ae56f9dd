"""Progress bars and messages on the terminal."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter

from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from .._internal.progress import Advance
from .._internal.threads import is_out_of_threads
from .terminal import Terminal

#: Messages and progress go to stderr; stdout is for results.
console = Terminal(stderr=True, markup=False, highlight=False)

#: Without a terminal to draw a bar on, a line is written this often.
_SECONDS_BETWEEN_LINES = 30.0

_BAR_WIDTH = 12
#: Below this width the note next to the bar is left out: everything before it fits into 80 columns.
_WIDTH_WITH_NOTE = 110


class _Count(ProgressColumn):
    """Finished units, and how many there are."""

    def render(self, task: Task) -> Text:
        total = "" if task.total is None else f"/{_short(task.total)}"
        return Text(f"{_short(task.completed)}{total} {task.fields['unit']}", no_wrap=True)


class _Rate(ProgressColumn):
    """Units per second."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{_short(speed)}/s", no_wrap=True)


class _Note(ProgressColumn):
    """The task's note, on wide terminals."""

    def render(self, task: Task) -> Text:
        return Text(task.fields["note"] if console.width >= _WIDTH_WITH_NOTE else "", no_wrap=True)


@contextmanager
def progress_bars(description: str, total: int | None, unit: str, done: int = 0) -> Iterator[Advance]:
    """Draw a progress bar with count, rate and remaining time on stderr: a ``progress=`` for long functions.

    Without a terminal, a line is written every 30 seconds.
    """
    columns: list[ProgressColumn] = [
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(_BAR_WIDTH),
        TaskProgressColumn(),
        _Count(),
        _Rate(),
        TimeRemainingColumn(compact=True),
        _Note(),
    ]
    # Slow teachers advance twice a minute: the rate is that of the last ten minutes.
    with _started(Progress(*columns, console=console, speed_estimate_period=600)) as bar:
        task = bar.add_task(description, total=total, completed=done, unit=unit, note="")
        written = perf_counter()

        def advance(n: int = 1, note: str | None = None) -> None:
            nonlocal written
            bar.advance(task, n)
            if note is not None:
                bar.update(task, note=note)
            if not console.is_terminal and perf_counter() - written > _SECONDS_BETWEEN_LINES:
                written = perf_counter()
                console.print(_line(bar.tasks[task]))

        yield advance


@contextmanager
def _started(bar: Progress) -> Iterator[Progress]:
    """Draw a bar while the block runs. If the system gives no thread to draw it, nothing is drawn."""
    try:
        bar.start()
    except RuntimeError as error:
        if not is_out_of_threads(error):
            raise
        bar.disable = True
    try:
        yield bar
    finally:
        bar.stop()


class LogHandler(logging.Handler):
    """Prints what the library logs: messages as they are, warnings in yellow."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print one record to stderr."""
        warning = record.levelno >= logging.WARNING
        message = self.format(record)
        console.print(f"Warning: {message}" if warning else message, style="yellow" if warning else None)


@contextmanager
def show_log() -> Iterator[None]:
    """Print what the library logs while the block runs."""
    logger, handler = logging.getLogger("sparsedistill"), LogHandler()
    level, propagate = logger.level, logger.propagate
    logger.setLevel(logging.INFO)
    logger.propagate = False  # some libraries give the root logger a handler, which would print again
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
        logger.propagate = propagate


def _line(task: Task) -> str:
    """The bar in words, for a log file."""
    total = "" if task.total is None else f" of {task.total:,.0f}"
    speed = "" if task.speed is None else f", {task.speed:,.1f} {task.fields['unit']}/s"
    left = "" if task.time_remaining is None else f", {task.time_remaining / 60:.0f} min left"
    return f"{task.description}: {task.completed:,.0f}{total}{speed}{left} {task.fields['note']}".rstrip()


def _short(number: float) -> str:
    """At most five characters: ``999``, ``12.3k``, ``702k``, ``1.25M``."""
    for limit, divisor, unit in ((1e3, 1, ""), (1e6, 1e3, "k"), (1e9, 1e6, "M"), (float("inf"), 1e9, "G")):
        if number < limit * 0.9995:
            scaled = number / divisor
            if scaled >= 100 or scaled == int(scaled):
                return f"{scaled:.0f}{unit}"
            return f"{scaled:.3g}{unit}"
    return f"{number:.0f}"
