"""Labelled texts in memory, and their reading from files."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import ArrayLike, NDArray

from .._internal.texts import joined_strings
from ..errors import InputError
from ..problem import SCORE, Problem, check_class_names, problem_of_labels
from .columns import Columns
from .corpus import Corpus, as_batch
from .fields import Field, typed
from .identity import identities
from .label_rule import class_names
from .numbers import announced, are_scores, missing_number
from .readers import RowBlock
from .splits import Labels, connected, fold_numbers, held_out_rows, strata_of_scores

logger = logging.getLogger(__package__)

_WHOLE_NUMBER = re.compile(r"-?[0-9]+")
_BOOLEANS = {"false", "true"}


@dataclass(frozen=True)
class Labelled:
    """Labelled texts, held in memory.

    Attributes:
        texts: Texts, large_string (n,).
        labels: Indices into `classes`, int64 (n,); for multi-label 0 and 1, float32 (n, classes); for a
            regression numbers, float32 (n,).
        classes: Class names; :data:`~sparsedistill.problem.SCORE` for a regression.
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
    def problem(self) -> Problem:
        """What the labels are, by their type."""
        return problem_of_labels(self.labels)

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

    def joined(self, other: Labelled) -> Labelled:
        """These rows and then those of `other`, which has the same classes; without groups."""
        pair = None
        if self.text_pair is not None and other.text_pair is not None:
            pair = joined_strings([self.text_pair, other.text_pair])
        weights = [
            np.ones(len(part), np.float32) if part.weights is None else part.weights for part in (self, other)
        ]
        return Labelled(
            texts=joined_strings([self.texts, other.texts]),
            labels=np.concatenate([self.labels, other.labels]),
            classes=self.classes,
            text_pair=pair,
            weights=np.concatenate(weights),
        )

    def split(self, share: float, seed: int) -> tuple[Labelled, Labelled]:
        """Hold out a random part of the rows, for example for validation.

        Rows with the same text (see :func:`~.identity.identities`) or of the same group stay together. Each
        class with at least two different texts has some in both parts; a class with one keeps it in the
        remaining rows. With several labels per text the held-out part can lack a class for which this is
        impossible. Of a regression, low and high numbers are held out in proportion.

        Args:
            share: Share of the different texts of each class to hold out, between 0 and 1. It is rounded, but
                to at least one text.
            seed: Draws the rows. Equal seeds give equal splits.

        Returns:
            The remaining rows and the held-out rows, both in their original order.

        Raises:
            InputError: `share` is not between 0 and 1, or no class has two different texts.
        """
        chosen = self.held_out(share, seed)
        return self.select(np.flatnonzero(~chosen)), self.select(np.flatnonzero(chosen))

    def held_out(self, share: float, seed: int) -> NDArray[np.bool_]:
        """The rows that :meth:`split` holds out, bool (n,)."""
        if not 0 < share < 1:
            raise InputError(f"A share of {share} cannot be held out: give a share between 0 and 1.")
        chosen = held_out_rows(self._groups(), self._strata(), share, seed)
        if not chosen.any():
            raise InputError(
                f"{len(self)} rows are too few to hold out {share:g} of them, since no class has two "
                "different texts: give more rows."
            )
        return chosen

    def folds(self, k: int, seed: int) -> list[tuple[Labelled, Labelled]]:
        """Split the rows into `k` folds for cross-validation; each is held out once.

        Rows with the same text or of the same group stay together. The different texts of each class are
        spread over the folds evenly. The text of a class with only one is in the remaining rows of all folds.

        Args:
            k: Number of folds, at least 2.
            seed: Draws the rows. Equal seeds give equal folds.

        Returns:
            Per fold, the remaining rows and the held-out rows, both in their original order.

        Raises:
            InputError: `k` is below 2, or there are too few texts for `k` folds.
        """
        if k < 2:
            raise InputError(f"{k} folds are too few for cross-validation: give at least 2.")
        numbers = self.fold_numbers(k, seed)
        if not np.isin(np.arange(k), numbers).all():
            raise InputError(f"{len(self)} rows are too few for {k} folds: give more rows, or fewer folds.")
        return [
            (self.select(np.flatnonzero(numbers != fold)), self.select(np.flatnonzero(numbers == fold)))
            for fold in range(k)
        ]

    def fold_numbers(self, k: int, seed: int) -> NDArray[np.int64]:
        """The fold that holds out each row, int64 (n,), see :meth:`folds`; -1 for rows in no fold."""
        return fold_numbers(self._groups(), self._strata(), k, seed)

    def counts(self) -> NDArray[np.int64]:
        """Number of rows of each class, int64 (classes,); of a regression, the number of rows."""
        if self.problem == "regression":
            return np.array([len(self)], np.int64)
        several = self.problem == "multi_label"
        labels = np.nonzero(self.labels)[1] if several else self.labels.astype(np.int64)
        found: NDArray[np.int64] = np.bincount(labels, minlength=len(self.classes))
        return found

    def _strata(self) -> Labels:
        """The classes that splits keep in proportion."""
        return (
            strata_of_scores(self.labels.astype(np.float32)) if self.problem == "regression" else self.labels
        )

    def _groups(self) -> NDArray[np.int64]:
        """Number of each row's part, int64 (n,): equal for rows with the same text or of the same group."""
        texts = numbering(identities(self.texts, self.text_pair))
        return texts if self.groups is None else connected(texts, numbering(self.groups))


