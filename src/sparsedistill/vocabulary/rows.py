"""The n-grams and words of texts as rows of a table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_NUMBERS_AT_ONCE = 1 << 22  # of rows that are added up: 32 MB in float64


@dataclass(frozen=True)
class NgramRows:
    """The items of n texts or pairs of texts, in CSR format.

    A text is one segment. A pair is three: what both texts have, what only the first has, and what only the
    second has. The items of a segment are the n-grams of the vocabulary, and the unknown words that have
    character n-grams in the vocabulary. A text has each item once, however often it occurs. This follows the
    paper, and is better than with repetitions (IMDB, labels only: 91.3 % against 91.0 % accuracy on the test
    texts).

    The vector of a word is its own row, if it has one, plus the sum of the rows of its k character n-grams
    divided by sqrt(k). In a table that is folded, the rows of known words are these vectors.

    Attributes:
        rows: int64 (nnz,), the rows of the n-grams of all segments, concatenated.
        offsets: int64 (segments + 1,): segment i has ``rows[offsets[i]:offsets[i + 1]]``.
        counts: int64 (segments,), the number of items.
        words: int64 (m,), the words of all segments whose character n-grams are to be added, as indices of
            the distinct words: in a folded table the unknown words, else all.
        word_offsets: int64 (segments + 1,), where the words of each segment begin.
        characters: int64 (k,), the rows of the character n-grams of all distinct words.
        character_offsets: int64 (distinct words + 1,), where those of each word begin.
        tokens: int64 (n,), number of tokens of each text or pair.
        known: int64 (n,), how many of these are in the vocabulary.
    """

    rows: NDArray[np.int64]
    offsets: NDArray[np.int64]
    counts: NDArray[np.int64]
    words: NDArray[np.int64]
    word_offsets: NDArray[np.int64]
    characters: NDArray[np.int64]
    character_offsets: NDArray[np.int64]
    tokens: NDArray[np.int64]
    known: NDArray[np.int64]

    def sums(self, table: NDArray[Any]) -> NDArray[np.float64]:
        """The sum of the vectors of each segment's items, float64 (segments, dim); zeros for none.

        Args:
            table: (rows, dim), the rows.
        """
        sums = _segment_sums(table, self.rows, self.offsets)
        if len(self.words):
            scales = np.sqrt(np.diff(self.character_offsets))[:, None]
            for columns in _columns(table, len(scales)):
                words = _segment_sums(table[:, columns], self.characters, self.character_offsets)
                words /= scales
                sums[:, columns] += _segment_sums(words, self.words, self.word_offsets)
        return sums

    def weights(self, rows: int) -> NDArray[np.float64]:
        """How much of each row the sums of all segments contain together, float64 (rows,)."""
        weights = np.bincount(self.rows, minlength=rows).astype(np.float64)
        if len(self.words):
            sizes = np.diff(self.character_offsets)
            occurrences = np.bincount(self.words, minlength=len(sizes)) / np.sqrt(sizes)
            weights += np.bincount(self.characters, np.repeat(occurrences, sizes), rows)
        return weights


def _segment_sums(
    table: NDArray[Any], rows: NDArray[np.int64], offsets: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Sums of the rows of consecutive segments, float64 (segments, dim); zeros for empty ones.

    The rows in memory are bounded: those of some segments together, and of a long one some columns at a time.
    A sum depends on its segment and column alone.
    """
    sums = np.zeros((len(offsets) - 1, table.shape[1]))
    most = max(1, _NUMBERS_AT_ONCE // table.shape[1])
    first = 0
    while first < len(sums):
        last = max(first + 1, int(np.searchsorted(offsets, offsets[first] + most, "right")) - 1)
        begin, end = int(offsets[first]), int(offsets[last])
        filled = first + np.flatnonzero(np.diff(offsets[first : last + 1]))
        for columns in _columns(table, end - begin) if len(filled) else ():
            values = table[:, columns][rows[begin:end]]
            starts = offsets[filled] - begin
            sums[filled, columns] = np.add.reduceat(values, starts, axis=0, dtype=np.float64)
        first = last
    return sums


def _columns(table: NDArray[Any], rows: int) -> Iterator[slice]:
    """The columns of a table in parts of which this many rows have at most `_NUMBERS_AT_ONCE` numbers."""
    width = max(1, _NUMBERS_AT_ONCE // max(1, rows))
    return (slice(begin, begin + width) for begin in range(0, table.shape[1], width))
