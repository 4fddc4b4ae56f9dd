"""Students as an accessor of pandas.

Importing this module adds the accessor ``sparsedistill`` to series.
"""

from __future__ import annotations

import pyarrow as pa

from .arrow import Output, StudentLike, column

try:
    import pandas as pd
except ModuleNotFoundError as error:
    raise ImportError("The accessor of pandas needs pandas: pip install 'sparsedistill[pandas]'.") from error


@pd.api.extensions.register_series_accessor("sparsedistill")
class SeriesAccessor:
    """``series.sparsedistill``: what a student says of a series of texts.

    Results have the index of the series. Missing texts have missing answers.
    """

    def __init__(self, series: pd.Series) -> None:
        self._series = series

    def predict(
        self, student: StudentLike, text_pair: pd.Series | None = None, *, threads: int | None = None
    ) -> pd.Series | pd.DataFrame:
        """The class, the list of classes, or the number of each text.

        Args:
            student: A student, a cascade, or the directory of one.
            text_pair: The second texts, for students of pairs.
            threads: All cores by default.

        Returns:
            A series; for a student of several questions a frame, with a column per question.

        Raises:
            InputError: The student cannot be opened, or the series does not hold texts.
        """
        return self._answer(student, text_pair, "answer", threads)

    def predict_proba(
        self, student: StudentLike, text_pair: pd.Series | None = None, *, threads: int | None = None
    ) -> pd.DataFrame:
        """The probability of each class, a column per class. See :meth:`predict`.

        The columns of a student of several questions have two levels: question and class.

        Raises:
            InputError: The student predicts numbers.
        """
        return self._answer(student, text_pair, "probabilities", threads)

    def coverage(
        self, student: StudentLike, text_pair: pd.Series | None = None, *, threads: int | None = None
    ) -> pd.Series:
        """The share of the tokens of each text that the student knows. See :meth:`predict`."""
        return self._answer(student, text_pair, "coverage", threads)

    def _answer(
        self, student: StudentLike, text_pair: pd.Series | None, output: Output, threads: int | None
    ) -> pd.Series | pd.DataFrame:
        sides = [self._series] if text_pair is None else [self._series, text_pair]
        arrays = [pa.array(side, from_pandas=True) for side in sides]
        return _from_arrow(column(student, *arrays, output=output, threads=threads), self._series)


def _from_arrow(values: pa.Array, texts: pd.Series) -> pd.Series | pd.DataFrame:
    """An array as a series, or a struct as a frame, with the index of `texts`."""
    if not pa.types.is_struct(values.type):
        return values.to_pandas().set_axis(texts.index).rename(texts.name)
    parts = {
        field.name: _from_arrow(part, texts)
        for field, part in zip(values.type, values.flatten(), strict=True)
    }
    return pd.concat(parts, axis=1)
