"""The files that a path, a pattern, a directory or a URL names."""

from __future__ import annotations

import errno
import fnmatch
import glob
import logging
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePath, PurePosixPath

from .._internal.ledger import LEDGER
from .._internal.object_store import ObjectPath, place
from ..errors import InputError
from .file_job import output_folders
from .outputs import real_path
from .readers import CODECS, STANDARD_STREAM, has_unread_codec, is_known

logger = logging.getLogger(__package__)

#: Errors of a path that does not exist. Others mean that files could be lost.
_ABSENT = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG}


def found_files(path: str | Path, format: str | None) -> list[str]:  # noqa: A002
    """The files of a path, a pattern or a directory, sorted; of a URL, the URLs of its objects.

    A directory, or a pattern with ``**``, does not have the outputs of a job that read other files of it, so
    that the job can run again with its output directory inside of its input.

    Raises:
        InputError: There are none, a directory cannot be read, or a link leads to no file.
    """
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
    with _reading(name):
        is_folder = Path(name).is_dir()
    if is_folder:
        return _in_folder(name, format)
    if Path(name).exists():
        return [name]
    if not glob.has_magic(name):
        raise InputError(f"{name} does not exist: check the path.")
    files = _matching(_with_literal_folders(name)) or _matching(name.replace("[", "[[]"))
    if not files:
        raise InputError(f"No file matches {name}: check the pattern.")
    return files


def _in_folder(name: str, format: str | None) -> list[str]:  # noqa: A002
    """The files of a directory and of those below it, without hidden ones."""
    inside = sorted(Path(folder, inner) for folder, names in _folders(name) for inner in names)
    wanted = [inner for inner in inside if format is not None or is_known(inner)]
    files = _without_outputs([str(inner) for inner in wanted if _is_file(str(inner))], Path(name))
    if format is None:
        _warn_of_unread([str(inner) for inner in inside if has_unread_codec(inner)])
        for inner in inside:
            if not inner.suffix:  # an unmounted directory, perhaps
                _warn_of_dangling(str(inner))
    if not files:
        raise InputError(
            f"{name} is a directory without text files: give a directory with some, or the format of "
            "its files."
        )
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
    wanted = [str(found) for found in visible if format is not None or is_known(Path(found.name))]
    ledgers = {url.partition(f"/{LEDGER}/")[0] for url in map(str, inside) if f"/{LEDGER}/" in url}
    files = _without(wanted, sorted(ledgers - {str(path)}))
    if format is None:
        _warn_of_unread([str(found) for found in visible if has_unread_codec(Path(found.name))])
    if not files:
        raise InputError(
            f"{path}/ has no text files: give the URL of some, or the format of the objects below it."
        )
    return files


def _is_hidden(path: PurePath) -> bool:
    """Whether a file or one of its folders starts with a full stop: ``.ipynb_checkpoints``, ``.git``."""
    return any(part.startswith(".") for part in path.parts)


def _warn_of_unread(paths: Sequence[str]) -> None:
    if paths:
        files = f"{len(paths)} files such as {paths[0]} have" if len(paths) > 1 else f"{paths[0]} has"
        endings = " or ".join(f".{ending}" for ending in CODECS)
        logger.warning(
            f"{files} a compression that is not read, and {'are' if len(paths) > 1 else 'is'} left out: "
            f"decompress, or compress as {endings}."
        )


def _warn_of_dangling(path: str) -> None:
    if Path(path).is_symlink() and not Path(path).exists():
        logger.warning(f"{path} is a link to nothing: files that should be below it are left out.")


def _without_outputs(files: Sequence[str], top: Path) -> list[str]:
    """The files without outputs of jobs that read some of them, in directories below `top`."""
    parents = {parent for path in files for parent in Path(path).parents if parent.is_relative_to(top)}
    return _without(files, sorted(str(one) for one in parents - {top} if (one / LEDGER).is_dir()))


def _without(files: Sequence[str], ledgers: Sequence[str]) -> list[str]:
    """The files without outputs of jobs that read some of them and have ledgers in the given directories."""
    if not ledgers:
        return list(files)
    real = {path: real_path(path) for path in files}
    kept = list(files)
    for folder in (one for ledger in ledgers for one in output_folders(ledger, set(real.values()))):
        left = [path for path in kept if not real[path].startswith(f"{folder}/")]
        if len(left) < len(kept):
            logger.info(f"{folder} is left out, as it was made from the other files.")
        kept = left
    return kept


