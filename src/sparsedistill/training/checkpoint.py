"""Checkpoints of a training run: its last state, to resume from, and its best state."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Protocol, TypeAlias

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from .._internal.files import PARTIAL_SUFFIX, atomic_write
from .._internal.records import as_builtins, read_record, write_record
from ..errors import InputError

#: One setting of a run, as JSON holds it.
Setting: TypeAlias = bool | int | float | str | list[int | float] | None


@dataclass
class RunState:
    """The progress of a training run.

    Attributes:
        step: Steps done.
        best_step: The step with the best result on the validation data.
        waited: Evaluations since then.
        history: One entry per evaluation; see :class:`~sparsedistill.training.trainer.TrainingResult`.
    """

    step: int
    best_step: int
    waited: int
    history: list[dict[str, int | float]]


@dataclass
class _CheckpointFile(RunState):
    """``checkpoint.json``: the state at the last checkpoint, and in `job` the settings of the run."""

    job: dict[str, Setting]


class Checkpoints(Protocol):
    """Keeps the last and the best state of a run."""

    def resume(self) -> tuple[RunState, Mapping[str, Tensor]] | None:
        """Return the last state and its arrays; None if there is no checkpoint."""
        ...

    def keep(self, state: RunState, arrays: Mapping[str, Tensor]) -> None:
        """Keep `arrays`, which belong to ``state.step``."""
        ...

    def best(self) -> Mapping[str, Tensor]:
        """Return the arrays of the best state."""
        ...


class InMemory:
    """Keeps the best state in memory; a run cannot be resumed from it."""

    def __init__(self) -> None:
        """Start without a state."""
        self._best: dict[str, Tensor] = {}

    def resume(self) -> None:
        """See :class:`Checkpoints`."""

    def keep(self, state: RunState, arrays: Mapping[str, Tensor]) -> None:
        """See :class:`Checkpoints`."""
        if state.step != state.best_step:
            return
        for name, array in arrays.items():
            if name in self._best:
                self._best[name].copy_(array)
            else:
                self._best[name] = array.clone()

    def best(self) -> Mapping[str, Tensor]:
        """See :class:`Checkpoints`."""
        return self._best


class InDirectory:
    """Keeps both states in a directory, as ``step-*.safetensors`` files and ``checkpoint.json``.

    If the last state is the best one, there is one file of arrays. The JSON file names the valid files and is
    written last, so a run that is killed at any moment leaves either the old checkpoint or the new one.
    """

    def __init__(self, directory: Path, settings: Mapping[str, object]) -> None:
        """Open a directory, which does not have to exist.

        Args:
            directory: The directory.
            settings: The settings of the run, by names for an error message. A run with other settings is not
                resumed.

        Raises:
            InputError: The directory holds a checkpoint of a run with other settings, or a damaged one.
        """
        self._directory = directory
        self._path = directory / "checkpoint.json"
        self._settings: dict[str, Setting] = as_builtins(dict(settings))
        self._state: RunState | None = None
        if self._path.exists():
            found = read_record(self._path, _CheckpointFile, f"delete {directory} to train again")
            self._check_settings(found.job)
            self._state = found
        for partial in directory.glob(f".*{PARTIAL_SUFFIX}"):
            partial.unlink()

    def resume(self) -> tuple[RunState, Mapping[str, Tensor]] | None:
        """See :class:`Checkpoints`.

        Raises:
            InputError: The arrays cannot be read.
        """
        return None if self._state is None else (copy(self._state), self._load(self._state.step))

    def keep(self, state: RunState, arrays: Mapping[str, Tensor]) -> None:
        """See :class:`Checkpoints`.

        Raises:
            InputError: The directory cannot be written.
        """
        file = self._file(state.step)
        with atomic_write(file) as partial:
            save_file(dict(arrays), partial)
        # JSON has no NaN: a training loss that is not finite is left out.
        history = [{name: x for name, x in entry.items() if isfinite(x)} for entry in state.history]
        record = _CheckpointFile(state.step, state.best_step, state.waited, history, self._settings)
        write_record(self._path, record, indent=1)
        self._state = copy(state)
        for old in set(self._directory.glob("step-*")) - {file, self._file(state.best_step)}:
            old.unlink()

    def best(self) -> Mapping[str, Tensor]:
        """See :class:`Checkpoints`.

        Raises:
            InputError: The arrays cannot be read.
        """
        return {} if self._state is None else self._load(self._state.best_step)

    def _load(self, step: int) -> Mapping[str, Tensor]:
        file = self._file(step)
        try:
            return load_file(file)
        except (KeyError, OSError, SafetensorError, TypeError, ValueError) as error:
            raise InputError(
                f"{file} cannot be used ({error}): delete {self._directory} to train again."
            ) from error

    def _file(self, step: int) -> Path:
        return self._directory / f"step-{step:08d}.safetensors"

    def _check_settings(self, found: Mapping[str, Setting]) -> None:
        for name in {**found, **self._settings}:
            before, now = found.get(name), self._settings.get(name)
            if before != now:
                raise InputError(
                    f"{self._directory} holds a checkpoint of another run ({name} was {before} and is now "
                    f"{now}): use another directory, or delete this one to train again."
                )
