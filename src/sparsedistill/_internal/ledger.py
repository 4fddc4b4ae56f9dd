"""What of a directory is done, for jobs that several processes do together and that resume.

The ledger is the hidden directory ``.sparsedistill`` in an output directory. ``job.json`` says what the job
is, and a *unit* (a file to write, a shard) has a record there once it is finished. A process that works on a
unit holds a lock. Processes share nothing else: a job needs a file system and no server. In an object
store there are no locks.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from ..errors import InputError
from .files import close_lock, disk_errors, is_partial
from .object_store import ObjectPath, local_path, place
from .records import Record, read_record, write_record
from .texts import encodable

#: Name of the directory of a ledger.
LEDGER = ".sparsedistill"

_FORMAT = 1
_ATTEMPTS, _PAUSE = 10, 0.02  # seconds


@dataclass(frozen=True)
class JobRecord:
    """``job.json``.

    Attributes:
        format: Version of the ledger.
        command: The command that does the job.
        settings: What must not change while the job lasts, by what messages call it.
        units: Names of the units, relative paths.
        unit: What messages call a unit: ``file``, ``shard`` or ``part``.
    """

    format: int
    command: str
    settings: dict[str, str]
    units: tuple[str, ...]
    unit: str

    def __post_init__(self) -> None:
        for name in self.units:
            parts = PurePosixPath(name).parts
            if not parts or parts[0] == "/" or ".." in parts or "\0" in name:
                raise ValueError(f"the name {name!r} of a unit is not a path below the directory")


def new_job(command: str, settings: Mapping[str, str], units: tuple[str, ...], unit: str) -> JobRecord:
    """A job of the current version of the ledger. See :class:`JobRecord`."""
    return JobRecord(_FORMAT, command, dict(settings), units, unit)


def check_names(names: Iterable[str]) -> None:
    """Check that records, which are JSON, can name files.

    Raises:
        InputError: A name is not UTF-8.
    """
    for name in names:
        if encodable(name) != name:
            shown = name.encode("utf-8", "backslashreplace").decode().replace("\\udc", "\\x")
            raise InputError(f"The name {shown} is not UTF-8, so that no record can hold it: rename it.")


class Ledger:
    """The ledger of an output directory.

    Args:
        folder: The output directory, or the URL of one.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = place(folder)
        self._path = self.folder / LEDGER
        self._advice = f"delete {self.folder} and start again"

    @property
    def directory(self) -> Path:
        """The output directory, for jobs that cannot write to an object store.

        Raises:
            InputError: It is a URL.
        """
        return local_path(str(self.folder))

    def job(self) -> JobRecord | None:
        """The job of the directory; None if it has no ledger.

        Raises:
            InputError: The ledger is damaged, or of another version.
        """
        path = self._path / "job.json"
        if not path.exists():
            return None
        job = read_record(path, JobRecord, self._advice)
        if job.format != _FORMAT:
            raise InputError(
                f"{path} has format {job.format}, not {_FORMAT}: use the version of sparsedistill that "
                "wrote it."
            )
        return job

    def begin(self, job: JobRecord) -> None:
        """Start or resume a job. Units that are no longer in it are forgotten, new ones are added.

        Raises:
            InputError: The directory has files of something else, or of the same job with other settings; or
                a name or a setting is not UTF-8.
        """
        check_names((*job.units, *job.settings.values()))
        found = self.job()
        # Read again: another process may have begun the same job in between.
        if found is None and self.is_used() and (found := self.job()) is None:
            raise InputError(f"{self.folder} exists already: choose another output directory, or delete it.")
        if found is None:
            write_record(self._path / "job.json", job)
            return
        if found.command != job.command:
            raise InputError(
                f"{self.folder} is the output of `{found.command}`, not of `{job.command}`: name another "
                "output directory."
            )
        for name in {**found.settings, **job.settings}:
            before, now = found.settings.get(name), job.settings.get(name)
            if before != now:
                raise InputError(
                    f"{self.folder} was begun with another {name} ({_shown(before)}, now {_shown(now)}): "
                    "give the same, name another output directory, or delete this one."
                )
        if found.units != job.units:
            write_record(self._path / "job.json", replace(job, settings=found.settings))

    def read(self, unit: str, kind: type[Record]) -> Record | None:
        """The record of a unit; None if it is not finished.

        Raises:
            InputError: The record is damaged.
        """
        path = self._record(unit)
        return read_record(path, kind, self._advice) if path.exists() else None

    def is_finished(self, unit: str) -> bool:
        """Whether a unit has a record."""
        return self._record(unit).exists()

    def finish(self, unit: str, record: object) -> None:
        """Write the record of a unit, atomically.

        Raises:
            InputError: It cannot be written.
        """
        write_record(self._record(unit), record)

    def forget(self, unit: str) -> None:
        """Delete the record of a unit, which is no longer what it says."""
        self._record(unit).unlink(missing_ok=True)

    @contextmanager
    def locked(self, unit: str) -> Iterator[bool]:
        """Lock a unit against other processes while the block runs. The lock ends with the process.

        Yields:
            Whether this process has the lock; otherwise another one works on the unit. File systems without
            locks, and object stores, do without: what two processes write is the same, and appears at once.
        """
        path = self._lock(unit)
        if isinstance(path, ObjectPath):
            yield True
            return
        with disk_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            yield _take(handle)
        finally:
            close_lock(handle)

    def is_running(self, unit: str) -> bool:
        """Whether a process holds the lock of a unit."""
        path = self._lock(unit)
        if isinstance(path, ObjectPath):
            return False
        try:
            handle = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            return not _try(handle)
        finally:
            close_lock(handle)

    def running(self) -> list[str]:
        """Names of the units whose locks are held, sorted."""
        if isinstance(self._path, ObjectPath):
            return []
        found = (path.relative_to(self._path).with_suffix("") for path in self._path.rglob("*.lock"))
        return sorted(str(name) for name in found if self.is_running(str(name)))

    def is_used(self) -> bool:
        """Whether the directory has files of something else.

        A job writes ``job.json`` or a manifest before them. One that was killed earlier leaves partial files.
        """
        if isinstance(self.folder, ObjectPath):
            inside = (path.relative_to(self.folder) for path in self.folder.files())
            return any(not name.startswith(f"{LEDGER}/") for name in inside)
        if not self.folder.is_dir():
            return self.folder.exists()
        return any(path.name != LEDGER and not is_partial(path) for path in self.folder.iterdir())

    def _record(self, unit: str) -> Path | ObjectPath:
        return self._path / f"{unit}.done"

    def _lock(self, unit: str) -> Path | ObjectPath:
        return self._path / f"{unit}.lock"


def _take(handle: int) -> bool:
    """Take the lock of an open file, which ``status`` may hold for a moment."""
    for _ in range(_ATTEMPTS):
        if _try(handle):
            return True
        time.sleep(_PAUSE)
    return False


def _try(handle: int) -> bool:
    """Take the lock of an open file, if no other process holds it."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return True
    return True


def _shown(setting: str | None) -> str:
    return "none" if setting is None else setting
