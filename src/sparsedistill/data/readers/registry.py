"""The known formats, and how the name of a file tells its format and compression."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ...errors import InputError
from ..file_options import FileOptions
from .base import STANDARD_STREAM, Reader, Source
from .delimited import CsvReader, TsvReader
from .jsonl import JsonlReader
from .parquet import ParquetReader
from .text import FastTextReader, TextReader

#: All readers, by the name of their format.
READERS: dict[str, Reader] = {
    reader.format: reader
    for reader in (TextReader(), CsvReader(), TsvReader(), JsonlReader(), FastTextReader(), ParquetReader())
}
#: Compressions by the ending of a file name, as pyarrow names them.
CODECS = {"gz": "gzip", "zst": "zstd"}
#: Endings of other compressions, which are not read.
_UNREAD_CODECS = {"bz2", "xz", "lz4", "zip", "7z", "br", "z", "lzma"}

_BY_ENDING = {ending: reader for reader in READERS.values() for ending in reader.endings}


def source_of(path: str, files: FileOptions | None = None) -> Source:
    """A file with the reader of its format.

    Args:
        path: The file; ``"-"`` is standard input.
        files: How it is read, if its name does not say it.

    Raises:
        InputError: The format is not known, or a parquet file is compressed or comes from standard input.
    """
    files = files or FileOptions()
    reader, codec = format_of(path, files.format)
    source = Source(
        path,
        reader,
        codec,
        reader.quoting if files.quoting is None else files.quoting,
        reader.delimiter if files.delimiter is None else files.delimiter,
        files.encoding,
        files.line_buffered,
    )
    if reader.binary and source.is_stream:
        raise InputError(f"{reader.format} cannot be read from {source.name}, a stream: give a file.")
    return source


def check_options(sources: Sequence[Source], files: FileOptions) -> None:
    """Check that options of some formats come with a file of one.

    Raises:
        InputError: There is none.
    """
    if all(source.reader.delimiter is None for source in sources):
        for name, value in (("delimiter", files.delimiter), ("quoting", files.quoting)):
            if value is not None:
                raise InputError(
                    f"{sources[0].name} has no {name}: leave it out, or give the format csv or tsv."
                )
    if files.encoding is not None and all(source.reader.binary for source in sources):
        raise InputError(f"{sources[0].name} has no encoding: leave it out.")


def is_known(path: Path) -> bool:
    """Whether the name of a file ends in a known format."""
    endings, _ = _split(path.name)
    return bool(endings) and endings[-1] in _BY_ENDING


def has_unread_codec(path: Path) -> bool:
    """Whether the name of a file ends in a known format and then in a compression that is not read."""
    return path.suffix[1:].lower() in _UNREAD_CODECS and is_known(path.with_suffix(""))


def format_of(path: str, format: str | None) -> tuple[Reader, str | None]:  # noqa: A002
    """Find the format and the compression of a file, from `format` or its name.

    Returns:
        The reader of the format, and the compression as pyarrow names it (None without compression).

    Raises:
        InputError: The format is not known, or is parquet with another compression.
    """
    by_name, codec_by_name = _split(Path(path).name)
    endings, codec = (by_name, codec_by_name) if format is None else _split(f".{format.lstrip('.')}")
    codec = codec or codec_by_name
    if not endings or endings[-1] not in _BY_ENDING:
        if format is not None:
            raise InputError(f"{format} is not a known format: use {_known()}.")
        if path == STANDARD_STREAM:
            raise InputError(f"The format of standard input or output is not known: give it ({_known()}).")
        raise InputError(f"{path} does not end in a known format: rename it or give its format ({_known()}).")
    reader = _BY_ENDING[endings[-1]]
    if reader.binary and codec is not None:
        raise InputError(f"{path} is {reader.format} with another compression: decompress it first.")
    return reader, codec


def _split(name: str) -> tuple[list[str], str | None]:
    """The endings of a file name without that of its compression, and the compression."""
    endings = name.lower().split(".")[1:]
    codec = CODECS.get(endings[-1]) if endings else None
    return (endings if codec is None else endings[:-1]), codec


def _known() -> str:
    *names, last = READERS
    binary = " and ".join(reader.format for reader in READERS.values() if reader.binary)
    codecs = " or ".join(f".{ending}" for ending in CODECS)
    return f"{', '.join(names)} or {last}, all but {binary} also with {codecs}"
