"""The paper's pipeline over the weights of a student: as its released scripts do it, and tidied."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import CountVectorizer

from sparsedistill import Student, Vocabulary
from sparsedistill.student import Network

DEFAULT_RULES = r"(?u)\b\w\w+\b"
OUR_RULES = r"(?u)[^\W_]+|[^\w\s]|_"  # the core's tokens, for text without marks or typographic quotes

MOST_NGRAMS = 2048  # of a text, in the paper's scripts
SENTENCES = 32  # a batch of theirs


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
        weights = {name: torch.from_numpy(array) for name, array in student.network.arrays().items()}
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
    """The same answers by the steps of the paper's released scripts (a fork of fairseq).

    One script vectorises each line and writes the ids of its n-grams as a line of words; the task reads these
    words through a dictionary into a tensor a text; the model looks up a padded batch of them and takes the
    mean under a mask. The files between are left out: what is timed is less than what the scripts do.
    """

    def __init__(self, student: Student, rules: str, ngrams: list[str] | None = None) -> None:
        super().__init__(student, rules, ngrams)
        self.dictionary = {str(feature): feature for feature in range(len(self.table))}

    @torch.inference_mode()
    def __call__(self, texts: Sequence[str]) -> np.ndarray:
        lines = [self._line(text) for text in texts]
        examples = [self._encoded(line) for line in lines]
        return torch.cat([self._answers(batch) for batch in _batches(examples)]).numpy()

    def _line(self, text: str) -> str:
        return " ".join(str(feature) for feature in self.vectorizer.transform([text]).nonzero()[1])

    def _encoded(self, line: str) -> torch.Tensor:
        return torch.tensor([self.dictionary[word] for word in line.split()][:MOST_NGRAMS], dtype=torch.long)

    def _answers(self, batch: list[torch.Tensor]) -> torch.Tensor:
        features = torch.nn.utils.rnn.pad_sequence(batch, batch_first=True)
        lengths = torch.tensor([len(example) for example in batch])
        mask = (torch.arange(features.shape[1]) < lengths[:, None]).unsqueeze(-1)
        embedded = torch.nn.functional.embedding(features, self.table) * mask
        return torch.softmax(self.head(embedded.sum(dim=1) / lengths.clamp(min=1)[:, None]), dim=1)


def _batches(examples: list[torch.Tensor]) -> Iterator[list[torch.Tensor]]:
    for begin in range(0, len(examples), SENTENCES):
        yield examples[begin : begin + SENTENCES]


def make_student(vocabulary: Vocabulary, dim: int) -> Student:
    """A student with drawn weights: its speed does not depend on them."""
    random = np.random.default_rng(0)

    def draw(*shape: int, scale: float) -> np.ndarray:
        drawn = random.standard_normal(shape, np.float32)
        drawn *= np.float32(scale)
        return drawn

    network = Network(
        draw(len(vocabulary), dim, scale=1.0),
        draw(dim, dim, scale=1.0),
        np.zeros(dim, np.float32),
        draw(2, dim, scale=0.1),
        np.zeros(2, np.float32),
    )
    return Student(vocabulary, network, ("0", "1"))
