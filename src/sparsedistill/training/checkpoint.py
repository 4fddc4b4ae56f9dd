"""Checkpoints of a training run: its last state, to resume from, and its best state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from copy import copy
from dataclasses import dataclass, replace
from math import isfinite
from pathlib import Path
from typing import Protocol, TypeAlias

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from .._internal.digests import file_digest
from .._internal.files import PARTIAL_SUFFIX, atomic_write
from .._internal.records import as_builtins, read_record, write_record
from .._internal.tensors import write_blocks
from ..errors import InputError
from .snapshot import Snapshot

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
    """``checkpoint.json``: the state at the last checkpoint, the settings of the run, and digests by file."""

    job: dict[str, Setting]
    digests: dict[str, str]


class Checkpoints(Protocol):
    """Keeps the last and the best state of a run."""

    def resume(self) -> tuple[RunState, Mapping[str, Tensor]] | None:
        """Return the last state and its arrays; None if there is no checkpoint."""
        ...

    def keep(self, state: RunState, arrays: Mapping[str, Tensor]) -> None:
        """Keep `arrays`, which belong to ``state.step`` and have a ``table``."""
        ...

    def before_update(self, rows: Sequence[Tensor]) -> None:
        """Announce that these rows of the table that was kept last are about to change."""
        ...

    def close(self) -> None:
        """Wait until everything is kept."""
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

    def before_update(self, rows: Sequence[Tensor]) -> None:
        """See :class:`Checkpoints`."""

    def close(self) -> None:
        """See :class:`Checkpoints`."""

    def best(self) -> Mapping[str, Tensor]:
        """See :class:`Checkpoints`."""
        return self._best


class InDirectory:
    """Keeps both states in a directory, as ``step-*.safetensors`` files and ``checkpoint.json``.

    A file is written in the background while the training continues. There are never more than two, even
    while one is written: if the last state is not the best one, it is deleted before, and a run that is
    killed then resumes from the best. The JSON file names the valid files and is written last, so that a run
    which is killed at any moment leaves a valid checkpoint.
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
        self._digests: dict[str, str] = {}
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="checkpoint")
        self._snapshot: Snapshot | None = None
        self._written: Future[None] | None = None
        if self._path.exists():
            found = read_record(self._path, _CheckpointFile, f"delete {directory} to train again")
            self._check_settings(found.job)
            self._state, self._digests = found, found.digests
        for partial in directory.glob(f".*{PARTIAL_SUFFIX}"):
            partial.unlink()

    def resume(self) -> tuple[RunState, Mapping[str, Tensor]] | None:
        """See :class:`Checkpoints`.

        Raises:
            InputError: The arrays cannot be read.
        """
        return None if self._state is None else (copy(self._state), self._load(self._state.step))

    def keep(self, state: RunState, arrays: Mapping[str, Tensor]) -> None:
        """See :class:`Checkpoints`. The next call, or :meth:`close`, waits until the file is written.

        Raises:
            InputError: The directory cannot be written. An error in the background is raised by the next
                call.
        """
        self._wait()
        if self._state is not None and self._state.step != self._state.best_step:
            best = self._state.best_step
            history = [entry for entry in self._state.history if entry["step"] <= best]
            self._record(RunState(best, best, 0, history))
        self._snapshot = Snapshot(arrays)
        state = replace(state, history=list(state.history))
        self._written = self._thread.submit(self._write, state, self._snapshot)

    def before_update(self, rows: Sequence[Tensor]) -> None:
        """See :class:`Checkpoints`."""
        if self._snapshot is not None:
            self._snapshot.before_update(rows)

    def close(self) -> None:
        """See :class:`Checkpoints`.

        Raises:
            InputError: The directory cannot be written.
        """
        try:
            self._wait()
        finally:
            self._thread.shutdown()

    def _wait(self) -> None:
        written, self._written = self._written, None
        if written is not None:
            written.result()
        self._snapshot = None

    def _write(self, state: RunState, snapshot: Snapshot) -> None:
        file = self._file(state.step)
        try:
            with atomic_write(file) as partial:
                write_blocks(partial, snapshot.arrays, snapshot.blocks())
                self._digests[file.name] = file_digest(partial)
        finally:
            snapshot.close()
        self._record(state)

    def _record(self, state: RunState) -> None:
        """Make a state whose file is written the last one, and delete the files that it does not need."""
        kept = {self._file(state.step), self._file(state.best_step)}
        self._digests = {one.name: self._digests[one.name] for one in kept}
        # JSON has no NaN: a training loss that is not finite is left out.
        history = [{name: x for name, x in entry.items() if isfinite(x)} for entry in state.history]
        progress = (state.step, state.best_step, state.waited, history)
        write_record(self._path, _CheckpointFile(*progress, self._settings, self._digests), indent=1)
        self._state = state
        for old in set(self._directory.glob("step-*")) - kept:
            old.unlink()

    def best(self) -> Mapping[str, Tensor]:
        """See :class:`Checkpoints`.

        Raises:
            InputError: The arrays cannot be read.
        """
        self._wait()
        return {} if self._state is None else self._load(self._state.best_step)

    def _load(self, step: int) -> Mapping[str, Tensor]:
        file = self._file(step)
        try:
            if file_digest(file) != self._digests.get(file.name):
                raise ValueError("its digest differs")
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
