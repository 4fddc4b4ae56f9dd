"""Local copies of models in object stores, which can be memory-mapped."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..errors import InputError
from .files import atomic_directory, close_lock, disk_errors
from .object_store import ObjectPath

#: Endings of the files of a model; nothing else below its URL is copied.
_ENDINGS = (".json", ".md", ".parquet", ".safetensors")


def downloaded(url: str, marks: tuple[str, ...]) -> Path:
    """The directory of a local copy of a model, which is made if the cache has none of the same version.

    Args:
        url: The URL of the directory of the model.
        marks: One of these files must be in it, so that a wrong URL does not copy a bucket.

    Raises:
        InputError: There is no model, or it cannot be read or copied.
    """
    source = ObjectPath.parse(url)
    if not any((source / mark).exists() for mark in marks):
        raise InputError(f"{source} has no {' or '.join(marks)}: give the URL of the directory of a model.")
    files = {
        path: state
        for path, state in source.files().items()
        if path.name.endswith(_ENDINGS) and path.relative_to(source).count("/") < 2
    }
    version = repr([(str(path), state.size, state.version) for path, state in files.items()])
    target = cache_folder() / hashlib.sha256(version.encode()).hexdigest()[:32]
    with _alone(target):
        if not target.is_dir():
            with atomic_directory(target) as partial:
                for path in files:
                    copy = partial / path.relative_to(source)
                    copy.parent.mkdir(parents=True, exist_ok=True)
                    with path.open() as reader, copy.open("wb") as writer:
                        shutil.copyfileobj(reader, writer, 1 << 20)
    return target


@contextmanager
def _alone(target: Path) -> Iterator[None]:
    """Wait until no other process makes the same copy."""
    with disk_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(target.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        with suppress(OSError):  # a file system without locks
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        close_lock(handle)


def cache_folder() -> Path:
    """Where the copies are: ``$XDG_CACHE_HOME/sparsedistill/models``, or the same in ``~/.cache``."""
    given = os.environ.get("XDG_CACHE_HOME")
    return (Path(given) if given else Path.home() / ".cache") / "sparsedistill" / "models"