def numbering(values: pa.Array) -> NDArray[np.int64]:
    """Number of each different value from 0, int64 (n,)."""
    found: NDArray[np.int64] = values.dictionary_encode().indices.to_numpy().astype(np.int64)
    return found


def balanced_class_weights(labels: Labels, classes: int, power: float = 0.5) -> tuple[float, ...]:
    """Weights that make rare classes count for more, for ``TrainingConfig.class_weights``.

    A class with `count` of n texts has the weight ``(n / (classes * count)) ** power``; for multi-label
    ``((n - count) / count) ** power``, where classes are decided one by one. A class without texts has 1.

    Args:
        labels: Class indices, int64 (n,), or 0 and 1, float32 (n, classes).
        classes: Number of classes.
        power: 1 makes all classes count the same, 0 all texts.
    """
    if labels.ndim == 2:
        counts = np.count_nonzero(labels, axis=0)
        ratios = (len(labels) - counts) / np.maximum(counts, 1)
    else:
        counts = np.bincount(labels.astype(np.int64), minlength=classes)
        ratios = len(labels) / (classes * np.maximum(counts, 1))
    # A class of all texts would have the weight 0.
    ratios = np.maximum(ratios, 1 / max(len(labels), 1))
    return tuple(np.where(counts > 0, ratios**power, 1.0).tolist())


def read_labelled(
    paths: str | Path | Sequence[str | Path],
    columns: Columns,
    classes: Sequence[str] | None = None,
) -> Labelled:
    """Read labelled texts into memory.

    Labels are classes, or numbers if ``columns.problem`` is ``"regression"``. If it is None and no classes
    are given, labels are numbers if all of them are, some of them are not whole, and more than
    :data:`~.numbers.MOST_NUMBERED_CLASSES` different ones occur; this is logged. Whole numbers are classes.

    Args:
        paths: Files, as in :class:`Corpus`.
        columns: Names of the columns, with a `label`.
        classes: Class names, in order; by default the labels that occur, sorted (as numbers if all are whole
            numbers). If no class is named like a whole number, labels can also be class indices from 0, as in
            transformers. :data:`~sparsedistill.problem.SCORE`, the outputs of a regression, reads numbers.

    Raises:
        InputError: A file cannot be read, `columns` has no label, there are fewer than two classes, a label
            is not one of `classes`, or is not a finite number.
    """
    if columns.label is None:
        raise InputError("No label column was given: name the column with the labels.")
    if classes is not None and tuple(classes) == SCORE and columns.problem is None:
        columns = replace(columns, problem="regression")
    corpus = Corpus(paths, columns)
    if columns.problem == "regression":
        check_no_classes(classes)
        return _with_numbers(list(corpus.rows()), numeric=True)
    if classes is not None:
        _check_classes(classes)
    blocks = list(corpus.rows())
    batch = as_batch(pa.concat_tables([block.table for block in blocks]))
    if columns.problem is None and classes is None and are_scores(batch.labels):
        logger.info(announced(f"the column {columns.label!r} of {corpus.files[0]}"))
        return _with_numbers(blocks, numeric=False)
    subject = f"The labels in the column {columns.label!r} of {corpus.files[0]}"
    labels, names = _indices(blocks, batch.labels, classes, subject)
    return Labelled(
        texts=batch.texts,
        text_pair=batch.text_pair,
        labels=labels,
        classes=names,
        weights=batch.weights,
        groups=batch.groups,
    )


