"""Initial rows for the words of a student of pairs, from the teacher's encoder.

Two texts can say the same thing in different words, and labelled pairs are too few to teach which words are
similar: most words of an unseen pair have hardly been trained. Single texts do not benefit: what a word says
about the classes is learnt as quickly from zero.
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
from ..vocabulary.tokenizer import is_word
from ..vocabulary.vocabulary import Vocabulary

_WORDS = 30_000  # number of words to initialise, the most frequent first
_FITTED = 8000  # words that the principal directions are fitted to
_LENGTH = 3.0  # length of a rare word's row: that of a trained row
_FREQUENT = 1e-3  # share of all words at which a row has half that length (Arora et al. 2017)
_BATCH_SIZE = 1024  # words per call of the teacher


@dataclass(frozen=True)
class WordInit:
    """Initial rows.

    Attributes:
        rows: int64 (n,), which rows of the table.
        vectors: float32 (n, width), the encoder's vectors of their words, in principal directions, the one
            with the largest variance first.
    """

    rows: NDArray[np.int64]
    vectors: NDArray[np.float32]

    def embeddings(self, dim: int) -> NDArray[np.float32]:
        """The vectors cut to `dim` directions and scaled back to their length, float32 (n, dim)."""
        cut = self.vectors[:, :dim]
        lengths = np.linalg.norm(self.vectors, axis=1) / np.maximum(np.linalg.norm(cut, axis=1), 1e-6)
        return np.pad(cut * lengths[:, None], ((0, 0), (0, dim - cut.shape[1])))


def init_word_rows(
    vocabulary: Vocabulary, teacher: Teacher | FileTeacher | None, progress: Progress = no_progress
) -> WordInit | None:
    """Compute initial rows for the most frequent words of a vocabulary.

    Args:
        vocabulary: The n-gram vocabulary.
        teacher: The teacher.
        progress: Shows the progress.

    Returns:
        The initial rows; None if the teacher has no encoder, or the vocabulary has no strings or no counts.
    """
    teacher = underlying_teacher(teacher)
    ngrams, counts = vocabulary.ngrams, vocabulary.counts
    if not isinstance(teacher, TransformersTeacher) or ngrams is None or counts is None:
        return None
    words = np.array([row for row, ngram in enumerate(ngrams) if is_word(ngram)], np.int64)
    shares = counts[words] / counts[words].sum()
    kept = np.argsort(-shares, kind="stable")[:_WORDS]
    words, shares = words[kept], shares[kept]
    parts = []
    with progress("Encoding the words", len(words), "words") as advance:
        for begin in range(0, len(words), _BATCH_SIZE):
            chosen = words[begin : begin + _BATCH_SIZE]
            parts.append(teacher.read([ngrams[row] for row in chosen]))
            advance(len(chosen))
    vectors = _unit(np.concatenate(parts))
    vectors -= vectors.mean(axis=0)
    directions = np.linalg.svd(vectors[:_FITTED], full_matrices=False)[2]
    lengths = _LENGTH * _FREQUENT / (_FREQUENT + shares)
    return WordInit(words, (_unit(vectors @ directions.T) * lengths[:, None]).astype(np.float32))


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    found: NDArray[np.float32] = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-6)
    return found
