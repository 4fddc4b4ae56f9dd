"""Labelled texts in memory."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError
from .columns import Columns
from .corpus import Corpus, as_batch
from .formats import RowBlock

_WHOLE_NUMBER = re.compile(r"-?[0-9]+")


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
    batch = as_batch(pa.concat_tables(found))
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


def _check_labels(rows: RowBlock, classes: Sequence[str]) -> None:
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
