"""The pipeline of the paper with the weights of a student: vectorised, and as the released scripts run it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import CountVectorizer

from sparsedistill import Student, Vocabulary

DEFAULT_TOKENS = r"(?u)\b\w\w+\b"  # token_pattern of CountVectorizer
#: The tokens of the core, for text without combining marks or typographic quotes.
CORE_TOKENS = r"(?u)[^\W_]+|[^\w\s]|_"

MAX_NGRAMS = 2048  # per text, in the paper's scripts
BATCH_SIZE = 8  # texts per batch, in the paper's scripts


def findable(vocabulary: Vocabulary, token_pattern: str) -> list[str]:
    """Return the n-grams of a vocabulary that CountVectorizer can find with `token_pattern`."""
    assert vocabulary.ngrams is not None
    analyze = CountVectorizer(ngram_range=(1, 4), token_pattern=token_pattern).build_analyzer()
    return [ngram for ngram in vocabulary.ngrams if ngram in set(analyze(ngram))]


class PaperPipeline:
    """CountVectorizer, EmbeddingBag and an MLP with the weights of a student, without Python loops over rows.

    Args:
        student: A trained student; not compact.
        token_pattern: CountVectorizer's pattern of a token.
        ngrams: The result of :func:`findable` for the student's vocabulary, if known.
    """

    def __init__(self, student: Student, token_pattern: str, ngrams: list[str] | None = None) -> None:
        known = findable(student.vocabulary, token_pattern) if ngrams is None else ngrams
        self.vectorizer = CountVectorizer(
            ngram_range=(1, 4), token_pattern=token_pattern, vocabulary=known, binary=True
        )
        weights = {name: torch.from_numpy(array) for name, array in student.weights.arrays().items()}
        rows = student.vocabulary.rows_of(known)
        all_rows = len(rows) == len(student.vocabulary) and bool((rows == np.arange(len(rows))).all())
        self.table = weights["table"] if all_rows else weights["table"][torch.from_numpy(rows)]
        self.bag = torch.nn.EmbeddingBag.from_pretrained(self.table, mode="mean")
        dim, hidden = weights["hidden.weight"].shape[::-1]
        self.head = torch.nn.Sequential(
            torch.nn.Linear(dim, hidden), torch.nn.Tanh(), torch.nn.Linear(hidden, len(student.classes))
        )
        self.head.load_state_dict(
            {"0.weight": weights["hidden.weight"], "0.bias": weights["hidden.bias"]}
            | {"2.weight": weights["output.weight"], "2.bias": weights["output.bias"]}
        )

    @torch.inference_mode()
    def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return probabilities, (n, classes)."""
        counts: csr_matrix = self.vectorizer.transform(texts)
        rows, offsets = torch.from_numpy(counts.indices).long(), torch.from_numpy(counts.indptr[:-1]).long()
        pooled = self.bag(rows, offsets)
        return _array(torch.softmax(self.head(pooled), dim=1))


class ScriptPipeline(PaperPipeline):
    """The same computation by the steps of the paper's released script for raw text (a fork of fairseq).

    The script vectorises the file, asks the matrix of each row for the count of each n-gram, and writes the
    ids of the n-grams as a line of words, each as often as it occurs. A dictionary then reads the words one
    by one into a tensor, and the model looks up padded batches of eight, sums the rows and divides by their
    number. Two things differ here: an n-gram counts once, as in the student that the weights are from, and
    nothing runs on a GPU.
    """

    def __init__(self, student: Student, token_pattern: str, ngrams: list[str] | None = None) -> None:
        super().__init__(student, token_pattern, ngrams)
        self.dictionary = {str(feature): feature for feature in range(len(self.table))}

    @torch.inference_mode()
    def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return probabilities, (n, classes)."""
        lines = self._lines(self.vectorizer.transform(texts))
        batches = (lines[begin : begin + BATCH_SIZE] for begin in range(0, len(lines), BATCH_SIZE))
        return _array(torch.cat([self._scores([self._encode(line) for line in batch]) for batch in batches]))

    @staticmethod
    def _lines(counts: csr_matrix) -> list[str]:
        lines = []
        for number in range(counts.shape[0]):
            row = counts.getrow(number).sorted_indices()
            words = [str(feature) for feature in row.indices for _ in range(row[0, feature])]
            lines.append(" ".join(words))
        return lines

    def _encode(self, line: str) -> torch.Tensor:
        words = line.split()
        ids = torch.empty(len(words), dtype=torch.int32)
        for position, word in enumerate(words):
            ids[position] = self.dictionary[word]
        return ids.long()[:MAX_NGRAMS]

    def _scores(self, batch: list[torch.Tensor]) -> torch.Tensor:
        features = torch.nn.utils.rnn.pad_sequence(batch, batch_first=True)
        lengths = torch.tensor([len(example) for example in batch])
        embedded = torch.nn.functional.embedding(features, self.table)
        # The scripts' table has a row of zeros for padding.
        embedded[torch.arange(features.shape[1]) >= lengths[:, None]] = 0
        return torch.softmax(self.head(embedded.sum(dim=1) / lengths.clamp(min=1)[:, None]), dim=1)


def _array(tensor: torch.Tensor) -> NDArray[np.float32]:
    array: NDArray[np.float32] = tensor.numpy()
    return array
