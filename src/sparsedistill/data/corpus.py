"""Text and labels: what stands in files, as batches to stream and as labelled sets to hold."""

from __future__ import annotations

import glob
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import ArrayLike, NDArray

from .._internal.files import content_hash
from ..errors import InputError
from .formats import STANDARD_STREAM, Rows, Source, explained, is_known, read_rows, source
from .kinds import Field
from .writer import RowWriter

__all__ = ["Batch", "Columns", "Corpus", "Labelled", "RowWriter", "read_labelled"]

#: A batch is cut at this many bytes of text, however few rows that makes.
_BATCH_BYTES = 64 << 20

_WHOLE_NUMBER = re.compile(r"-?[0-9]+")


@dataclass(frozen=True)
class Columns:
    """Which columns of a file hold what.

    Attributes:
        text: The text, or the first one of a pair. (A txt file is a text a line and has no columns.)
        text_pair: The second text of a pair.
        label: The label.
        weight: The weight of the example.
        label_separator: Given, a row may have several labels (multi-label): joined by this in one field,
            or a list in jsonl and parquet. An empty field is no label at all.
        scores: A teacher's scores that stand beside the texts: a column a class, or one column of lists.
    """

    text: str = "text"
    text_pair: str | None = None
    label: str | None = None
    weight: str | None = None
    label_separator: str | None = None
    scores: str | tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        names = [column.name for column in self.fields()]
        for name in names:
            if names.count(name) > 1:
                raise InputError(f"The column {name!r} is asked for twice: give each purpose its own column.")
        if self.label_separator == "":
            raise InputError("The label separator is empty: give the character that stands between labels.")

    @property
    def multi_label(self) -> bool:
        """Whether a row may have several labels."""
        return self.label_separator is not None

    def fields(self) -> list[Field]:
        """The columns to read, in a set order."""
        kind = "labels" if self.multi_label else "label"
        fields = [Field("text", self.text, "text")]
        if self.text_pair is not None:
            fields.append(Field("text_pair", self.text_pair, "text"))
        if self.label is not None:
            fields.append(Field("label", self.label, kind, self.label_separator))
        if self.weight is not None:
            fields.append(Field("weight", self.weight, "number"))
        if isinstance(self.scores, str):
            fields.append(Field("scores", self.scores, "numbers"))
        elif self.scores is not None:
            fields.extend(Field(f"scores.{i}", name, "number") for i, name in enumerate(self.scores))
        return fields


@dataclass(frozen=True)
class Batch:
    """Consecutive rows of a corpus.

    Attributes:
        texts: large_string (n,), without nulls.
        text_pair: large_string (n,), or None.
        labels: large_string (n,), for multi-label list of large_string (n,), or None.
        weights: float32 (n,), finite and not negative, or None.
        scores: float32 (n, classes), or None.
    """

    texts: pa.Array
    text_pair: pa.Array | None = None
    labels: pa.Array | None = None
    weights: NDArray[np.float32] | None = None
    scores: NDArray[np.float32] | None = None

    def __len__(self) -> int:
        return len(self.texts)

    def slice(self, start: int, stop: int) -> Batch:
        """Rows `start` to `stop`, without a copy."""
        return Batch(*(None if part is None else part[start:stop] for part in self._parts()))

    def _parts(self) -> tuple[Any, ...]:
        return self.texts, self.text_pair, self.labels, self.weights, self.scores


class Corpus:
    """Rows of text in one or several files, read as a stream as often as one likes.

    Args:
        paths: A file, a glob pattern, a directory (all files in it of a known format), ``"-"`` for standard
            input (which can be read once), or several of these. Formats: txt (a text a line), csv, tsv,
            jsonl, parquet; all but parquet also compressed as .gz or .zst.
        columns: What the columns are called.
        format: The format of all files where their names do not tell it, such as ``"jsonl"``, ``"tsv.gz"``.
        quoting: Whether fields may stand in double quotes; by default in csv they may, in tsv not.

    Raises:
        InputError: A path names no file, or a file of no known format.
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
        self.sources = tuple(source(name, format, quoting) for path in given for name in _found(path, format))
        self._drained = False
        if not self.sources:
            raise InputError("No input file was named: give at least one.")

    @property
    def files(self) -> tuple[str, ...]:
        """The files in the order in which they are read."""
        return tuple(source.path for source in self.sources)

    def unlabelled(self) -> Corpus:
        """The same texts (and scores), without labels and weights."""
        return self._like(replace(self.columns, label=None, weight=None, label_separator=None))

    def joined(self, other: Corpus) -> Corpus:
        """The rows of this corpus, then those of `other`, both read by this one's columns."""
        both = self._like(self.columns)
        both.sources += other.sources
        return both

    def batches(self, size: int = 8192) -> Iterator[Batch]:
        """Stream all rows in order.

        A batch holds `size` rows; fewer where their texts pass 64 MiB, and at the end. Batches do not
        depend on how the rows are spread over files.

        Raises:
            InputError: A file cannot be read; the message names it and, where there is one, the line.
        """
        tables = (rows.table for rows in self.rows())
        return map(_batch, _rebatched(tables, size))

    def rows(self) -> Iterator[Rows]:
        """Stream all rows as the files hold them, each able to say where it stands."""
        if STANDARD_STREAM in self.files:
            if self._drained:
                raise InputError("Standard input can be read only once: give the name of a file.")
            self._drained = True
        for file in self.sources:
            for rows in read_rows(file, self.columns.fields()):
                _check_weights(rows)
                yield rows

    def fingerprint(self) -> list[dict[str, Any]]:
        """What the files hold: for each its name as given, its size in bytes and a hash of its content.

        Raises:
            InputError: A file cannot be read, or is standard input.
        """
        with ThreadPoolExecutor() as pool:
            return list(pool.map(_fingerprint, self.sources))

    def _like(self, columns: Columns) -> Corpus:
        other = object.__new__(Corpus)
        other.columns, other.sources, other._drained = columns, self.sources, self._drained
        return other


