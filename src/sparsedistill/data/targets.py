"""Where the rows of each file are written to."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath, PurePosixPath

from .._internal.ledger import LEDGER, check_names
from .._internal.object_store import is_url, place
from ..errors import InputError
from .outputs import real_path
from .readers import CODECS, STANDARD_STREAM, Source, format_of, is_known


@dataclass(frozen=True)
class Target:
    """A file to write.

    Attributes:
        name: Its path; in a directory of files, the path below it.
        codec: Its compression, as pyarrow names it.
    """

    name: str
    codec: str | None


def targets_of(sources: Sequence[Source], output: str | Path) -> list[Target]:
    """The file to write for each file that is read: `output`, or for several files one each below it.

    Those of several files have the path of their file below the folder that all have in common.

    Raises:
        InputError: The output is one of the files or a directory that has one, or has another format.
    """
    if len(sources) == 1 and not is_folder(output):
        return [_single(sources[0], str(output))]
    if str(output) == STANDARD_STREAM:
        raise InputError(
            f"The rows of {len(sources)} files cannot go to standard output: give a directory, or one file."
        )
    refuse_above(output, sources)
    return [Target(name, source.codec) for name, source in zip(names_below(sources), sources, strict=True)]


def is_folder(output: str | Path) -> bool:
    """Whether an output is a directory: it is one already, or its name ends with a slash."""
    return str(output).endswith("/") or (str(output) != STANDARD_STREAM and place(output).is_dir())


def refuse_above(output: str | Path, sources: Sequence[Source]) -> None:
    """Check that an output directory has no file that is read.

    Raises:
        InputError: It has one.
    """
    above = real_path(output) + "/"
    for source in sources:
        if source.path != STANDARD_STREAM and real_path(source.path).startswith(above):
            raise InputError(
                f"{output} exists already, and has the input {source.path}: choose another output directory."
            )


def names_below(sources: Sequence[Source], ending: str | None = None) -> list[str]:
    """The paths of files below the folder that all have in common.

    Args:
        sources: The files.
        ending: What the names end in instead of their formats and compressions, such as ``tsv.gz``.

    Raises:
        InputError: A file is given twice or is a stream, two would have the same name, or one is not UTF-8.
    """
    for source in sources:
        if source.is_stream:
            raise InputError(f"{source.name} is a stream, which has no place in a directory: give files.")
    real = [real_path(source.path) for source in sources]
    seen: set[str] = set()
    for path in real:
        if path in seen:
            raise InputError(f"{path} is given twice: give it once.")
        seen.add(path)
    names = _below_common(real)
    check_names(names)
    for path, name in zip(real, names, strict=True):
        if PurePath(name).parts[0] == LEDGER:
            raise InputError(f"{path} would be written to {LEDGER}, which has the state of the job: move it.")
    if ending is None:
        return names
    renamed: dict[str, str] = {}
    for name in names:
        new = f"{_without_ending(name)}.{ending}"
        if new in renamed:
            raise InputError(
                f"{renamed[new]} and {name} would both be written to {new}: give them to separate runs."
            )
        renamed[new] = name
    return list(renamed)


def _below_common(paths: Sequence[str]) -> list[str]:
    """Paths, or URLs of one store, below the folder that all have in common."""
    urls = [is_url(path) for path in paths]
    if not any(urls):
        top = os.path.commonpath([str(Path(path).parent) for path in paths])
        return [os.path.relpath(path, top) for path in paths]
    if not all(urls) or len({path.partition("://")[0] for path in paths}) > 1:
        raise InputError(
            f"{paths[0]} and the other files are not in one store, and have no folder in common: give them "
            "to separate runs."
        )
    keys = [path.partition("://")[2] for path in paths]
    top = os.path.commonpath([str(PurePosixPath(key).parent) for key in keys])
    return [key.removeprefix(f"{top}/") if top else key for key in keys]


def _without_ending(name: str) -> str:
    """A name without its compression and its format, as far as they are known."""
    path = Path(name)
    if path.suffix[1:].lower() in CODECS:
        path = path.with_suffix("")
    return str(path.with_suffix("") if is_known(path) else path)


def _single(source: Source, output: str) -> Target:
    if output == STANDARD_STREAM:
        if source.reader.binary:
            raise InputError(f"{source.format} cannot be written to standard output: give a file.")
        return Target(output, None)
    if not is_known(Path(output)):
        if source.path != STANDARD_STREAM and is_known(Path(source.path)):
            ending = "".join(Path(source.path).suffixes[-2 if source.codec else -1 :])
            raise InputError(
                f"{output} does not end like {source.path}, whose format it has: name it {output}{ending}."
            )
        return Target(output, source.codec)
    reader, codec = format_of(output, None)
    if reader.format != source.format:
        raise InputError(
            f"{output} is {reader.format} and {source.name} is {source.format}: rows are written in the "
            f"format that they have, so choose a name that ends in .{source.reader.endings[0]}."
        )
    return Target(output, codec)
