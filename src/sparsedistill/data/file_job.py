"""Jobs that write one output for each of many files: they are divided by file, and resume."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Generic, TypeVar

from .._internal.ledger import Ledger, new_job
from .._internal.object_store import ObjectPath, is_url, place
from .._internal.part import Part
from .columns import Columns
from .file_state import FileState, absolute, found_state, state_of
from .outputs import real_path
from .readers import Source
from .targets import refuse_above

logger = logging.getLogger(__package__)

_LOOKED_AT = 8  # records that tell what a job read: an input may have been deleted since


@dataclass(frozen=True)
class FileRecord:
    """The record of a finished file.

    Attributes:
        input: The file that was read.
        size: Its size in bytes.
        version: When it was changed last, ns since 1970; of an object the version that its store gives it.
        outputs: Sizes of the files that were written, by their paths below the output directory; a file that
            is damaged from its beginning has none.
        texts: Number of texts.
    """

    input: str
    size: int
    version: str
    outputs: dict[str, int]
    texts: int


@dataclass(frozen=True)
class FileUnit:
    """A file of a job.

    Attributes:
        name: Path of its output below the output directory.
        source: The file to read.
    """

    name: str
    source: Source


_Done = TypeVar("_Done", bound=FileRecord)


@dataclass(frozen=True)
class FilesDone(Generic[_Done]):
    """What a process did of a job.

    Attributes:
        records: The finished files of its part, by the name of their output, also those of earlier runs.
        skipped: Number of files that were finished before.
        busy: Number of files of its part that another process is working on.
    """

    records: dict[str, _Done]
    skipped: int
    busy: int


def reading_settings(columns: Columns) -> dict[str, str]:
    """How files are read, as settings of a job."""
    files = columns.files
    found = {
        "text column": columns.text,
        "second text column": columns.text_pair,
        "kept columns": ", ".join(columns.keep) or None,
        "format": files.format,
        "delimiter": files.delimiter,
        "encoding": files.encoding,
        "quoting": None if files.quoting is None else str(files.quoting),
        "handling of damaged files": "skip" if files.skip_damaged else None,
    }
    return {name: value for name, value in found.items() if value is not None}


def do_files(
    folder: str | Path,
    command: str,
    settings: dict[str, str],
    units: Sequence[FileUnit],
    part: Part,
    kind: type[_Done],
    work: Callable[[FileUnit, FileState], _Done],
) -> FilesDone[_Done]:
    """Do the files of a part that are not finished, one after the other.

    A file is finished if its record says so, it has not changed, and its outputs are there. Files that
    another process works on are left to it. Processes may therefore share a directory without parts, too.

    Args:
        folder: The output directory, or its URL. It keeps a ledger of what is done.
        command: The command that does the job.
        settings: What must be the same to resume, by what messages call it.
        units: All files of the job.
        part: Which of them to do.
        kind: Type of their records.
        work: Does one file, atomically, and returns its record.

    Raises:
        InputError: The directory has other files, those of a job with other settings, or a file to read; or
            as `work`.
    """
    refuse_above(folder, [unit.source for unit in units])
    ledger = Ledger(folder)
    ledger.begin(new_job(command, settings, tuple(unit.name for unit in units), "file"))
    records: dict[str, _Done] = {}
    skipped = busy = 0
    for unit in part.share(units):
        state = state_of(unit.source.path)
        if (done := _finished(ledger, unit, state, kind)) is not None:
            records[unit.name] = done
            skipped += 1
            continue
        with ledger.locked(unit.name) as mine:
            if not mine:
                busy += 1
                continue
            done = _finished(ledger, unit, state, kind)  # by a process that had the lock until now
            if done is None:
                ledger.forget(unit.name)
                done = work(unit, state)
                ledger.finish(unit.name, done)
            records[unit.name] = done
    return FilesDone(records, skipped, busy)


def name_from(folder: Path | ObjectPath, path: str) -> str:
    """The name of an output in records: relative to the output directory, if both are in one place."""
    where = place(path)
    if isinstance(folder, Path) and isinstance(where, Path):
        return os.path.relpath(where, folder)
    if isinstance(folder, ObjectPath) and isinstance(where, ObjectPath):
        found = where.relative_to(folder)
        return found if found != where.key else str(where)
    return absolute(path)


def output_folders(folder: str, inputs: Collection[str]) -> list[str]:
    """The directories that a job writes, if it reads some files.

    Args:
        folder: A directory with a ledger, or its URL.
        inputs: The files, as :func:`~.outputs.real_path` names them.

    Returns:
        `folder` and the other output directories of the job, as real paths; none if it reads other files.

    Raises:
        InputError: The ledger is damaged.
    """
    ledger = Ledger(folder)
    job = ledger.job()
    if job is None or job.unit != "file":
        return []
    finished = ((unit, record) for unit in job.units if (record := ledger.read(unit, FileRecord)) is not None)
    found = list(islice(finished, _LOOKED_AT))
    if found and not any(real_path(record.input) in inputs for _, record in found):
        return []
    others = {
        path.removesuffix(f"/{unit}")
        for unit, record in found
        for path in (_written(ledger.folder, name) for name in record.outputs)
        if path.endswith(f"/{unit}")
    }
    return sorted({real_path(path) for path in (folder, *others)})


def _written(folder: Path | ObjectPath, name: str) -> str:
    """The output that has this name in records."""
    return name if is_url(name) or name.startswith("/") else str(folder / name)


def _finished(ledger: Ledger, unit: FileUnit, state: FileState, kind: type[_Done]) -> _Done | None:
    """The record of a unit that is finished."""
    record = ledger.read(unit.name, kind)
    if record is None:
        return None
    if (record.size, record.version) != (state.size, state.version):
        logger.info(f"{unit.source.name} has changed: it is done again.")
        return None
    for name, size in record.outputs.items():
        path = _written(ledger.folder, name)
        found = found_state(path)
        if found is None or found.size != size:
            logger.info(f"{path} is missing or has changed: it is written again.")
            return None
    return record