def _folders(top: str) -> Iterator[tuple[str, list[str]]]:
    """A directory and the visible ones below it, each once, with the names of their visible files.

    Links are followed last, so that directories have their own names, and a loop of links ends.

    Raises:
        InputError: A directory cannot be read.
    """
    seen: set[tuple[int, int]] = set()
    linked = [top]
    for start in linked:
        below = [start]
        while below:
            folder = below.pop()
            with _reading(folder):
                state = Path(folder).stat()
                if (state.st_dev, state.st_ino) in seen:
                    continue
                seen.add((state.st_dev, state.st_ino))
                names = []
                for entry in _entries(folder):
                    if entry.name.startswith("."):
                        continue
                    if not _is_folder(entry):
                        names.append(entry.name)
                    else:
                        (linked if entry.is_symlink() else below).append(_joined(folder, entry.name))
            yield folder, names


def _entries(folder: str) -> list[os.DirEntry[str]]:
    """What is in a directory; ``""`` is the current one."""
    with os.scandir(folder or ".") as entries:
        return list(entries)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    """Whether an entry is a directory or a link to one."""
    try:
        return entry.is_dir()
    except OSError as error:  # which it raises for links that lead back to themselves
        if error.errno not in _ABSENT:
            raise
        return False


def _joined(folder: str, name: str) -> str:
    """A path below a directory, which begins as the directory does: ``./a``."""
    return os.path.join(folder, name)  # noqa: PTH118 - Path leaves out the full stop


@contextmanager
def _reading(path: str) -> Iterator[None]:
    """Turn errors of the file system into an InputError."""
    try:
        yield
    except OSError as error:
        raise InputError(
            f"{error.filename or path} cannot be read ({error.strerror}): change its permissions, or give "
            "only other files."
        ) from error


def _is_file(path: str) -> bool:
    """Whether a path that was found is a regular file.

    Raises:
        InputError: It is a link to no file, or cannot be read.
    """
    with _reading(path):
        try:
            return stat.S_ISREG(Path(path).stat().st_mode)
        except OSError as error:
            if error.errno not in _ABSENT:
                raise
    if Path(path).is_symlink():
        raise InputError(
            f"{path} is a link to a file that does not exist: restore the file, or delete the link."
        )
    return False  # it was deleted since


def _matching(pattern: str) -> list[str]:
    """The files that a pattern matches, as :func:`glob.glob`, sorted.

    Unlike there, a directory that cannot be read is an error, and a pattern with ``**`` gives each file once.
    """
    parts = [part for part in pattern.split("/") if part]
    found = ["/" if pattern.startswith("/") else ""]
    for part in [*parts, "*"] if parts[-1:] == ["**"] else parts:
        found = [inner for folder in found for inner in _children(folder, part)]
    files = sorted(path for path in found if _is_file(path))
    if "**" not in parts:
        return files
    # Of several paths of a file the last one stays: one without links, if there is one.
    once = {real_path(path): path for path in sorted(files, key=_has_no_link)}
    return _without_outputs(sorted(once.values()), Path(pattern.partition("**")[0]))


def _has_no_link(path: str) -> bool:
    return real_path(path) == os.path.abspath(path)  # noqa: PTH100 - unlike Path.absolute, it resolves ..


def _children(folder: str, part: str) -> list[str]:
    """What one part of a pattern matches below a path, which may be no directory."""
    if not glob.has_magic(part):
        path = _joined(folder, part)
        return [path] if _exists(path) else []
    if part == "**":
        return [inner for inner, _ in _folders(folder)] if Path(folder).is_dir() else []
    visible = [name for name in _names(folder) if part.startswith(".") or not name.startswith(".")]
    return [_joined(folder, name) for name in fnmatch.filter(visible, part)]


def _exists(path: str) -> bool:
    """Whether there is something of this name, perhaps a link to nothing."""
    with _reading(path):
        try:
            Path(path).lstat()
        except OSError as error:
            if error.errno not in _ABSENT:
                raise
            return False
    return True


def _names(folder: str) -> list[str]:
    """The names in a directory; none if it is something else."""
    with _reading(folder):
        try:
            return [entry.name for entry in _entries(folder)]
        except OSError as error:
            if error.errno not in _ABSENT:
                raise
    _warn_of_dangling(folder)
    return []


def _with_literal_folders(pattern: str) -> str:
    """The pattern with the brackets of folders that exist, such as ``run [v1]``, as plain characters."""
    parts = Path(pattern).parts
    for length in range(len(parts) - 1, 0, -1):
        folder = Path(*parts[:length])
        if folder.is_dir():
            return str(Path(glob.escape(str(folder)), *parts[length:]))
    return pattern