def check_no_classes(classes: Sequence[str] | None) -> None:
    """Check that a regression was given no class names.

    Raises:
        InputError: It was.
    """
    if classes is not None and tuple(classes) != SCORE:
        raise InputError(
            f"The problem is regression and the classes {', '.join(classes)} were given: leave out one of "
            "them."
        )


def _with_numbers(blocks: Sequence[RowBlock], *, numeric: bool) -> Labelled:
    """Labelled texts of a regression.

    Args:
        blocks: The rows.
        numeric: The labels were read as numbers; otherwise as strings.

    Raises:
        InputError: A label is not a finite number.
    """
    labels: list[NDArray[np.float32]] = []
    for block in blocks:
        column = block.table.column("label").combine_chunks()
        if not numeric:
            column = typed(column, Field("label", "label", "number"), block.place)
        labels.append(column.to_numpy())
    batch = as_batch(pa.concat_tables([block.table.drop_columns("label") for block in blocks]))
    return Labelled(batch.texts, np.concatenate(labels), SCORE, batch.text_pair, batch.weights, batch.groups)


def indices_of(
    labels: pa.Array, classes: Sequence[str] | None
) -> tuple[NDArray[np.int64] | NDArray[np.float32], tuple[str, ...]]:
    """Labels in memory as indices (n,), for lists as 0 and 1 (n, classes); and the names of the classes.

    Args:
        labels: large_string (n,), or lists of them.
        classes: Class names; by default the labels that occur.

    Raises:
        InputError: There are fewer than two classes, or a label is not one of `classes`.
    """
    rows = _rows_of_matrix(labels, classes, "The labels")
    if rows is not None and classes is not None:
        check_class_names(classes)
        return rows, tuple(classes)
    if classes is not None:
        _check_classes(classes)
    block = RowBlock(pa.table({"label": labels}), lambda i: f"Label {i}")
    return _indices([block], labels, classes, "The labels")


def _check_classes(classes: Sequence[str]) -> None:
    if len(classes) < 2:
        raise InputError(f"Only {len(classes)} class names were given: give at least two classes.")
    check_class_names(classes)
    seen: dict[str, str] = {}
    for given, name in zip(classes, _names(classes), strict=True):
        if name in seen:
            raise InputError(
                f"The classes {seen[name]!r} and {given!r} are both {name!r} where labels are read: rename "
                "one."
            )
        seen[name] = given


def _names(classes: Sequence[str]) -> list[str]:
    """Class names as labels are written."""
    names: list[str] = class_names(pa.array(list(classes), pa.large_string())).to_pylist()
    return names


def _label_set(classes: Sequence[str]) -> list[str]:
    """Valid labels: the class names, followed by class indices if no class is named like a number."""
    names = _names(classes)
    named_by_numbers = any(_WHOLE_NUMBER.fullmatch(name) for name in names)
    return [*names, *([] if named_by_numbers else map(str, range(len(names))))]


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


