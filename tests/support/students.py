"""Students whose answers can be told from the text."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sparsedistill import CountingConfig, MultiHeadStudent, Student, TokenizerConfig, Vocabulary
from sparsedistill.model.heads import Head
from sparsedistill.model.weights import StudentWeights
from sparsedistill.problem import Problem


def good_or_bad(classes: tuple[str, str] = ("good", "bad"), problem: Problem = "single_label") -> Student:
    """Tells texts with the word good from those with the word bad; others are half and half."""
    vocabulary = Vocabulary.from_ngrams(["good", "bad"], TokenizerConfig(1))
    one, zero = np.eye(2, dtype=np.float32), np.zeros(2, np.float32)
    return Student(vocabulary, StudentWeights(3 * one, one, zero, 4 * one, zero), classes, problem)


#: The questions of :func:`three_questions`.
QUESTIONS = (
    Head("edu", ("score",), "regression"),
    Head("toxicity", ("ok", "very bad", "score"), "single_label"),
    Head("topic", ("science", "computer science"), "multi_label"),
)


def three_questions() -> MultiHeadStudent:
    """Answers by the words good and bad: a number, one class of three, and any of two classes.

    good: 2.985, ok, science. bad: 0, very bad, computer science. Both: 2.715, ok or very bad, both. Other
    texts: 0, score, and neither.
    """
    vocabulary = Vocabulary.from_ngrams(["good", "bad"], TokenizerConfig(1))
    one, zero = np.eye(2, dtype=np.float32), np.zeros(2, np.float32)
    output = np.array([[3, 0], [8, 0], [0, 8], [0, 0], [8, 0], [0, 8]], np.float32)
    bias = np.array([0, 0, 0, 4, -4, -4], np.float32)
    return MultiHeadStudent(vocabulary, StudentWeights(3 * one, one, zero, output, bias), QUESTIONS)


def rating(words: Sequence[str]) -> Student:
    """Gives a text of one word a number: the higher, the later the word comes in `words`. Others have 0."""
    vocabulary = Vocabulary.from_ngrams(list(words), TokenizerConfig(1))
    one, zero = np.ones((1, 1), np.float32), np.zeros(1, np.float32)
    table = np.linspace(0.01, 1, len(words), dtype=np.float32)[:, None]
    return Student(vocabulary, StudentWeights(table, one, zero, 5 * one, zero), ("score",), "regression")


def uneven(texts: list[str], *, characters: int = 0, pair: bool = False) -> Student:
    """A student in which few n-grams have large rows, as in trained ones."""
    vocabulary = Vocabulary.build(
        texts, TokenizerConfig(3, False, 2, characters), CountingConfig(min_count=2)
    )
    random = np.random.default_rng(5)
    sizes = random.exponential(size=(len(vocabulary), 1)) ** 4
    table = random.standard_normal((len(vocabulary), 4)) * sizes
    width = 23 if pair else 4
    head = [random.standard_normal(shape) for shape in ((8, width), (8,), (2, 8), (2,))]
    arrays = [array.astype(np.float32) for array in (table, *head)]
    return Student(vocabulary, StudentWeights(*arrays), ("a", "b"), pair=pair)
