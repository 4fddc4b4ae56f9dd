"""Training curves in TensorBoard and MLflow, while the training runs.

Both are optional: ``pip install tensorboard`` or ``pip install mlflow-skinny``. Any object with the method of
:class:`TrainingLog` can take their place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .._internal.training_log import TrainingLog, log_training
from ..errors import InputError

__all__ = ["MLflowLog", "TensorBoardLog", "TrainingLog", "log_training", "logging_to"]

_UNNAMABLE = re.compile(r"[^\w\-./ ]+")  # in the names of MLflow


class TensorBoardLog:
    """Writes the files that ``tensorboard --logdir FOLDER`` shows: a curve per figure, a colour per run."""

    def __init__(self, folder: str | Path) -> None:
        """Write to a directory, which is made when the first figures come.

        Raises:
            InputError: tensorboard is not installed.
        """
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise InputError("A log for TensorBoard needs its package: pip install tensorboard.") from error
        self._open, self._folder = SummaryWriter, Path(folder)
        self._writers: dict[str, Any] = {}

    def log(self, run: str, step: int, figures: Mapping[str, float]) -> None:
        """See :class:`TrainingLog`."""
        if run not in self._writers:
            name = re.sub(r"[^\w\-]+", "-", run).strip("-")
            self._writers[run] = self._open(str(self._folder / name))
        for figure, value in figures.items():
            self._writers[run].add_scalar(figure, value, step)
        self._writers[run].flush()

    def close(self) -> None:
        """Close the files."""
        for writer in self._writers.values():
            writer.close()


class MLflowLog:
    """Logs metrics named ``RUN/FIGURE`` to the active run of MLflow, or to a new one if none is active."""

    def __init__(self) -> None:
        """Log to where MLflow is set to.

        Raises:
            InputError: mlflow is not installed.
        """
        try:
            import mlflow
        except ImportError as error:
            raise InputError("A log for MLflow needs its package: pip install mlflow-skinny.") from error
        self._mlflow = mlflow

    def log(self, run: str, step: int, figures: Mapping[str, float]) -> None:
        """See :class:`TrainingLog`."""
        name = _UNNAMABLE.sub("", run)
        self._mlflow.log_metrics({f"{name}/{figure}": value for figure, value in figures.items()}, step=step)

    def close(self) -> None:
        """End the run of MLflow."""
        self._mlflow.end_run()


@contextmanager
def logging_to(where: str | None) -> Iterator[None]:
    """Log the trainings of a block to what the command line names.

    Args:
        where: ``tensorboard=FOLDER`` or ``mlflow``; None for nothing.

    Raises:
        InputError: It names something else, or its package is not installed.
    """
    if where is None:
        yield
        return
    kind, _, folder = where.partition("=")
    if kind == "tensorboard" and folder:
        log: TensorBoardLog | MLflowLog = TensorBoardLog(folder)
    elif where == "mlflow":
        log = MLflowLog()
    else:
        raise InputError(f"--log is {where!r}: give tensorboard=FOLDER or mlflow.")
    try:
        with log_training(log):
            yield
    finally:
        log.close()
