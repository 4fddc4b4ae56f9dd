"""Files to write: checked before work starts."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from .._internal.object_store import ObjectPath, is_url, place
from ..errors import InputError
from .readers import STANDARD_STREAM


def check_output_files(paths: Sequence[str | Path], inputs: Iterable[str | Path]) -> None:
    """Check that files can get these names.

    Args:
        paths: Files to write; ``"-"`` is standard output.
        inputs: Files that are read.

    Raises:
        InputError: One is a directory or a device, is read too, or is named twice.
    """
    for path in paths:
        if str(path) == STANDARD_STREAM or is_url(path):
            continue
        if Path(path).exists() and not Path(path).is_file():
            raise InputError(f"{path} is not a regular file: choose another output file.")
    refuse_same(paths, inputs)


def real_path(path: str | Path) -> str:
    """A path without links, or a URL."""
    where = place(path)
    return str(where) if isinstance(where, ObjectPath) else os.path.realpath(path)


def refuse_same(paths: Sequence[str | Path], inputs: Iterable[str | Path]) -> None:
    """Check that outputs are neither files that are read nor each other.

    Args:
        paths: Files or directories to write; ``"-"`` is standard output.
        inputs: Files that are read; ``"-"`` is standard input.

    Raises:
        InputError: Two are the same.
    """
    files = [str(path) for path in paths if str(path) != STANDARD_STREAM]
    read = {real_path(path) for path in inputs if str(path) != STANDARD_STREAM}
    seen: set[str] = set()
    for path in files:
        real = real_path(path)
        linked = (
            not is_url(path)
            and Path(path).is_file()
            and any(
                Path(path).samefile(other) for other in read if not is_url(other) and Path(other).exists()
            )
        )
        if real in read or linked:
            raise InputError(f"{path} is both read and written: choose another output.")
        if real in seen:
            raise InputError(f"{path} is to be written twice: choose two different outputs.")
        seen.add(real)
    if sum(str(path) == STANDARD_STREAM for path in paths) > 1:
        raise InputError("Two outputs are standard output: choose a file for one of them.")
