"""What people pass to :func:`~sparsedistill.pipeline.distill`, as what it works on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias, TypeGuard

import numpy as np
import pyarrow as pa

from .._internal.texts import Texts
from ..errors import InputError
from .columns import Columns
from .corpus import Corpus
from .examples import as_strings
from .labelled import Labelled, read_labelled
from .sources import DataSource
from .writer import RowWriter

#: Labelled texts: a file or a pattern (or several as Paths), (texts, labels) or (texts, text_pair, labels)
#: in memory, or what read_labelled has read.
LabelledLike: TypeAlias = str | Path | Sequence[Path] | tuple[Any, ...] | Labelled
#: Unlabelled texts: a file or a pattern (or several as Paths), a Corpus, texts in memory, or data sources.
UnlabelledLike: TypeAlias = str | Path | Sequence[Path] | Corpus | Texts | Sequence[DataSource]


def is_sources(given: Any) -> TypeGuard[Sequence[DataSource]]:
    """Whether data sources were passed: a list of them."""
    return isinstance(given, list) and bool(given) and all(isinstance(entry, DataSource) for entry in given)


def as_labelled(given: LabelledLike, columns: Columns, classes: Sequence[str] | None) -> Labelled:
    """The labelled texts that are meant.

    Args:
        given: See :data:`LabelledLike`.
        columns: What the columns of files are called; the label is in ``label`` by default.
        classes: The classes that the labels must be of; by default those that occur.

    Raises:
        InputError: They cannot be read, or a label is not of `classes`.
    """
    if isinstance(given, Labelled):
        if classes is not None and given.classes != tuple(classes):
            raise InputError(
                f"The labels are {', '.join(given.classes)} where {', '.join(classes)} are needed: "
                "read them with these classes."
            )
        return given
    if isinstance(given, tuple):
        return _in_memory(given, classes)
    label = columns.label or "label"
    return read_labelled(
        given,
        Columns(columns.text, columns.text_pair, label, columns.weight, columns.label_separator),
        classes,
    )


def as_corpus(given: UnlabelledLike, columns: Columns, spool: Path) -> Corpus:
    """The unlabelled texts that are meant, as a corpus of files.

    Args:
        given: See :data:`UnlabelledLike`.
        columns: What the columns of files are called.
        spool: Where texts that come in memory are written to.

    Raises:
        InputError: There are no such files or texts.
    """
    if isinstance(given, Corpus):
        return given
    if isinstance(given, str | Path):
        return Corpus(given, columns)
    paths = [path for path in given if isinstance(path, Path)]
    if paths and len(paths) == len(given):
        return Corpus(paths, columns)
    texts = as_strings(given, "unlabelled")
    if not len(texts):
        raise InputError("There are no unlabelled texts: give at least one, or a file of them.")
    if len(texts) < 100 and all("\n" not in str(text) and Path(str(text)).exists() for text in texts):
        raise InputError("The unlabelled texts are names of files: pass them as Path objects or as a Corpus.")
    return write_corpus(spool, columns, texts)


def write_corpus(path: Path, columns: Columns, texts: pa.Array, text_pair: pa.Array | None = None) -> Corpus:
    """Write texts to a file with the given columns, as a corpus.

    Raises:
        InputError: The columns want a second text and there is none, or the file cannot be written.
    """
    arrays = {columns.text: texts}
    if columns.text_pair is not None:
        if text_pair is None:
            raise InputError("The student compares two texts: pass unlabelled pairs as a file or a Corpus.")
        arrays[columns.text_pair] = text_pair
    with RowWriter(path) as writer:
        writer.write(pa.record_batch(arrays))
    return Corpus(path, columns)


def write_texts(path: Path, texts: pa.Array, text_pair: pa.Array | None = None) -> Corpus:
    """Write texts, or pairs of texts, to a file with columns named by their roles, as a corpus."""
    return write_corpus(path, Columns("text", None if text_pair is None else "text_pair"), texts, text_pair)


def _in_memory(given: tuple[Any, ...], classes: Sequence[str] | None) -> Labelled:
    if not 2 <= len(given) <= 3:
        raise InputError(
            f"Labelled texts came as a tuple of {len(given)}: pass (texts, labels) or "
            "(texts, text_pair, labels)."
        )
    texts, labels = as_strings(given[0]), np.asarray(given[-1])
    text_pair = as_strings(given[1], "text_pair") if len(given) == 3 else None
    if len(texts) != len(labels):
        raise InputError(f"{len(texts)} texts came with {len(labels)} labels: give exactly one a text.")
    if labels.ndim == 2:
        if classes is None or len(classes) != labels.shape[1]:
            raise InputError("Labels of shape (texts, classes) need classes: name them, one a column.")
        return Labelled(texts, labels.astype(np.float32), tuple(classes), text_pair)
    names = labels.astype(str)
    order = tuple(str(name) for name in np.unique(labels)) if classes is None else tuple(classes)
    index = {name: i for i, name in enumerate(order)}
    unknown = next((name for name in names.tolist() if name not in index), None)
    if unknown is not None:
        raise InputError(f"The label {unknown!r} is unknown: use one of {', '.join(map(repr, order))}.")
    if len(order) < 2:
        raise InputError(f"The labels are all {order[0]!r}: at least two classes are needed.")
    return Labelled(texts, np.array([index[name] for name in names.tolist()], np.int64), order, text_pair)
