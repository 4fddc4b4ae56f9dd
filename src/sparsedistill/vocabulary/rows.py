"""The n-grams and words of texts as rows of a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


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
        sums = _segment_sums(table[self.rows], self.offsets)
        if len(self.words):
            words = _segment_sums(table[self.characters], self.character_offsets)
            words /= np.sqrt(np.diff(self.character_offsets))[:, None]
            sums += _segment_sums(words[self.words], self.word_offsets)
        return sums

    def weights(self, rows: int) -> NDArray[np.float64]:
        """How much of each row the sums of all segments contain together, float64 (rows,)."""
        weights = np.bincount(self.rows, minlength=rows).astype(np.float64)
        if len(self.words):
            sizes = np.diff(self.character_offsets)
            occurrences = np.bincount(self.words, minlength=len(sizes)) / np.sqrt(sizes)
            weights += np.bincount(self.characters, np.repeat(occurrences, sizes), rows)
        return weights


def _segment_sums(values: NDArray[Any], offsets: NDArray[np.int64]) -> NDArray[np.float64]:
    """Sums of consecutive segments of (nnz, dim), float64 (segments, dim); zeros for empty ones."""
    sums = np.zeros((len(offsets) - 1, values.shape[1]))
    filled = np.diff(offsets) > 0
    if filled.any():
        sums[filled] = np.add.reduceat(values, offsets[:-1][filled], axis=0, dtype=np.float64)
    return sums
