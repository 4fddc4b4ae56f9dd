"""What tells whether a file, or an object in a store, has changed."""

from __future__ import annotations

from pathlib import Path

from .._internal.object_store import ObjectPath, ObjectState, place
from ..errors import InputError

#: Size in bytes; and when the file was changed last, ns since 1970, or the version of the object.
FileState = ObjectState


def found_state(path: str | Path) -> FileState | None:
    """The state of a regular file or an object; None if there is none."""
    where = place(path)
    if isinstance(where, ObjectPath):
        return where.state()
    return state_of(where) if where.is_file() else None


def state_of(path: str | Path) -> FileState:
    """The state of a file or an object.

    Raises:
        InputError: It does not exist, or cannot be read.
    """
    where = place(path)
    if isinstance(where, ObjectPath):
        found = where.state()
        if found is None:
            raise InputError(f"{where} does not exist: check the URL.")
        return found
    try:
        seen = where.stat()
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): check the path.") from error
    return FileState(seen.st_size, str(seen.st_mtime_ns))


def absolute(path: str) -> str:
    """A path that does not depend on the current directory; a URL as it is."""
    where = place(path)
    return str(where if isinstance(where, ObjectPath) else where.absolute())
