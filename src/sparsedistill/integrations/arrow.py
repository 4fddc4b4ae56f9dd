"""Answers of a student as one Arrow column, for the tables of other libraries."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..classifiers import load_model
from ..errors import InputError
from ..model.answers import answer_columns, by_head
from ..model.heads import Head
from ..model.predictions import Predictions, TextClassifier
from ..multi_head import MultiHeadStudent

#: A student of one or several questions, a cascade, or the directory or Hub id of one.
StudentLike: TypeAlias = "TextClassifier | MultiHeadStudent | str | Path"

#: What a column has of each text: the class, the classes or the number; the probability of each class; or the
#: share of its tokens that the student knows.
Output: TypeAlias = Literal["answer", "probabilities", "coverage"]

_OUTPUTS = ("answer", "probabilities", "coverage")


def opened(student: StudentLike) -> TextClassifier | MultiHeadStudent:
    """Open a student. One that is named by its directory is opened once per process.

    Raises:
        InputError: It was not found or is damaged.
    """
    return _load(str(student)) if isinstance(student, str | Path) else student


_load = cache(load_model)


def column_type(student: StudentLike, output: Output = "answer") -> pa.DataType:
    """The type of :func:`column`.

    Raises:
        InputError: `output` is unknown, or the student predicts numbers, which have no probabilities.
    """
    if output not in _OUTPUTS:
        raise InputError(f"The output {output!r} is unknown: use one of {', '.join(_OUTPUTS)}.")
    if output == "coverage":
        return pa.float32()
    heads = _answering(opened(student).heads, output)
    types = {head.name: _type(head, output) for head in heads}
    return types[""] if "" in types else pa.struct(types.items())


def column(
    student: StudentLike,
    texts: pa.Array | pa.ChunkedArray,
    text_pair: pa.Array | pa.ChunkedArray | None = None,
    *,
    output: Output = "answer",
    threads: int | None = None,
) -> pa.Array:
    """What a student says of a column of texts.

    Args:
        student: The student. One of several questions gives a struct, with a field per question.
        texts: Strings (n,).
        text_pair: The second texts (n,), for students of pairs.
        output: What of its answers. Probabilities are a struct with a field per class.
        threads: All cores by default. The result does not depend on it.

    Returns:
        An array (n,) of :func:`column_type`; null where a text is null.

    Raises:
        InputError: `texts` are not strings, `text_pair` is missing or the student reads single texts, or
            as :func:`column_type`.
    """
    classifier, kind = opened(student), column_type(student, output)
    valid = pc.is_valid(texts) if text_pair is None else pc.and_(pc.is_valid(texts), pc.is_valid(text_pair))
    sides = [texts] if text_pair is None else [texts, text_pair]
    kept = [_texts(side).filter(valid) for side in sides]
    found = by_head(classifier.score(*kept, threads=threads))
    values = _column(classifier.heads, found, output, kind)
    return values.take(_positions(valid))


def _texts(given: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """Texts; a column of nulls alone has no type of its own."""
    return given.cast(pa.string()) if pa.types.is_null(given.type) else given


def _column(
    heads: tuple[Head, ...], found: dict[str, Predictions], output: Output, kind: pa.DataType
) -> pa.Array:
    if output == "coverage":
        return pa.array(next(iter(found.values())).coverage)
    arrays = {head.name: _values(head, found[head.name], output) for head in _answering(heads, output)}
    return (
        arrays[""] if "" in arrays else pa.StructArray.from_arrays(list(arrays.values()), fields=list(kind))
    )


def _answering(heads: tuple[Head, ...], output: Output) -> list[Head]:
    """The questions that have an output.

    Raises:
        InputError: There is none.
    """
    found = [head for head in heads if output == "answer" or head.problem != "regression"]
    if not found:
        raise InputError("The student predicts numbers, which have no probabilities: use its answers.")
    return found


def _type(head: Head, output: Output) -> pa.DataType:
    if output == "probabilities":
        return pa.struct([(name, pa.float32()) for name in head.classes])
    types = {"single_label": pa.string(), "multi_label": pa.list_(pa.string()), "regression": pa.float32()}
    return types[head.problem]


def _values(head: Head, predictions: Predictions, output: Output) -> pa.Array:
    if output == "answer":
        return next(iter(answer_columns(head, predictions).values()))
    shares = predictions.probabilities
    fields = list(_type(head, output))
    return pa.StructArray.from_arrays([pa.array(part) for part in shares.T.copy()], fields=fields)


def _positions(valid: pa.Array | pa.ChunkedArray) -> pa.Array:
    """The position of each valid element among the valid ones; null for the others."""
    mask = np.asarray(valid)
    return pa.array(mask.cumsum() - 1, pa.int64(), mask=~mask)
