"""Labelled texts in memory, and their reading from files."""

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
from .readers import RowBlock

_WHOLE_NUMBER = re.compile(r"-?[0-9]+")


@dataclass(frozen=True)
class Labelled:
    """Labelled texts, held in memory.

    Attributes:
        texts: Texts, large_string (n,).
        labels: Indices into `classes`, int64 (n,); for multi-label 0 and 1, float32 (n, classes).
        classes: Class names.
        text_pair: Second texts of pairs, large_string (n,), or None.
        weights: Weights of the examples, float32 (n,), or None.
        groups: The group of each text, such as its language, large_string (n,), or None.
    """

    texts: pa.Array
    labels: NDArray[np.int64] | NDArray[np.float32]
    classes: tuple[str, ...]
    text_pair: pa.Array | None = None
    weights: NDArray[np.float32] | None = None
    groups: pa.Array | None = None

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def multi_label(self) -> bool:
        """Whether texts can have several labels."""
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
            groups=None if self.groups is None else self.groups.take(pa.array(rows)),
        )

    def split(self, share: float, seed: int) -> tuple[Labelled, Labelled]:
        """Hold out a random part of the rows, for example for validation.

        Args:
            share: Share of the rows to hold out, between 0 and 1. With single labels, it is this share of the
                rows of each class, rounded.
            seed: Draws the rows. Equal seeds give equal splits.

        Returns:
            The remaining rows and the held-out rows, both in their original order.

        Raises:
            InputError: `share` is not between 0 and 1, or one of the two parts would be empty.
        """
        if not 0 < share < 1:
            raise InputError(f"A share of {share} cannot be held out: give a share between 0 and 1.")
        random = np.random.default_rng(seed)
        chosen = np.zeros(len(self), dtype=bool)
        for group in self._strata():
            chosen[random.permutation(group)[: round(share * len(group))]] = True
        if chosen.all() or not chosen.any():
            raise InputError(f"{len(self)} rows are too few to hold out {share:g} of them: give more rows.")
        return self.select(np.flatnonzero(~chosen)), self.select(np.flatnonzero(chosen))

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
    """Read labelled texts into memory.

    Args:
        paths: Files, as in :class:`Corpus`.
        columns: Names of the columns, with a `label`.
        classes: Class names, in order; by default the labels that occur, sorted (as numbers if all are whole
            numbers). If no class is named like a whole number, labels can also be class indices from 0, as in
            transformers.
        format: Format of all files, as in :class:`Corpus`.
        quoting: Fields can be in double quotes, as in :class:`Corpus`.

    Raises:
        InputError: A file cannot be read, `columns` has no label, there are fewer than two classes, or a
            label is not one of `classes`.
    """
    if columns.label is None:
        raise InputError("No label column was given: name the column with the labels.")
    corpus = Corpus(paths, columns, format=format, quoting=quoting)
    if classes is not None:
        _check_classes(classes)
    tables = []
    for block in corpus.rows():
        if classes is not None:
            _check_labels(block, classes)
        tables.append(block.table)
    batch = as_batch(pa.concat_tables(tables))
    names = tuple(_occurring(batch.labels) if classes is None else classes)
    if len(names) < 2:
        raise InputError(
            f"{corpus.files[0]} has only the label {', '.join(map(repr, names)) or '(none)'} in the column "
            f"{columns.label!r}: give texts of at least two classes."
        )
    return Labelled(
        texts=batch.texts,
        text_pair=batch.text_pair,
        labels=_indices(batch.labels, names),
        classes=names,
        weights=batch.weights,
        groups=batch.groups,
    )


def _check_classes(classes: Sequence[str]) -> None:
    if len(classes) < 2:
        raise InputError(f"Only {len(classes)} class names were given: give at least two classes.")
    if len(set(classes)) < len(classes):
        twice = next(name for name in classes if list(classes).count(name) > 1)
        raise InputError(f"The class {twice!r} is given twice: name each class once.")


def _label_set(classes: Sequence[str]) -> list[str]:
    """Valid labels: the class names, followed by class indices if no class is named like a number."""
    named_by_numbers = any(_WHOLE_NUMBER.fullmatch(name) for name in classes)
    return [*classes, *([] if named_by_numbers else map(str, range(len(classes))))]


def _check_labels(block: RowBlock, classes: Sequence[str]) -> None:
    labels = block.table.column("label").combine_chunks()
    several = pa.types.is_list(labels.type)
    names = labels.flatten() if several else labels
    known = pc.is_in(names, value_set=pa.array(_label_set(classes), pa.large_string()))
    for i in np.flatnonzero(~known.to_numpy(zero_copy_only=False))[:1]:
        row = pc.list_parent_indices(labels)[int(i)].as_py() if several else int(i)
        raise InputError(
            f"{block.place(row)}: the label {names[int(i)].as_py()!r} is unknown: use one of "
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
