"""Texts in files, as a stream of batches."""

from __future__ import annotations

import glob
import logging
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from .._internal.files import content_hash
from ..errors import InputError
from .columns import Columns
from .readers import STANDARD_STREAM, RowBlock, Source, is_known, source_of

logger = logging.getLogger(__package__)

#: A batch ends when its texts reach this number of bytes, even if it has fewer rows than asked for.
_BATCH_BYTES = 64 << 20


@dataclass(frozen=True)
class TextBatch:
    """Consecutive rows of a corpus.

    Attributes:
        texts: large_string (n,), without nulls.
        text_pair: large_string (n,), or None.
        labels: large_string (n,), for multi-label list of large_string (n,), for a regression float32 (n,),
            or None.
        weights: float32 (n,), finite and not negative, or None.
        scores: float32 (n, classes), or None.
        groups: large_string (n,), or None.
    """

    texts: pa.Array
    text_pair: pa.Array | None = None
    labels: pa.Array | None = None
    weights: NDArray[np.float32] | None = None
    scores: NDArray[np.float32] | None = None
    groups: pa.Array | None = None

    def __len__(self) -> int:
        return len(self.texts)

    def slice(self, start: int, stop: int) -> TextBatch:
        """Rows `start` to `stop`, without a copy."""
        return TextBatch(*(None if part is None else part[start:stop] for part in self._parts()))

    def _parts(self) -> tuple[Any, ...]:
        return self.texts, self.text_pair, self.labels, self.weights, self.scores, self.groups


@dataclass(frozen=True)
class FileFingerprint:
    """The content of a file, to recognise it later.

    Attributes:
        name: Path of the file, as given.
        size: Size in bytes.
        hash: Hash of the content. See :func:`~sparsedistill._internal.files.content_hash`.
    """

    name: str
    size: int
    hash: str


class Corpus:
    """Texts in one or more files. They can be streamed any number of times.

    Args:
        paths: A file, a glob pattern, a directory (all files of known formats in it), ``"-"`` for standard
            input (which can be read only once), or a list of these. Formats: txt (one text per line), csv,
            tsv, jsonl and parquet; all but parquet also compressed, as .gz or .zst.
        columns: Names of the columns.
        format: Format of all files, such as ``"jsonl"`` or ``"tsv.gz"``; by default from their names.
        quoting: Fields can be in double quotes; by default true for csv, false for tsv.

    Attributes:
        columns: Names of the columns.
        sources: The files, in the order in which they are read.

    Raises:
        InputError: A path matches no file, or the format of a file is not known.
    """

    def __init__(
        self,
        paths: str | Path | Sequence[str | Path],
        columns: Columns | None = None,
        *,
        format: str | None = None,  # noqa: A002
        quoting: bool | None = None,
    ) -> None:
        given = [paths] if isinstance(paths, (str, Path)) else list(paths)
        self.columns = columns or Columns()
        self.sources = tuple(
            source_of(name, format, quoting) for path in given for name in _found(path, format)
        )
        self._drained = self._warned = False
        if not self.sources:
            raise InputError("No input file was given: give at least one.")

    @property
    def files(self) -> tuple[str, ...]:
        """Paths of the files, in the order in which they are read."""
        return tuple(source.path for source in self.sources)

    def unlabelled(self) -> Corpus:
        """The same texts and scores without labels, weights and groups."""
        return self._like(
            replace(self.columns, label=None, weight=None, label_separator=None, group=None, problem=None)
        )

    def joined(self, other: Corpus) -> Corpus:
        """The rows of this corpus, then those of `other`, both with the columns of this corpus."""
        both = self._like(self.columns)
        both.sources += other.sources
        return both

    def batches(self, size: int = 8192) -> Iterator[TextBatch]:
        """Stream all rows in order.

        A batch has `size` rows, or fewer if their texts exceed 64 MiB or the corpus ends. Batches do not
        depend on how rows are distributed over files.

        Raises:
            InputError: A file cannot be read. The message names it and, if known, the line.
        """
        tables = (block.table for block in self.rows())
        return map(as_batch, _rebatched(tables, size))

    def rows(self) -> Iterator[RowBlock]:
        """Stream all rows in blocks of one file each, which can locate their rows.

        Raises:
            InputError: As :meth:`batches`.
        """
        streams = [source for source in self.sources if source.is_stream]
        if streams:
            if self._drained:
                name = "Standard input" if streams[0].path == STANDARD_STREAM else streams[0].name
                raise InputError(f"{name} can be read only once: save it to a file and give that.")
            self._drained = True
        empty = []
        for source in self.sources:
            rows = 0
            for block in source.read(self.columns.fields()):
                _check_weights(block)
                rows += len(block.table)
                yield block
            if not rows:
                empty.append(source.name)
        if len(empty) == len(self.sources):
            raise InputError(f"{empty[0]} has no rows: give a file with at least one text.")
        self._warn_of_empty(empty)

    def _warn_of_empty(self, names: list[str]) -> None:
        """Say once which files have no rows."""
        if names and not self._warned:
            self._warned = True
            others = ""
            if len(names) > 1:
                others = f" and {len(names) - 1} other file{'s' if len(names) > 2 else ''}"
            verb = "have" if others else "has"
            logger.warning(f"{names[0]}{others} of {len(self.sources)} {verb} no rows.")

    def head(self, count: int) -> TextBatch:
        """The first `count` rows, or all rows if there are fewer.

        Raises:
            InputError: As :meth:`batches`.
        """
        tables: list[pa.Table] = []
        missing = count
        for block in self.rows():
            tables.append(block.table.slice(0, missing))
            missing -= len(tables[-1])
            if not missing:
                break
        return as_batch(pa.concat_tables(tables))

    def fingerprint(self) -> list[FileFingerprint]:
        """Name, size and hash of each file, to recognise the corpus later.

        Raises:
            InputError: A file cannot be read, or is standard input.
        """
        with ThreadPoolExecutor() as pool:
            return list(pool.map(_fingerprint, self.sources))

    def _like(self, columns: Columns) -> Corpus:
        other = object.__new__(Corpus)
        other.columns, other.sources = columns, self.sources
        other._drained, other._warned = self._drained, self._warned
        return other


