"""The progress callback that long functions take."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol


class Advance(Protocol):
    """Reports progress of one task."""

    def __call__(self, n: int = 1, note: str | None = None) -> None:
        """Report `n` more finished units; `note` replaces the text next to the bar."""
        ...


class Progress(Protocol):
    """Opens a task that reports its progress: pass one as ``progress=`` to a long function.

    :func:`sparsedistill.progress_bars` draws bars on the terminal.
    """

    def __call__(
        self, description: str, total: int | None, unit: str, done: int = 0
    ) -> AbstractContextManager[Advance]:
        """Open a task.

        Args:
            description: What is being done.
            total: Number of units; None if it is not known in advance.
            unit: Name of a unit, in the plural: ``texts``, ``steps``.
            done: Units that an earlier, interrupted run has finished; they do not count in the rate.

        Returns:
            A context manager that closes the task, and yields its :class:`Advance`.
        """
        ...


@contextmanager
def no_progress(description: str, total: int | None, unit: str, done: int = 0) -> Iterator[Advance]:
    """A :class:`Progress` that shows nothing."""
    del description, total, unit, done

    def advance(n: int = 1, note: str | None = None) -> None:
        del n, note

    yield advance
