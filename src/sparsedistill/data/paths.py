"""The files that a path, a pattern, a directory or a URL names."""

from __future__ import annotations

import glob
import os
from pathlib import Path, PurePath, PurePosixPath

from .._internal.object_store import ObjectPath, place
from ..errors import InputError
from .readers import STANDARD_STREAM, is_known


def found_files(path: str | Path, format: str | None) -> list[str]:  # noqa: A002
    """The files of a path, a pattern or a directory, sorted; of a URL, the URLs of its objects."""
    name = str(path)
    if name == STANDARD_STREAM:
        return [name]
    if not name:
        raise InputError("The name of an input file is empty: give a file, a directory or a pattern.")
    where = place(path)
    if isinstance(where, ObjectPath):
        return _objects(where, format, folder=name.endswith("/"))
    if name.startswith("~") and not Path(name).exists():
        name = os.path.expanduser(name)  # noqa: PTH111 - unlike Path.expanduser, it leaves unknown users alone
    if Path(name).is_dir():
        inside = sorted(inner for inner in Path(name).rglob("*") if inner.is_file())
        visible = [inner for inner in inside if not _is_hidden(inner.relative_to(name))]
        files = [str(inner) for inner in visible if format is not None or is_known(inner)]
        if not files:
            raise InputError(
                f"{name} is a directory without text files: give a directory with some, or the format of "
                "its files."
            )
        return files
    if Path(name).exists():
        return [name]
    if not glob.has_magic(name):
        raise InputError(f"{name} does not exist: check the path.")
    files = _matching(_with_literal_folders(name)) or _matching(name.replace("[", "[[]"))
    if not files:
        raise InputError(f"No file matches {name}: check the pattern.")
    return files


def _objects(path: ObjectPath, format: str | None, *, folder: bool) -> list[str]:  # noqa: A002
    """The objects of a URL, of a pattern or of a prefix, which has a slash at its end or is no object."""
    if not folder and path.exists():
        return [str(path)]
    if glob.has_magic(path.key):
        files = [str(found) for found in path.matching()]
        if not files:
            raise InputError(f"No object matches {path}: check the pattern.")
        return files
    inside = list(path.files())
    if not inside:
        raise InputError(f"{path} does not exist: check the URL.")
    visible = [found for found in inside if not _is_hidden(PurePosixPath(found.relative_to(path)))]
    files = [str(found) for found in visible if format is not None or is_known(Path(found.name))]
    if not files:
        raise InputError(
            f"{path}/ has no text files: give the URL of some, or the format of the objects below it."
        )
    return files


def _is_hidden(path: PurePath) -> bool:
    """Whether a file or one of its folders starts with a full stop: ``.ipynb_checkpoints``, ``.git``."""
    return any(part.startswith(".") for part in path.parts)


def _matching(pattern: str) -> list[str]:
    return sorted(match for match in glob.glob(pattern, recursive=True) if Path(match).is_file())  # noqa: PTH207


def _with_literal_folders(pattern: str) -> str:
    """The pattern with the brackets of folders that exist, such as ``run [v1]``, as plain characters."""
    parts = Path(pattern).parts
    for length in range(len(parts) - 1, 0, -1):
        folder = Path(*parts[:length])
        if folder.is_dir():
            return str(Path(glob.escape(str(folder)), *parts[length:]))
    return pattern
