"""Where the figures of trainings go while they run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol


class TrainingLog(Protocol):
    """Takes the figures of trainings: pass one to :func:`log_training`."""

    def log(self, run: str, step: int, figures: Mapping[str, float]) -> None:
        """Take the figures of an evaluation.

        Args:
            run: What is trained, such as ``"Distilling"``.
            step: Steps done.
            figures: Values by name, such as ``validation_loss`` and ``accuracy``.
        """
        ...


_current: ContextVar[TrainingLog | None] = ContextVar("training_log", default=None)


@contextmanager
def log_training(log: TrainingLog | None) -> Iterator[None]:
    """Send the figures of all trainings in the block, those of teachers too, to a log; with None, to none.

    A training that resumes sends the figures of its remaining evaluations.
    """
    token = _current.set(log)
    try:
        yield
    finally:
        _current.reset(token)


def log_figures(run: str, step: int, figures: Mapping[str, float]) -> None:
    """Send figures to the current log, if there is one."""
    log = _current.get()
    if log is not None:
        log.log(run, step, figures)