@dataclass(frozen=True)
class Labelled:
    """Labelled texts, held in memory.

    Attributes:
        texts: large_string (n,).
        text_pair: large_string (n,), or None.
        labels: int64 (n,) of indices into `classes`; for multi-label float32 (n, classes) of 0 and 1.
        classes: The names of the classes.
        weights: float32 (n,), or None.
    """

    texts: pa.Array
    labels: NDArray[np.int64] | NDArray[np.float32]
    classes: tuple[str, ...]
    text_pair: pa.Array | None = None
    weights: NDArray[np.float32] | None = None

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def multi_label(self) -> bool:
        """Whether a text may have several labels."""
        return self.labels.ndim == 2

    def select(self, indices: ArrayLike) -> Labelled:
        """The rows at `indices`, in that order."""
        rows = np.asarray(indices, dtype=np.int64)
        return replace(
            self,
            texts=self.texts.take(pa.array(rows)),
            text_pair=None if self.text_pair is None else self.text_pair.take(pa.array(rows)),
            labels=self.labels[rows],
            weights=None if self.weights is None else self.weights[rows],
        )

    def split(self, share: float, seed: int) -> tuple[Labelled, Labelled]:
        """Set a random part of the rows aside, such as for validation.

        Args:
            share: The part to set aside, between 0 and 1. With single labels each class gives this share
                of its rows, rounded.
            seed: Equal seeds make equal splits.

        Returns:
            What stays, and what was set aside; both in the order of the rows.

        Raises:
            InputError: `share` is not between 0 and 1, or one of the two parts would be empty.
        """
        if not 0 < share < 1:
            raise InputError(f"{share} of the rows cannot be set aside: give a share between 0 and 1.")
        random = np.random.default_rng(seed)
        aside = np.zeros(len(self), dtype=bool)
        for group in self._strata():
            aside[random.permutation(group)[: round(share * len(group))]] = True
        if aside.all() or not aside.any():
            raise InputError(f"{len(self)} rows are too few to set {share:g} of them aside: give more rows.")
        return self.select(np.flatnonzero(~aside)), self.select(np.flatnonzero(aside))

    def _strata(self) -> list[NDArray[np.int64]]:
        if self.multi_label:
            return [np.arange(len(self))]
        return [np.flatnonzero(self.labels == i) for i in range(len(self.classes))]


def read_labelled(
    paths: str | Path | Sequence[str | Path],
    columns: Columns,
    classes: Sequence[str] | None = None,
    *,
    format: str | None = None,  # noqa: A002
    quoting: bool | None = None,
) -> Labelled:
    """Read labelled texts.

    Args:
        paths: See :class:`Corpus`.
        columns: With a `label`.
        classes: The names of the classes, in order; by default the labels that occur, sorted (by their
            value if all are whole numbers). A label that is a whole number stands for the class in that
            place, from 0 on, unless classes have such names: transformers' convention.
        format: See :class:`Corpus`.
        quoting: See :class:`Corpus`.

    Raises:
        InputError: A file cannot be read, no label column is named, there are fewer than two classes, or
            a label is not among `classes`.
    """
    if columns.label is None:
        raise InputError("No label column was named: give the name of the column that holds the labels.")
    corpus = Corpus(paths, columns, format=format, quoting=quoting)
    if classes is not None:
        _check_classes(classes)
    found = []
    for rows in corpus.rows():
        if classes is not None:
            _check_labels(rows, classes)
        found.append(rows.table)
    batch = _batch(pa.concat_tables(found))
    names = tuple(_occurring(batch.labels) if classes is None else classes)
    if len(names) < 2:
        raise InputError(
            f"{corpus.files[0]} has only the label {', '.join(map(repr, names)) or '(none)'} in the column "
            f"{columns.label!r}: at least two classes are needed."
        )
    return Labelled(
        texts=batch.texts,
        text_pair=batch.text_pair,
        labels=_indices(batch.labels, names),
        classes=names,
        weights=batch.weights,
    )