def _rows_of_matrix(
    labels: pa.Array, classes: Sequence[str] | None, subject: str
) -> NDArray[np.float32] | None:
    """Lists of 0 and 1, one for each class, float32 (n, classes); None for other labels.

    Raises:
        InputError: The lists can be class indices or the rows of a matrix, and nothing says which.
    """
    if not pa.types.is_list(labels.type):
        return None
    lengths = pc.unique(pc.list_value_length(labels)).to_pylist()
    values = set(pc.unique(labels.flatten()).to_pylist())
    longest = max(lengths, default=0)
    if not set(lengths) <= {0, longest} or not (values <= {"0", "1"} or values <= _BOOLEANS):
        return None
    if longest == 0 or (
        longest == 1 and (classes is None or len(classes) > 1)
    ):  # of the one class of each text
        return None
    if classes is not None and values & set(_names(classes)):
        return None  # lists of class names
    if 0 in lengths:
        raise InputError(
            f"{subject} are lists of 0 and 1, of length {longest} or empty, which can be class indices or a "
            "matrix: give lists of class names, or a row for each text and a class name for each column."
        )
    if classes is None or lengths != [len(classes)]:
        raise InputError(
            f"{subject} are lists of 0 and 1, all of length {longest}, which can be class indices or a "
            "matrix: give lists of class names, or a row for each text and a class name for each column."
        )
    ones = pc.is_in(labels.flatten(), value_set=pa.array(["1", "true"], pa.large_string()))
    rows: NDArray[np.float32] = ones.to_numpy(zero_copy_only=False).astype(np.float32)
    return rows.reshape(len(labels), longest)


def _check_numbers(blocks: Sequence[RowBlock], labels: pa.Array) -> None:
    """Check that no label is a missing number among numbers, which would become a class of its own."""
    missing = missing_number(labels)
    for block in blocks if missing is not None else ():
        row = pc.index(block.table.column("label"), missing).as_py()
        if row >= 0:
            raise InputError(
                f"{block.place(row)}: the label is {missing!r} and the others are numbers: leave out the row."
            )


def _occurring(labels: pa.Array) -> list[str]:
    names = pc.unique(labels.flatten() if pa.types.is_list(labels.type) else labels).to_pylist()
    if all(_WHOLE_NUMBER.fullmatch(name) for name in names):
        return sorted(names, key=lambda name: (int(name), name))
    return sorted(names)


def _indices(
    blocks: Sequence[RowBlock], labels: pa.Array, classes: Sequence[str] | None, subject: str
) -> tuple[NDArray[np.int64] | NDArray[np.float32], tuple[str, ...]]:
    """Labels as indices (n,), for lists as 0 and 1 (n, classes); and the names of the classes.

    Args:
        blocks: The rows, for error messages.
        labels: Those of all rows.
        classes: Class names; by default the labels that occur.
        subject: What error messages begin with.

    Raises:
        InputError: There are fewer than two classes, or a label is not one of `classes`.
    """
    rows = _rows_of_matrix(labels, classes, subject)
    if rows is not None and classes is not None:
        return rows, tuple(classes)
    if classes is None:
        _check_numbers(blocks, labels)
    else:
        for block in blocks:
            _check_labels(block, classes)
    names = tuple(_occurring(labels) if classes is None else classes)
    if len(names) < 2:
        only = f"all {names[0]!r}" if names else "missing"
        raise InputError(f"{subject} are {only}: give texts of at least two classes.")
    check_class_names(names)
    known = pa.array(_label_set(names), pa.large_string())
    if not pa.types.is_list(labels.type):
        indices: NDArray[np.int64] = pc.index_in(labels, value_set=known).to_numpy().astype(np.int64)
        return indices % len(names), names
    hot = np.zeros((len(labels), len(names)), dtype=np.float32)
    parents = pc.list_parent_indices(labels).to_numpy()
    hot[parents, pc.index_in(labels.flatten(), value_set=known).to_numpy() % len(names)] = 1
    return hot, names
