"""Atomic writes of files and directories, content hashes and JSON files."""

from __future__ import annotations

import errno
import fcntl
import glob
import hashlib
import io
import logging
import os
import re
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..errors import InputError, first_line
from .object_store import ObjectPath, local_path, place

logger = logging.getLogger(__package__)

#: Suffix of temporary files and directories. Those that a killed process left can be deleted.
PARTIAL_SUFFIX = ".partial"

#: What is wrong with a disk that does not take a file, and what to do.
_REFUSED = {
    errno.ENOSPC: ("the disk is full", "free space"),
    errno.EDQUOT: ("the disk quota is used up", "free space"),
    errno.EFBIG: ("it exceeds the largest allowed file size", "free space"),
    errno.EIO: ("the disk reports an input/output error", "check the disk"),
}
_PARTIAL_NAME = re.compile(rf"\.(.+)\.\d+-[0-9a-f]{{8}}{re.escape(PARTIAL_SUFFIX)}")
_TORCH_WRITER = re.compile("PytorchStreamWriter|inline_container|iostream error")
_BLOCK = 1 << 20


@contextmanager
def atomic_write(path: str | Path) -> Iterator[Path]:
    """Write a file that gets its name only when it is complete and on disk.

    Args:
        path: The file to create or replace. Missing parent directories are created.

    Yields:
        An empty temporary file in the same directory, to write to. It is renamed to `path` if the block
        succeeds. If the block raises, it is deleted and an existing `path` stays unchanged.

    Raises:
        InputError: `path` cannot be written, the disk is full or reports an error.
    """
    target = Path(os.path.realpath(path))
    if target.exists() and not stat.S_ISREG(target.stat().st_mode):
        raise InputError(f"{path} is not a regular file: choose another output file.")
    partial = _beside(target)
    with disk_errors(path):
        _clean(target, path)
        _create(partial, path, directory=False)
        lock = _lock(partial)
        try:
            yield partial
            _sync(partial)
            partial.replace(target)
            _sync(target.parent)
        except BaseException:
            with suppress(OSError):  # the first error says more
                partial.unlink(missing_ok=True)
            raise
        finally:
            os.close(lock)


def refuse_existing(directory: str | Path) -> None:
    """Check that an output directory does not exist or is empty, before long work starts.

    Raises:
        InputError: `directory` is a file or is not empty.
    """
    where = place(directory)
    if isinstance(where, ObjectPath):
        if where.is_dir():
            raise InputError(f"{where} exists already: choose another output, or delete its objects.")
        return
    target = Path(os.path.realpath(directory))
    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        raise InputError(f"{directory} exists already: choose another output directory, or delete it.")


@contextmanager
def atomic_directory(path: str | Path) -> Iterator[Path]:
    """Make a directory that gets its name only when its content is complete and on disk.

    Args:
        path: The directory to create. Missing parent directories are created.

    Yields:
        An empty temporary directory next to `path`, to fill. It is renamed or deleted as in
        :func:`atomic_write`.

    Raises:
        InputError: `path` is a file or is not empty, cannot be written, or the disk is full or reports an
            error.
    """
    with _held(path) as (target, partial), disk_errors(path):
        try:
            yield partial
            for inside in [*partial.rglob("*"), partial]:
                _sync(inside)
            partial.replace(target)
            try:
                _sync(target.parent)
            except OSError:  # the name may be lost with the next power cut: nothing was made
                with suppress(OSError):  # a full disk may refuse new names too
                    target.replace(partial)
                shutil.rmtree(target, ignore_errors=True)
                raise
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise


@contextmanager
def reserved(path: str | Path) -> Iterator[None]:
    """Reserve the name of a directory that long work will make, and check that it can be made.

    Raises:
        InputError: `path` is a file or is not empty, cannot be written, or another process is making it.
    """
    with _held(path) as (_, partial):
        try:
            yield
        finally:
            _delete(partial)


@contextmanager
def _held(path: str | Path) -> Iterator[tuple[Path, Path]]:
    """The directory to make, and a new partial one next to it, which is locked while the block runs."""
    refuse_existing(local_path(path))
    target = Path(os.path.realpath(path))
    partial = _beside(target)
    with disk_errors(path):
        _clean(target, path)
        _create(partial, path, directory=True)
        lock = _lock(partial)
    try:
        yield target, partial
    finally:
        os.close(lock)


@contextmanager
def locked(folder: str | Path) -> Iterator[Path]:
    """Create a directory and lock it against other processes while the block runs.

    The lock ends with the process. The directory is removed again if it is empty at the end. The block may
    also delete or rename it.

    Yields:
        The directory.

    Raises:
        InputError: It cannot be created, or another process has locked it.
    """
    folder = local_path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise InputError(
            f"The directory {folder} cannot be created ({error.strerror}): name another output directory."
        ) from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InputError(
                f"{folder} is being written by another process: wait until it ends, or name another output "
                "directory."
            ) from error
        try:
            yield folder
        finally:
            with suppress(FileNotFoundError):
                if not any(folder.iterdir()):
                    folder.rmdir()
    finally:
        os.close(handle)


def is_partial(path: Path) -> bool:
    """Whether a file or directory is one that an atomic write has not finished, by its name."""
    return _PARTIAL_NAME.fullmatch(path.name) is not None


def close_lock(handle: int) -> None:
    """Close a file that is only a lock. An error of the disk is ignored: nothing was written."""
    with suppress(OSError):
        os.close(handle)