def _check_classes(classes: Sequence[str]) -> None:
    if len(classes) < 2:
        raise InputError(f"{len(classes)} classes were given: at least two are needed.")
    if len(set(classes)) < len(classes):
        twice = next(name for name in classes if list(classes).count(name) > 1)
        raise InputError(f"The class {twice!r} is given twice: name each class once.")


def _label_set(classes: Sequence[str]) -> list[str]:
    """What labels may be called: their names, and behind these their numbers."""
    named_by_numbers = any(_WHOLE_NUMBER.fullmatch(name) for name in classes)
    return [*classes, *([] if named_by_numbers else map(str, range(len(classes))))]


def _check_labels(rows: Rows, classes: Sequence[str]) -> None:
    labels = rows.table.column("label").combine_chunks()
    several = pa.types.is_list(labels.type)
    names = labels.flatten() if several else labels
    known = pc.is_in(names, value_set=pa.array(_label_set(classes), pa.large_string()))
    for i in np.flatnonzero(~known.to_numpy(zero_copy_only=False))[:1]:
        row = pc.list_parent_indices(labels)[int(i)].as_py() if several else int(i)
        raise InputError(
            f"{rows.place(row)}: the label {names[int(i)].as_py()!r} is unknown: use one of "
            f"{', '.join(map(repr, classes))}."
        )


def _check_weights(rows: Rows) -> None:
    if "weight" not in rows.table.column_names:
        return
    weights = rows.table.column("weight").to_numpy()
    for i in np.flatnonzero(weights < 0)[:1]:
        raise InputError(f"{rows.place(int(i))}: the weight {weights[i]:g} is negative: give 0 or more.")


def _occurring(labels: pa.Array) -> list[str]:
    names = pc.unique(labels.flatten() if pa.types.is_list(labels.type) else labels).to_pylist()
    if all(_WHOLE_NUMBER.fullmatch(name) for name in names):
        return sorted(names, key=lambda name: (int(name), name))
    return sorted(names)


def _indices(labels: pa.Array, classes: tuple[str, ...]) -> NDArray[np.int64] | NDArray[np.float32]:
    known = pa.array(_label_set(classes), pa.large_string())
    if not pa.types.is_list(labels.type):
        indices: NDArray[np.int64] = pc.index_in(labels, value_set=known).to_numpy().astype(np.int64)
        return indices % len(classes)
    hot = np.zeros((len(labels), len(classes)), dtype=np.float32)
    rows = pc.list_parent_indices(labels).to_numpy()
    hot[rows, pc.index_in(labels.flatten(), value_set=known).to_numpy() % len(classes)] = 1
    return hot


def _fingerprint(file: Source) -> dict[str, Any]:
    path = Path(file.path)
    if file.path == STANDARD_STREAM or (path.exists() and not path.is_file()):
        raise InputError(f"{file.name} cannot be read twice: save the texts to a file.")
    with explained(file):
        return {"name": file.path, "size": path.stat().st_size, "hash": content_hash(path)}


def _found(path: str | Path, format: str | None) -> list[str]:  # noqa: A002
    """The files that a path, a pattern or a directory stands for, sorted."""
    name = str(path)
    if name == STANDARD_STREAM:
        return [name]
    if Path(name).is_dir():
        inside = sorted(inner for inner in Path(name).rglob("*") if inner.is_file())
        visible = [inner for inner in inside if not inner.name.startswith(".")]
        files = [str(inner) for inner in visible if format is not None or is_known(inner)]
        if not files:
            raise InputError(f"{name} is a directory without text files: name a directory that holds some.")
        return files
    if Path(name).exists():
        return [name]
    if not glob.has_magic(name):
        raise InputError(f"{name} does not exist: check the path.")
    files = sorted(match for match in glob.glob(name, recursive=True) if Path(match).is_file())  # noqa: PTH207
    if not files:
        raise InputError(f"No file matches {name}: check the pattern.")
    return files


def _rebatched(tables: Iterator[pa.Table], size: int) -> Iterator[pa.Table]:
    """Tables of `size` rows, or of fewer that pass `_BATCH_BYTES` of text, whatever the sizes that come."""
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


def _batch(table: pa.Table) -> Batch:
    parts = {name: table.column(name).combine_chunks() for name in table.column_names}
    return Batch(
        texts=parts["text"],
        text_pair=parts.get("text_pair"),
        labels=parts.get("label"),
        weights=parts["weight"].to_numpy() if "weight" in parts else None,
        scores=_scores(parts),
    )


def _scores(parts: dict[str, pa.Array]) -> NDArray[np.float32] | None:
    if "scores" in parts:
        widths = pc.unique(pc.list_value_length(parts["scores"])).to_pylist()
        if len(widths) != 1:
            raise InputError(
                f"The lists of scores differ in length ({min(widths)} to {max(widths)}): mend them."
            )
        flat: NDArray[np.float32] = parts["scores"].flatten().to_numpy()
        return flat.reshape(len(parts["scores"]), widths[0])
    single = [part.to_numpy() for name, part in parts.items() if name.startswith("scores.")]
    return np.stack(single, axis=1) if single else None
