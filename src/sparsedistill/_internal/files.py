"""Files that are there whole or not at all."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..errors import InputError

#: Temporary names end so; whoever owns a folder may delete what a killed process left in it.
PARTIAL_SUFFIX = ".partial"

_NO_ROOM = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "it outgrew the largest file that is allowed here",
}
_BLOCK = 1 << 20


@contextmanager
def atomic_write(path: str | Path) -> Iterator[Path]:
    """Write a file that appears under its name only when all of it is on the disk.

    Args:
        path: The file to make or to replace. Missing folders above it are made.

    Yields:
        An empty file beside `path`, to be written. When the block ends well it is renamed to `path`;
        when it ends in any other way it is removed, and what stood under `path` stays.

    Raises:
        InputError: `path` cannot be written, or there is no room for it.
    """
    target = Path(os.path.realpath(path))
    if target.exists() and not stat.S_ISREG(target.stat().st_mode):
        raise InputError(f"{path} is not a regular file: name another output file.")
    partial = _beside(target)
    with _room_for(path):
        _create(partial, path, directory=False)
        try:
            yield partial
            _sync(partial)
            partial.replace(target)
            _sync(target.parent)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise


def refuse_existing(directory: str | Path) -> None:
    """Refuse a directory to make that holds something already; before long work, not after it.

    Raises:
        InputError: It is there.
    """
    target = Path(os.path.realpath(directory))
    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        raise InputError(f"{directory} exists already: name another output directory, or delete it first.")


@contextmanager
def atomic_directory(path: str | Path) -> Iterator[Path]:
    """Make a directory that appears under its name only when all that is in it is on the disk.

    Args:
        path: The directory to make. Missing folders above it are made.

    Yields:
        An empty directory beside `path`, to be filled; renamed or removed as in :func:`atomic_write`.

    Raises:
        InputError: `path` holds something already, cannot be written, or there is no room for it.
    """
    refuse_existing(path)
    target = Path(os.path.realpath(path))
    partial = _beside(target)
    with _room_for(path):
        _create(partial, path, directory=True)
        try:
            yield partial
            for inside in [*partial.rglob("*"), partial]:
                _sync(inside)
            partial.replace(target)
            _sync(target.parent)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise


def content_hash(path: str | Path) -> str:
    """BLAKE2b of all bytes of a file, as 32 hexadecimal digits."""
    digest = hashlib.blake2b(digest_size=16)
    with Path(path).open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file.

    Raises:
        InputError: The file is missing or holds something else.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path} is missing: name a directory that sparsedistill has saved.") from None
    except (OSError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise InputError(f"{path} cannot be read ({error}): copy or save the model again.") from error
    if not isinstance(value, dict):
        raise InputError(f"{path} holds no JSON object: copy or save the model again.")
    return value


def _beside(target: Path) -> Path:
    """A name in the same folder that no other process and no other thread has."""
    return target.with_name(f".{target.name[:100]}.{os.getpid()}-{secrets.token_hex(4)}{PARTIAL_SUFFIX}")


def _create(partial: Path, path: str | Path, *, directory: bool) -> None:
    try:
        partial.parent.mkdir(parents=True, exist_ok=True)
        if directory:
            partial.mkdir()
        else:
            partial.touch(exist_ok=False)
    except OSError as error:
        if error.errno in _NO_ROOM:
            raise
        raise InputError(
            f"{path} cannot be written ({error.strerror}): name a place that you may write to."
        ) from error


@contextmanager
def _room_for(path: str | Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        raise InputError(
            f"{path} could not be written because {_NO_ROOM[error.errno]}: make room or name another place."
        ) from error


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
