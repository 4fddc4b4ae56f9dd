"""The paper's pipeline over the weights of a student: as its released scripts do it, and tidied."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import CountVectorizer

from sparsedistill import Student, Vocabulary

DEFAULT_RULES = r"(?u)\b\w\w+\b"
OUR_RULES = r"(?u)[^\W_]+|[^\w\s]|_"  # the core's tokens, for text without marks or typographic quotes

MOST_NGRAMS = 2048  # of a text, in the paper's scripts
SENTENCES = 8  # a batch of theirs


def findable(vocabulary: Vocabulary, rules: str) -> list[str]:
    """The n-grams of a vocabulary that CountVectorizer can find with `rules` for tokens."""
    assert vocabulary.ngrams is not None
    analyze = CountVectorizer(ngram_range=(1, 4), token_pattern=rules).build_analyzer()
    return [ngram for ngram in vocabulary.ngrams if ngram in set(analyze(ngram))]


class PaperPipeline:
    """CountVectorizer, EmbeddingBag and an MLP over the weights of a student; nothing per row in Python.

    Args:
        student: Whose weights it takes.
        rules: CountVectorizer's pattern of a token.
        ngrams: What :func:`findable` says of the student's vocabulary, where that is known already.
    """

    def __init__(self, student: Student, rules: str, ngrams: list[str] | None = None) -> None:
        known = findable(student.vocabulary, rules) if ngrams is None else ngrams
        self.vectorizer = CountVectorizer(
            ngram_range=(1, 4), token_pattern=rules, vocabulary=known, binary=True
        )
        weights = {name: torch.from_numpy(array) for name, array in student.weights.arrays().items()}
        rows = student.vocabulary.rows_of(known)
        whole = len(rows) == len(student.vocabulary) and bool((rows == np.arange(len(rows))).all())
        self.table = weights["table"] if whole else weights["table"][torch.from_numpy(rows)]
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
    def __call__(self, texts: Sequence[str]) -> np.ndarray:
        found: csr_matrix = self.vectorizer.transform(texts)
        rows, offsets = torch.from_numpy(found.indices).long(), torch.from_numpy(found.indptr[:-1]).long()
        pooled = self.bag(rows, offsets)
        return torch.softmax(self.head(pooled), dim=1).numpy()


class ScriptPipeline(PaperPipeline):
    """The same answers by the steps of the paper's released script for raw text (a fork of fairseq).

    The script vectorises the file, asks the matrix of each row for each n-gram's count, and writes the ids of
    the n-grams as a line of words, each as often as it occurs; a dictionary reads the words one by one into a
    tensor; the model looks up padded batches of eight, adds the rows up and divides by their number. Here
    n-grams count once, as in the student whose weights these are; and nothing goes to a GPU.
    """

    def __init__(self, student: Student, rules: str, ngrams: list[str] | None = None) -> None:
        super().__init__(student, rules, ngrams)
        self.dictionary = {str(feature): feature for feature in range(len(self.table))}

    @torch.inference_mode()
    def __call__(self, texts: Sequence[str]) -> np.ndarray:
        lines = self._lines(self.vectorizer.transform(texts))
        batches = (lines[begin : begin + SENTENCES] for begin in range(0, len(lines), SENTENCES))
        return torch.cat(
            [self._answers([self._encoded(line) for line in batch]) for batch in batches]
        ).numpy()

    @staticmethod
    def _lines(found: csr_matrix) -> list[str]:
        lines = []
        for number in range(found.shape[0]):
            row = found.getrow(number).sorted_indices()
            words = [str(feature) for feature in row.indices for _ in range(row[0, feature])]
            lines.append(" ".join(words))
        return lines

    def _encoded(self, line: str) -> torch.Tensor:
        words = line.split()
        ids = torch.empty(len(words), dtype=torch.int32)
        for place, word in enumerate(words):
            ids[place] = self.dictionary[word]
        return ids.long()[:MOST_NGRAMS]

    def _answers(self, batch: list[torch.Tensor]) -> torch.Tensor:
        features = torch.nn.utils.rnn.pad_sequence(batch, batch_first=True)
        lengths = torch.tensor([len(example) for example in batch])
        embedded = torch.nn.functional.embedding(features, self.table)
        embedded[torch.arange(features.shape[1]) >= lengths[:, None]] = (
            0  # their table has a row of zeros for it
        )
        return torch.softmax(self.head(embedded.sum(dim=1) / lengths.clamp(min=1)[:, None]), dim=1)
