"""Students as expressions of Polars.

Importing this module adds the namespace ``sparsedistill`` to expressions and series.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import pyarrow as pa

from .arrow import Output, StudentLike, column, column_type, opened

try:
    import polars as pl
except ModuleNotFoundError as error:
    raise ImportError("Expressions of Polars need polars: pip install 'sparsedistill[polars]'.") from error

#: An expression, or the name of a column.
Column: TypeAlias = "pl.Expr | str"


def predict(
    texts: Column,
    student: StudentLike,
    text_pair: Column | None = None,
    *,
    threads: int | None = None,
) -> pl.Expr:
    """The answers of a student: the class, the list of classes, or the number; null for null.

    Args:
        texts: An expression or the name of a column of strings.
        student: A student, a cascade, or the directory of one. A student of several questions gives a struct
            with a field per question.
        text_pair: The second texts, for students of pairs.
        threads: All cores by default.

    Raises:
        InputError: The student cannot be opened.
    """
    return _expression(texts, student, text_pair, "answer", threads)


def predict_proba(
    texts: Column,
    student: StudentLike,
    text_pair: Column | None = None,
    *,
    threads: int | None = None,
) -> pl.Expr:
    """The probabilities of the classes, a struct with a field per class. See :func:`predict`.

    Raises:
        InputError: The student predicts numbers.
    """
    return _expression(texts, student, text_pair, "probabilities", threads)


def coverage(
    texts: Column,
    student: StudentLike,
    text_pair: Column | None = None,
    *,
    threads: int | None = None,
) -> pl.Expr:
    """The share of a text's tokens that the student knows. See :func:`predict`."""
    return _expression(texts, student, text_pair, "coverage", threads)


@pl.api.register_expr_namespace("sparsedistill")
class ExpressionNamespace:
    """``pl.col("text").sparsedistill``: the functions of this module on an expression."""

    def __init__(self, expression: pl.Expr) -> None:
        self._expression = expression

    def predict(
        self, student: StudentLike, text_pair: Column | None = None, *, threads: int | None = None
    ) -> pl.Expr:
        """See :func:`predict`."""
        return predict(self._expression, student, text_pair, threads=threads)

    def predict_proba(
        self, student: StudentLike, text_pair: Column | None = None, *, threads: int | None = None
    ) -> pl.Expr:
        """See :func:`predict_proba`."""
        return predict_proba(self._expression, student, text_pair, threads=threads)

    def coverage(
        self, student: StudentLike, text_pair: Column | None = None, *, threads: int | None = None
    ) -> pl.Expr:
        """See :func:`coverage`."""
        return coverage(self._expression, student, text_pair, threads=threads)


@pl.api.register_series_namespace("sparsedistill")
class SeriesNamespace:
    """``series.sparsedistill``: the functions of this module on a series of texts."""

    def __init__(self, series: pl.Series) -> None:
        self._series = series

    def predict(self, student: StudentLike, *, threads: int | None = None) -> pl.Series:
        """See :func:`predict`."""
        return pl.select(predict(pl.lit(self._series), student, threads=threads)).to_series()

    def predict_proba(self, student: StudentLike, *, threads: int | None = None) -> pl.Series:
        """See :func:`predict_proba`."""
        return pl.select(predict_proba(pl.lit(self._series), student, threads=threads)).to_series()

    def coverage(self, student: StudentLike, *, threads: int | None = None) -> pl.Series:
        """See :func:`coverage`."""
        return pl.select(coverage(pl.lit(self._series), student, threads=threads)).to_series()


def _expression(
    texts: Column,
    student: StudentLike,
    text_pair: Column | None,
    output: Output,
    threads: int | None,
) -> pl.Expr:
    classifier = opened(student)
    empty = pa.array([], column_type(classifier, output))
    kind = pl.Series(pl.from_arrow(empty)).dtype

    def answer(sides: Sequence[pl.Series]) -> pl.Series:
        arrays = [side.to_arrow() for side in sides]
        return pl.Series(sides[0].name, column(classifier, *arrays, output=output, threads=threads), kind)

    sides = [texts] if text_pair is None else [texts, text_pair]
    return pl.map_batches(sides, answer, return_dtype=kind, is_elementwise=True)