def as_batch(table: pa.Table) -> TextBatch:
    """Convert the table of a :class:`~.readers.RowBlock` to a batch.

    Raises:
        InputError: Rows have different numbers of scores.
    """
    parts = {name: table.column(name).combine_chunks() for name in table.column_names}
    return TextBatch(
        texts=parts["text"],
        text_pair=parts.get("text_pair"),
        labels=parts.get("label"),
        weights=parts["weight"].to_numpy() if "weight" in parts else None,
        scores=_scores(parts),
        groups=parts.get("group"),
    )


def _check_weights(block: RowBlock) -> None:
    if "weight" not in block.table.column_names:
        return
    weights = block.table.column("weight").to_numpy()
    for i in np.flatnonzero(weights < 0)[:1]:
        raise InputError(f"{block.place(int(i))}: the weight {weights[i]:g} is negative: give 0 or more.")


def _fingerprint(source: Source) -> FileFingerprint:
    path = Path(source.path)
    if source.is_stream:
        raise InputError(f"{source.name} cannot be read twice: save the texts to a file.")
    with source.errors_explained():
        return FileFingerprint(source.path, path.stat().st_size, content_hash(path))


def _found(path: str | Path, format: str | None) -> list[str]:  # noqa: A002
    """The files of a path, a pattern or a directory, sorted."""
    name = str(path)
    if name == STANDARD_STREAM:
        return [name]
    if not name:
        raise InputError("The name of an input file is empty: give a file, a directory or a pattern.")
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


def _is_hidden(path: Path) -> bool:
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


def _rebatched(tables: Iterator[pa.Table], size: int) -> Iterator[pa.Table]:
    """Cut tables again to `size` rows, or to fewer with `_BATCH_BYTES` bytes of text."""
    held: list[pa.Table] = []
    rows = filled = 0
    for table in tables:
        ends = np.cumsum(_text_bytes(table))
        start = 0
        while start < len(table):
            before = int(ends[start - 1]) if start else 0
            room = int(np.searchsorted(ends, before + _BATCH_BYTES - filled)) + 1 - start
            stop = start + min(size - rows, room, len(table) - start)
            held.append(table.slice(start, stop - start))
            rows += stop - start
            filled += int(ends[stop - 1]) - before
            start = stop
            if rows == size or filled >= _BATCH_BYTES:
                yield pa.concat_tables(held)
                held, rows, filled = [], 0, 0
    if held:
        yield pa.concat_tables(held)


def _text_bytes(table: pa.Table) -> NDArray[np.int64]:
    lengths: NDArray[np.int64] = pc.binary_length(table.column("text")).to_numpy()
    if "text_pair" in table.column_names:
        lengths = lengths + pc.binary_length(table.column("text_pair")).to_numpy()
    return lengths


def _scores(parts: dict[str, pa.Array]) -> NDArray[np.float32] | None:
    if "scores" in parts:
        widths = pc.unique(pc.list_value_length(parts["scores"])).to_pylist()
        if len(widths) != 1:
            raise InputError(
                f"The lists of scores differ in length ({min(widths)} to {max(widths)}): give one score per "
                "class."
            )
        flat: NDArray[np.float32] = parts["scores"].flatten().to_numpy()
        return flat.reshape(len(parts["scores"]), widths[0])
    single = [part.to_numpy() for name, part in parts.items() if name.startswith("scores.")]
    return np.stack(single, axis=1) if single else None
