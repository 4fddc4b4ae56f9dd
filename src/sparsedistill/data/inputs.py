"""Converts what users pass as labelled and unlabelled texts."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias, TypeGuard

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .._internal.texts import Texts, as_strings, is_unordered
from ..errors import InputError
from ..problem import SCORE, Problem
from .columns import Columns
from .corpus import Corpus
from .fields import Field, is_list, typed
from .file_options import FileOptions
from .label_rule import as_array, labels_in_memory
from .labelled import Labelled, check_no_classes, indices_of, read_labelled
from .numbers import announced, are_scores
from .sources import DataSource
from .writer import RowWriter

logger = logging.getLogger(__package__)

#: Labelled texts: a file or a pattern (several as a list of Path), a tuple (texts, labels) or
#: (texts, text_pair, labels), or the result of read_labelled.
LabelledLike: TypeAlias = str | Path | Sequence[Path] | tuple[Any, ...] | Labelled
#: Unlabelled texts: a file or a pattern (several as a list of Path), a Corpus, texts in memory, or data
#: sources.
UnlabelledLike: TypeAlias = str | Path | Sequence[Path] | Corpus | Texts | Sequence[DataSource]


def is_sources(given: Any) -> TypeGuard[Sequence[DataSource]]:
    """Whether `given` is a list of data sources."""
    return isinstance(given, list) and bool(given) and all(isinstance(entry, DataSource) for entry in given)


def as_labelled(given: LabelledLike, columns: Columns, classes: Sequence[str] | None) -> Labelled:
    """Convert or read labelled texts. All labelled input passes through here.

    Whether labels are classes or numbers is decided by the same rule for files and for texts in memory: see
    :func:`~.labelled.read_labelled`.

    Args:
        given: Labelled texts. See :data:`LabelledLike`.
        columns: Names of the columns in files; the default of the label is ``label``.
        classes: Class names; by default the labels that occur.

    Raises:
        InputError: The texts cannot be read, `classes` is no list of names, or a label is not one of them.
    """
    classes = None if classes is None else _ordered(classes)
    if isinstance(given, Labelled):
        if classes is not None and given.classes != classes:
            raise InputError(
                f"The labels have the classes {', '.join(given.classes)}, but {', '.join(classes)} are "
                "needed: read the labels with these classes."
            )
        if columns.problem is not None and given.problem != columns.problem:
            raise InputError(
                f"The problem is {columns.problem} and the labels are of {given.problem}: read them for the "
                "problem."
            )
        return given
    if isinstance(given, tuple):
        return _in_memory(given, classes, columns.problem)
    return read_labelled(given, replace(columns, label=columns.label or "label", scores=None), classes)


def _ordered(classes: Any) -> tuple[str, ...]:
    """Class names in their order, which is that of the outputs."""
    single = isinstance(classes, str | bytes | Mapping | type) or not hasattr(classes, "__iter__")
    if single or is_unordered(classes):
        raise InputError(
            f"classes is a {type(classes).__name__}: pass a list of class names, in the order of the outputs."
        )
    return tuple(classes)


def as_corpus(given: UnlabelledLike, columns: Columns, spool: Path) -> Corpus:
    """Convert unlabelled texts to a corpus of files.

    Args:
        given: Unlabelled texts, except data sources. See :data:`UnlabelledLike`.
        columns: Names of the columns in files.
        spool: File to write texts in memory to.

    Raises:
        InputError: There are no such files or texts.
    """
    if isinstance(given, Corpus):
        return given
    if isinstance(given, str) and (not given or len(given) > 4096 or "\n" in given):
        raise InputError(
            "unlabelled is one text, not the name of a file: pass a list of texts, [text] for one."
        )
    if isinstance(given, str | Path):
        return Corpus(given, columns)
    if isinstance(given, Iterator):
        given = list(given)
    if is_unordered(given):
        raise InputError(f"unlabelled is a {type(given).__name__}, which has no order: pass a list.")
    paths = [path for path in given if isinstance(path, Path)]
    if paths and len(paths) == len(given):
        return Corpus(paths, columns)
    texts = as_strings(given, "unlabelled")
    if not len(texts):
        raise InputError("There are no unlabelled texts: give at least one, or a file with some.")
    if len(texts) < 100 and all(map(_is_file_name, texts.to_pylist())):
        raise InputError("The unlabelled texts are names of files: pass Path objects or a Corpus.")
    return write_corpus(spool, columns, texts)


def _is_file_name(text: str) -> bool:
    """Whether a text is the name of something that exists. Texts can be too long for a name."""
    try:
        return bool(text) and len(text) <= 4096 and "\0" not in text and Path(text).exists()
    except OSError:
        return False


def write_corpus(path: Path, columns: Columns, texts: pa.Array, text_pair: pa.Array | None = None) -> Corpus:
    """Write texts to a file with the given columns, and return it as a corpus.

    Raises:
        InputError: The columns need second texts but there are none, or the file cannot be written.
    """
    arrays = {columns.text: texts}
    if columns.text_pair is not None:
        if text_pair is None:
            raise InputError("The student takes pairs of texts: pass unlabelled pairs as a file or a Corpus.")
        arrays[columns.text_pair] = text_pair
    with RowWriter(path) as writer:
        writer.write(pa.record_batch(arrays))
    return Corpus(path, replace(columns, files=FileOptions()))


def write_texts(path: Path, texts: pa.Array, text_pair: pa.Array | None = None) -> Corpus:
    """Write texts, or pairs, to a file with columns ``text`` and ``text_pair``; return it as a corpus."""
    return write_corpus(path, Columns("text", None if text_pair is None else "text_pair"), texts, text_pair)


def _in_memory(given: tuple[Any, ...], classes: tuple[str, ...] | None, problem: Problem | None) -> Labelled:
    if not 2 <= len(given) <= 3:
        raise InputError(
            f"Labelled texts came as a tuple of {len(given)}: pass (texts, labels) or "
            "(texts, text_pair, labels)."
        )
    texts = as_strings(given[0])
    labels = _matrix(given[-1]) if getattr(given[-1], "ndim", 1) == 2 else labels_in_memory(given[-1])
    text_pair = as_strings(given[1], "text_pair") if len(given) == 3 else None
    if len(texts) != len(labels):
        raise InputError(f"{len(texts)} texts came with {len(labels)} labels: give exactly one per text.")
    if problem == "regression" or (problem is None and classes == SCORE):
        check_no_classes(classes)
        return Labelled(texts, _numbers(labels), SCORE, text_pair)
    if not isinstance(labels, pa.Array):
        return Labelled(texts, *_from_matrix(labels, classes), text_pair)
    if is_list(labels.type):
        field = Field("label", "label", "labels", ",")
    else:
        field = Field("label", "label", "label")
    names = typed(labels, field, lambda i: f"Label {i}")
    if problem is None and classes is None and are_scores(names):
        logger.info(announced("memory"))
        return Labelled(texts, _numbers(labels), SCORE, text_pair)
    return Labelled(texts, *indices_of(names, classes), text_pair)


def _matrix(labels: Any) -> NDArray[Any]:
    """Labels of two dimensions as an array.

    Raises:
        InputError: It cannot be converted, or some of it is masked.
    """
    matrix = as_array(labels)
    for row, column in np.argwhere(np.ma.getmaskarray(matrix))[:1].tolist():
        raise InputError(f"Label {row} is masked in column {column}: fill it, or drop the text.")
    return np.asarray(matrix)


def _numbers(given: Any) -> NDArray[np.float32]:
    """Labels of a regression, float32 (n,), from an Arrow array (n,) or a matrix (n, 1).

    Raises:
        InputError: They have another shape, or one of them is not a finite number.
    """
    labels = np.array(given.to_pylist(), object) if isinstance(given, pa.Array) else np.asarray(given)
    if labels.size != len(labels):
        raise InputError(f"The labels have shape {labels.shape}: give one number per text.")
    flat = labels.reshape(len(labels))
    try:
        with np.errstate(over="ignore"):
            numbers = flat.astype(np.float32)
    except (TypeError, ValueError):
        row = next(i for i, label in enumerate(flat) if not _is_number(label))
        raise InputError(f"The label of text {row} is {flat[row]!r}, not a number: correct it.") from None
    for row in np.flatnonzero(~np.isfinite(numbers))[:1]:
        raise InputError(
            f"The label of text {row} is {numbers[row]}: give a finite number, or drop the text."
        )
    return numbers


def _is_number(label: Any) -> bool:
    try:
        float(label)
    except (TypeError, ValueError):
        return False
    return True


def _from_matrix(
    labels: NDArray[Any], classes: Sequence[str] | None
) -> tuple[NDArray[np.float32], tuple[str, ...]]:
    """Labels given as a matrix of zeros and ones, one column per class."""
    if classes is None or len(classes) != labels.shape[1]:
        raise InputError("Labels of shape (texts, classes) need class names: give one per column.")
    try:
        values = labels.astype(np.float32)
    except (TypeError, ValueError) as error:
        raise InputError("The matrix of labels has values that are no numbers: give 0 and 1.") from error
    wrong = np.argwhere((values != 0) & (values != 1))
    if len(wrong):
        row, column = wrong[0].tolist()
        raise InputError(
            f"Label {row} is {values[row, column]:g} for the class {classes[column]!r}: give 0 or 1."
        )
    return values, tuple(classes)