def discard(directory: str | Path) -> None:
    """Delete a directory that is no longer needed, if it exists; log a warning if it cannot be deleted.

    It loses its name first: a process that is killed on the way does not leave a part of it.
    """
    target = Path(os.path.realpath(directory))
    with suppress(OSError, InputError):  # another process may delete it too
        _clean(target, directory)
    partial = _beside(target)
    try:
        target.replace(partial)
    except OSError:
        partial = target
    _delete(partial)


def _delete(partial: Path) -> None:
    shutil.rmtree(partial, ignore_errors=True)
    if os.path.lexists(partial):
        logger.warning(f"{partial} is no longer needed but could not be deleted: delete it.")


def clean_partials(directory: Path, pattern: str) -> None:
    """Delete what killed processes left of files that match `pattern`; running ones have locked theirs."""
    for leftover in directory.glob(f".{pattern}.*{PARTIAL_SUFFIX}"):
        with suppress(OSError):
            handle = os.open(leftover, os.O_RDONLY)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                leftover.unlink()
            finally:
                os.close(handle)


def remove(directory: str | Path) -> None:
    """Delete a directory that would be in the way, if it exists.

    Raises:
        InputError: It cannot be deleted.
    """
    try:
        shutil.rmtree(directory)
    except FileNotFoundError:
        pass
    except OSError as error:
        raise InputError(
            f"{directory} could not be deleted ({error.strerror}): check the disk, and run the command again."
        ) from error


@contextmanager
def disk_errors(path: str | Path) -> Iterator[None]:
    """Name what the block writes in errors of the disk.

    Args:
        path: The file or directory that it writes. Errors that name files elsewhere pass.

    Raises:
        InputError: The disk is full or reports an error.
    """
    try:
        yield
    except Exception as error:
        number = error.errno if isinstance(error, OSError) else _errno_of_rust(error)
        named = error.filename if isinstance(error, OSError) else None
        around = Path(os.path.realpath(path)).parent
        elsewhere = named is not None and not Path(os.path.realpath(str(named))).is_relative_to(around)
        torch = isinstance(error, RuntimeError) and _TORCH_WRITER.search(str(error))
        if torch or (type(error) is OSError and number is None):
            # torch loses the errno of every error, Arrow that of a close.
            reason, advice = f"of an error ({first_line(error)})", "check the disk"
        elif number in _REFUSED and not elsewhere:
            reason, advice = _REFUSED[number]
        else:
            raise
        raise InputError(
            f"{_without_partial(path)} could not be written because {reason}: {advice} or choose another "
            "path."
        ) from error


def opened(path: str | Path) -> io.BufferedReader:
    """Open a file, or the object that a URL names, to read its bytes."""
    where = place(path)
    return where.open() if isinstance(where, ObjectPath) else where.open("rb")


def content_hash(path: str | Path) -> str:
    """BLAKE2b hash of the content of a file or an object, as 32 hexadecimal digits."""
    digest = hashlib.blake2b(digest_size=16)
    with opened(path) as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _beside(target: Path) -> Path:
    """A name in the same directory that no other process or thread uses."""
    return target.with_name(f".{target.name[:100]}.{os.getpid()}-{secrets.token_hex(4)}{PARTIAL_SUFFIX}")


def _clean(target: Path, path: str | Path) -> None:
    """Delete what killed runs left of a target; a running one has locked its partial file.

    Raises:
        InputError: Another process is writing the target.
    """
    start = f".{target.name[:100]}."
    for leftover in target.parent.glob(f"{glob.escape(start)}*{PARTIAL_SUFFIX}"):
        name = leftover.name[len(start) : -len(PARTIAL_SUFFIX)]
        if not re.fullmatch(r"\d+-[0-9a-f]{8}", name) or name.startswith(f"{os.getpid()}-"):
            continue
        with suppress(OSError):
            handle = os.open(leftover, os.O_RDONLY)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()
            except BlockingIOError as error:
                raise InputError(
                    f"{path} is being written by another process: wait until it ends, or choose another "
                    "output."
                ) from error
            finally:
                os.close(handle)


def _lock(partial: Path) -> int:
    """Lock a partial file or directory while it is written; file systems without locks do without."""
    handle = os.open(partial, os.O_RDONLY)
    with suppress(OSError):
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return handle


def _create(partial: Path, path: str | Path, *, directory: bool) -> None:
    try:
        partial.parent.mkdir(parents=True, exist_ok=True)
        if directory:
            partial.mkdir()
        else:
            partial.touch(exist_ok=False)
    except OSError as error:
        with suppress(OSError):  # touch can fail after it has made the file
            partial.unlink(missing_ok=True)
        if error.errno in _REFUSED:
            raise
        raise InputError(
            f"{path} cannot be written ({error.strerror}): choose a directory that you can write to."
        ) from error


def _without_partial(path: str | Path) -> Path:
    """The name that a file will have when the partial directories around it have theirs."""
    parts = ((_PARTIAL_NAME.fullmatch(part), part) for part in Path(path).parts)
    return Path(*(part if partial is None else partial[1] for partial, part in parts))


def _errno_of_rust(error: Exception) -> int | None:
    """The errno in the message of an error of safetensors or tokenizers, which is no OSError."""
    of_rust = type(error) is Exception or type(error).__module__ != "builtins"
    found = re.search(r"\(os error (\d+)\)", str(error)) if of_rust else None
    return None if found is None else int(found[1])


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
