"""Texts in files, as a stream of batches."""

from __future__ import annotations

import logging
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
from .._internal.part import Part
from ..errors import InputError
from .columns import KEPT, Columns
from .file_state import state_of
from .paths import found_files
from .readers import STANDARD_STREAM, RowBlock, Source, check_options, source_of

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
        kept: Table (n,) of the columns that are carried through, or None.
    """

    texts: pa.Array
    text_pair: pa.Array | None = None
    labels: pa.Array | None = None
    weights: NDArray[np.float32] | None = None
    scores: NDArray[np.float32] | None = None
    groups: pa.Array | None = None
    kept: pa.Table | None = None

    def __len__(self) -> int:
        return len(self.texts)

    def slice(self, start: int, stop: int) -> TextBatch:
        """Rows `start` to `stop`, without a copy."""
        return TextBatch(*(None if part is None else part[start:stop] for part in self._parts()))

    def _parts(self) -> tuple[Any, ...]:
        return self.texts, self.text_pair, self.labels, self.weights, self.scores, self.groups, self.kept


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
        paths: A file, a glob pattern, a directory (all files of known formats in it), the URL of one of these
            (``s3://``, ``gs://``, ``hf://``), ``"-"`` for standard input (which can be read only once), or a
            list of these. Formats: txt (one text per line), csv, tsv, jsonl and parquet; all but parquet also
            compressed, as .gz or .zst.
        columns: Names of the columns, and how files are read if their names do not say it.

    Attributes:
        columns: Names of the columns.
        sources: The files, in the order in which they are read.

    Raises:
        InputError: A path matches no file, or the format of a file is not known.
    """

    #: Whether there may be no rows at all: in a part of a corpus.
    _may_be_empty = False

    def __init__(
        self,
        paths: str | Path | Sequence[str | Path],
        columns: Columns | None = None,
    ) -> None:
        given = [paths] if isinstance(paths, (str, Path)) else list(paths)
        self.columns = columns or Columns()
        files = self.columns.files
        self.sources = tuple(
            source_of(name, files) for path in given for name in found_files(path, files.format)
        )
        self._drained = self._warned = self._told = False
        if not self.sources:
            raise InputError("No input file was given: give at least one.")
        check_options(self.sources, files)

    @classmethod
    def of(cls, sources: Sequence[Source], columns: Columns) -> Corpus:
        """A corpus of known files."""
        corpus = object.__new__(cls)
        corpus.columns, corpus.sources = columns, tuple(sources)
        corpus._drained = corpus._warned = corpus._told = False
        return corpus

    @property
    def files(self) -> tuple[str, ...]:
        """Paths of the files, in the order in which they are read."""
        return tuple(source.path for source in self.sources)

    def share(self, part: Part) -> Corpus:
        """The files of a part, which may be none and have no rows."""
        corpus = Corpus.of(part.share(self.sources), self.columns)
        corpus._may_be_empty = not part.whole
        return corpus

    def unlabelled(self) -> Corpus:
        """The same texts and scores without labels, weights and groups."""
        return self._like(
            replace(self.columns, label=None, weight=None, label_separator=None, group=None, problem=None)
        )

    def with_columns(self, columns: Columns) -> Corpus:
        """The same files, of which other columns are read."""
        return self._like(columns)

    def joined(self, other: Corpus) -> Corpus:
        """The rows of this corpus, then those of `other`, both with the columns of this corpus."""
        both = self._like(self.columns)
        both.sources += other.sources
        return both

    def batches(self, size: int = 8192) -> Iterator[TextBatch]:
        """Stream all rows in order.

        A batch has `size` rows, or fewer if their texts exceed 64 MiB or the corpus ends. Batches do not
        depend on how rows are distributed over files, unless kept columns have other types in other files.

        Raises:
            InputError: A file cannot be read. The message names it and, if known, the line.
        """
        tables = (block.table for block in self.rows())
        return map(as_batch, rebatched(tables, size))

    def rows(self, *, records: bool = False) -> Iterator[RowBlock]:
        """Stream all rows in blocks of one file each, which can locate their rows.

        Args:
            records: Also give the rows as their file has them. The first block of a file then has the head of
                the file, and no rows.

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
        damaged: list[InputError] = []
        total = 0
        for source in self.sources:
            rows = 0
            before = len(damaged)
            for block in self._undamaged(source, records, damaged):
                _check_weights(block)
                rows += len(block.table)
                yield block
            total += rows
            if not rows and len(damaged) == before:
                empty.append(source.name)
        if not total and not self._may_be_empty:
            if damaged:
                raise damaged[0]
            raise InputError(f"{empty[0]} has no rows: give a file with at least one text.")
        self._warn_of_empty(empty)
        self._warn_of_damaged(damaged)

    def rows_of(self, source: Source, *, records: bool = False) -> Iterator[RowBlock]:
        """Stream the rows of one of the files, as :meth:`rows`; unlike all of them, it may have none.

        Raises:
            InputError: As :meth:`batches`.
        """
        damaged: list[InputError] = []
        rows = 0
        for block in self._undamaged(source, records, damaged):
            _check_weights(block)
            rows += len(block.table)
            yield block
        if damaged:
            logger.warning(f"{damaged[0]} The rest of this file was left out.")
        elif not rows:
            logger.warning(f"{source.name} has no rows.")

    def batches_of(self, source: Source, size: int = 8192) -> Iterator[TextBatch]:
        """Stream the rows of one of the files in batches, as :meth:`batches`; there may be none.

        Raises:
            InputError: As :meth:`batches`.
        """
        return map(as_batch, rebatched((block.table for block in self.rows_of(source)), size))

    def _undamaged(self, source: Source, records: bool, damaged: list[InputError]) -> Iterator[RowBlock]:
        """The rows of a file; if damage is to be left out, those before it, with its error in `damaged`."""
        try:
            yield from source.read(self.columns.fields(), records=records)
        except InputError as error:
            if not self.columns.files.skip_damaged:
                raise
            damaged.append(error)

    def _warn_of_damaged(self, errors: list[InputError]) -> None:
        """Say once which files are damaged."""
        if errors and not self._told:
            self._told = True
            for error in errors:
                logger.warning(f"{error} The rest of this file was left out.")
            logger.warning(f"{len(errors)} of {len(self.sources)} files are damaged.")

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
        other._drained, other._warned, other._told = self._drained, self._warned, self._told
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
        kept=_kept(parts),
    )


def _kept(parts: dict[str, pa.Array]) -> pa.Table | None:
    found = {role.removeprefix(KEPT): part for role, part in parts.items() if role.startswith(KEPT)}
    return pa.table(found) if found else None


def _check_weights(block: RowBlock) -> None:
    if "weight" not in block.table.column_names:
        return
    weights = block.table.column("weight").to_numpy()
    for i in np.flatnonzero(weights < 0)[:1]:
        raise InputError(f"{block.place(int(i))}: the weight {weights[i]:g} is negative: give 0 or more.")


def _fingerprint(source: Source) -> FileFingerprint:
    if source.is_stream:
        raise InputError(f"{source.name} cannot be read twice: save the texts to a file.")
    with source.errors_explained():
        return FileFingerprint(source.path, state_of(source.path).size, content_hash(source.path))


def rebatched(tables: Iterator[pa.Table], size: int) -> Iterator[pa.Table]:
    """Cut tables again to `size` rows, or to fewer with `_BATCH_BYTES` bytes of text."""
    held: list[pa.Table] = []
    rows = filled = 0
    for table in tables:
        if held and table.schema != held[0].schema:  # of kept columns
            yield pa.concat_tables(held)
            held, rows, filled = [], 0, 0
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
