"""Where the rows of words start in a student of pairs: at what the teacher's encoder makes of the words.

Two texts may say the same in other words, and labelled pairs are too few to tell which words are alike: most
words of a pair to come have hardly been trained. Single texts do not gain by it: what a word says of the
classes is learnt as quickly from nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .._internal.progress import Progress, no_progress
from ..labeling.remembered import underlying_teacher
from ..teachers.base import Teacher
from ..teachers.precomputed import FileTeacher
from ..teachers.transformers import TransformersTeacher
from ..vocabulary.tokenizer import is_characters
from ..vocabulary.vocabulary import Vocabulary

_WORDS = 30_000  # the most frequent ones
_FITTED = 8000  # words that the directions are fitted to
_LENGTH = 3.0  # of a rare word's row: as long as trained ones
_FREQUENT = 1e-3  # share of all words at which a row is half as long (Arora et al. 2017)
_AT_ONCE = 1024


@dataclass(frozen=True)
class WordInit:
    """Rows to start with.

    Attributes:
        rows: int64 (n,), which rows of the table.
        vectors: float32 (n, width), what the encoder makes of their words, the most telling directions first.
    """

    rows: NDArray[np.int64]
    vectors: NDArray[np.float32]

    def embeddings(self, dim: int) -> NDArray[np.float32]:
        """The rows cut to `dim` dimensions, float32 (n, dim), at their lengths."""
        cut = self.vectors[:, :dim]
        lengths = np.linalg.norm(self.vectors, axis=1) / np.maximum(np.linalg.norm(cut, axis=1), 1e-6)
        return np.pad(cut * lengths[:, None], ((0, 0), (0, dim - cut.shape[1])))


def init_word_rows(
    vocabulary: Vocabulary, teacher: Teacher | FileTeacher | None, progress: Progress = no_progress
) -> WordInit | None:
    """Where the words of `vocabulary` start; None if the teacher has no encoder, or words are not known."""
    teacher = underlying_teacher(teacher)
    ngrams, counts = vocabulary.ngrams, vocabulary.counts
    if not isinstance(teacher, TransformersTeacher) or ngrams is None or counts is None:
        return None
    words = np.array([row for row, ngram in enumerate(ngrams) if _is_word(ngram)], np.int64)
    shares = counts[words] / counts[words].sum()
    kept = np.argsort(-shares, kind="stable")[:_WORDS]
    words, shares = words[kept], shares[kept]
    parts = []
    with progress("Reading the words", len(words), "words") as advance:
        for begin in range(0, len(words), _AT_ONCE):
            chosen = words[begin : begin + _AT_ONCE]
            parts.append(teacher.read([ngrams[row] for row in chosen]))
            advance(len(chosen))
    vectors = _unit(np.concatenate(parts))
    vectors -= vectors.mean(axis=0)
    directions = np.linalg.svd(vectors[:_FITTED], full_matrices=False)[2]
    lengths = _LENGTH * _FREQUENT / (_FREQUENT + shares)
    return WordInit(words, (_unit(vectors @ directions.T) * lengths[:, None]).astype(np.float32))


def _is_word(ngram: str) -> bool:
    return " " not in ngram and not is_characters(ngram)


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    found: NDArray[np.float32] = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-6)
    return found
