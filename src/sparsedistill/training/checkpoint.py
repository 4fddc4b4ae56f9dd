"""Where a training run keeps its best state, and the last one to go on from."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from .._internal.files import PARTIAL_SUFFIX, atomic_write
from ..errors import InputError


@dataclass
class Record:
    """How far a run is.

    Attributes:
        step: Steps done.
        best_step: Step whose state did best on the validation data.
        waited: Evaluations since then.
        history: One entry an evaluation.
    """

    step: int = 0
    best_step: int = 0
    waited: int = 0
    history: list[dict[str, float]] = field(default_factory=list)


class Checkpoints(Protocol):
    """Keeps the last and the best state of a run."""

    def resume(self) -> tuple[Record, Mapping[str, Tensor]] | None:
        """The record and the arrays of the last state that was kept, if there is one."""
        ...

    def keep(self, record: Record, arrays: Mapping[str, Tensor]) -> None:
        """Keep `arrays`, the state at ``record.step``."""
        ...

    def best(self) -> Mapping[str, Tensor]:
        """The arrays of the best state."""
        ...


class InMemory:
    """Keeps the best state, and nothing to go on from."""

    def __init__(self) -> None:
        self._best: dict[str, Tensor] = {}

    def resume(self) -> None:
        return None

    def keep(self, record: Record, arrays: Mapping[str, Tensor]) -> None:
        if record.step != record.best_step:
            return
        for name, array in arrays.items():
            if name in self._best:
                self._best[name].copy_(array)
            else:
                self._best[name] = array.clone()

    def best(self) -> Mapping[str, Tensor]:
        return self._best


class InDirectory:
    """Keeps both states in safetensors files, one if they are the same, and the record in JSON beside them.

    The record is written last and says which files count, so that a run that is killed at any moment
    leaves the one before or the one after.
    """

    def __init__(self, directory: Path, job: Mapping[str, Any]) -> None:
        """Open `directory`, which need not exist.

        Args:
            directory: Where the files are.
            job: What the run does, as JSON values: a run of another job is not gone on with.

        Raises:
            InputError: The directory holds the checkpoints of another job, or damaged ones.
        """
        self.directory = directory
        self.job = json.loads(json.dumps(job))
        self.path = directory / "checkpoint.json"
        self._record: Record | None = None
        if self.path.exists():
            with self._readable():
                found = json.loads(self.path.read_text(encoding="utf-8"))
                there = found.pop("job").items()
                self._record = Record(**found)
            self._refuse_another(dict(there))
        for left in directory.glob(f".*{PARTIAL_SUFFIX}"):
            left.unlink()

    def resume(self) -> tuple[Record, Mapping[str, Tensor]] | None:
        return None if self._record is None else (copy(self._record), self._load(self._record.step))

    def keep(self, record: Record, arrays: Mapping[str, Tensor]) -> None:
        file = self._file(record.step)
        with atomic_write(file) as partial:
            save_file(dict(arrays), partial)
        with atomic_write(self.path) as partial:
            partial.write_text(json.dumps({"job": self.job, **asdict(record)}, indent=1), encoding="utf-8")
        self._record = copy(record)
        for old in set(self.directory.glob("step-*")) - {file, self._file(record.best_step)}:
            old.unlink()

    def best(self) -> Mapping[str, Tensor]:
        return {} if self._record is None else self._load(self._record.best_step)

    def _load(self, step: int) -> Mapping[str, Tensor]:
        with self._readable():
            return load_file(self._file(step))

    @contextmanager
    def _readable(self) -> Iterator[None]:
        try:
            yield
        except (AttributeError, KeyError, OSError, SafetensorError, TypeError, ValueError) as error:
            raise InputError(
                f"The checkpoints in {self.directory} cannot be read ({error}): delete it to train anew."
            ) from error

    def _file(self, step: int) -> Path:
        return self.directory / f"step-{step:08d}.safetensors"

    def _refuse_another(self, job: Mapping[str, Any]) -> None:
        for name in {**job, **self.job}:
            there, here = job.get(name), self.job.get(name)
            if there != here:
                raise InputError(
                    f"{self.directory} holds the checkpoints of another training ({name} is {there} there "
                    f"and {here} here): name another directory, or delete it to train anew."
                )
