"""Predictions, and the interface of everything that classifies text."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .. import _core
from .._internal.texts import CoreTexts, Texts, check_texts, core_texts
from .._internal.threads import all_threads
from ..errors import InputError
from ..problem import Problem
from .heads import Head

_LONGEST_IN_PLACE = 64  # characters of a class name

#: What a call takes, as transformers' text-classification pipeline: a text, a pair, or several of them.
Inputs: TypeAlias = str | Mapping[str, str] | Sequence[str] | Sequence[Mapping[str, str]]


@dataclass(frozen=True)
class Predictions:
    """The logits of n texts, and what follows from them.

    Attributes:
        logits: float32 (n, classes); for a regression the numbers, float32 (n, 1).
        coverage: float32 (n,), the share of a text's tokens that the vocabulary knows. If it is low, the
            student has not seen such text, and its prediction is a guess.
        problem: What the student says of a text.
    """

    logits: NDArray[np.float32]
    coverage: NDArray[np.float32]
    problem: Problem

    @property
    def probabilities(self) -> NDArray[np.float32]:
        """float32 (n, classes); rows add up to 1, unless the student is multi-label.

        Raises:
            InputError: The student predicts numbers.
        """
        return probabilities(self.logits, self.problem)

    @property
    def answers(self) -> NDArray[np.float32]:
        """What a pipeline returns: probabilities, or the numbers of a regression; float32 (n, classes)."""
        return self.logits if self.problem == "regression" else self.probabilities


def probabilities(logits: NDArray[np.float32], problem: Problem) -> NDArray[np.float32]:
    """Softmax of the rows of logits (n, classes); for multi-label, the sigmoid of each logit.

    Raises:
        InputError: `problem` is a regression, which has no probabilities.
    """
    if problem == "regression":
        raise InputError("The student predicts numbers, which have no probabilities: use predict or score.")
    return _core.probabilities(np.ascontiguousarray(logits, np.float32), problem == "multi_label")


class TextClassifier(ABC):
    """Classifies texts: everything follows from :meth:`score`.

    Attributes:
        classes: The class names; ``("score",)`` for a regression.
        problem: What it says of a text: ``"single_label"`` (softmax), ``"multi_label"`` (sigmoid) or
            ``"regression"`` (a number).
        pair: It compares two texts instead of reading one.
    """

    classes: tuple[str, ...]
    problem: Problem
    pair: bool

    @property
    def heads(self) -> tuple[Head, ...]:
        """What it answers: its only question, which has no name."""
        return (Head("", tuple(self.classes), self.problem),)

    @property
    def multi_label(self) -> bool:
        """Whether a text can have any number of classes."""
        return self.problem == "multi_label"

    @property
    def classes_(self) -> NDArray[Any]:
        """The class names as an array, as in scikit-learn; of dtype object if one is long."""
        # An array of str takes four bytes per character of the longest name for every text that is predicted.
        long = max(map(len, self.classes)) > _LONGEST_IN_PLACE
        return np.array(self.classes, dtype=object if long else None)

    @abstractmethod
    def score(
        self, texts: Texts, text_pair: Texts | None = None, *, threads: int | None = None
    ) -> Predictions:
        """Logits and coverage of n texts."""

    def predict_proba(
        self, texts: Texts, text_pair: Texts | None = None, *, threads: int | None = None
    ) -> NDArray[np.float32]:
        """Class probabilities, float32 (n, classes). See :meth:`score`.

        Raises:
            InputError: As :meth:`score`, or the student predicts numbers.
        """
        return self.score(texts, text_pair, threads=threads).probabilities

    def predict(
        self, texts: Texts, text_pair: Texts | None = None, *, threads: int | None = None
    ) -> NDArray[Any]:
        """Class names (n,); for a regression numbers, float32 (n,).

        For multi-label bool (n, classes), True if the probability is at least 0.5. See :meth:`score`.
        """
        return self.labels_of(self.score(texts, text_pair, threads=threads))

    def labels_of(self, predictions: Predictions) -> NDArray[Any]:
        """What :meth:`predict` gives for texts with these predictions."""
        logits = predictions.logits
        if self.problem == "regression":
            return logits[:, 0]
        return logits >= 0 if self.multi_label else self.classes_[logits.argmax(axis=1)]

    def __call__(
        self, inputs: Inputs, *, top_k: int | None = 1, coverage: bool = False, threads: int | None = None
    ) -> list[Any]:
        """Classify like transformers' ``pipeline("text-classification")``.

        The score of a regression is the number itself.

        Args:
            inputs: A text or several; for pairs, dicts with ``text`` and ``text_pair``.
            top_k: Classes per text, best first; None for all classes.
            coverage: Add the coverage to each dict.
            threads: All cores by default.

        Returns:
            A dict with ``label`` and ``score`` per text; a list of dicts per text if `top_k` is not 1. A
            single text gives a list with one entry.

        Raises:
            InputError: `inputs` are not texts, or are pairs although the student reads single texts, or the
                reverse.
        """
        check_top(top_k)
        predictions = self.score(*text_columns(inputs), threads=threads)
        return self.entries_of(predictions, top_k, coverage=coverage)

    def entries_of(self, predictions: Predictions, top_k: int | None, *, coverage: bool) -> list[Any]:
        """What a call gives for texts with these predictions."""
        answers = [
            [{"label": self.classes[c], "score": row[c]} for c in _best(row, top_k)]
            for row in predictions.answers.tolist()
        ]
        if coverage:
            for answer, known in zip(answers, predictions.coverage.tolist(), strict=True):
                for entry in answer:
                    entry["coverage"] = known
        return answers if top_k != 1 else [answer[0] for answer in answers]


class StudentClassifier(TextClassifier):
    """What all students share, on the processor and on a device."""

    @abstractmethod
    def _score(
        self, texts: CoreTexts, text_pair: CoreTexts | None, threads: int
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Logits (n, classes) and coverage (n,) of n texts, or of n pairs of texts."""

    def score(
        self, texts: Texts, text_pair: Texts | None = None, *, threads: int | None = None
    ) -> Predictions:
        """Logits and coverage of n texts.

        Every str is a text: also an empty one, one without a known n-gram (both get the logits of no n-grams,
        and coverage 0), and one with NUL characters or lone surrogates.

        Args:
            texts: n texts, or the first texts of n pairs.
            text_pair: The second texts, for pairs.
            threads: All cores by default. The result does not depend on it.

        Raises:
            InputError: `texts` are not texts, `text_pair` is missing or given without need, or the student is
                damaged: a score is not finite.
        """
        first, second = sides_of(texts, text_pair, pair=self.pair)
        logits, coverage = self._score(first, second, all_threads(threads))
        if not np.isfinite(logits).all():
            worst = int(np.isfinite(logits).all(axis=1).argmin())
            raise InputError(
                f"The scores of text {worst} are not finite: the student is damaged, copy or save it again."
            )
        return Predictions(logits, coverage, self.problem)


def sides_of(texts: Texts, text_pair: Texts | None, *, pair: bool) -> tuple[CoreTexts, CoreTexts | None]:
    """Texts and second texts as the core reads them, checked.

    Args:
        texts: n texts, or the first texts of n pairs.
        text_pair: The second texts, for pairs.
        pair: The student compares two texts.

    Raises:
        InputError: `texts` are not texts, or `text_pair` is missing or given without need.
    """
    if pair != (text_pair is not None):
        raise InputError(
            "The student compares two texts: pass the second texts as text_pair."
            if pair
            else "The student reads single texts: leave out text_pair."
        )
    first = check_texts(core_texts(texts))
    second = None if text_pair is None else check_texts(core_texts(text_pair))
    if second is not None and len(first) != len(second):
        raise InputError(f"{len(first)} texts were given with {len(second)} second texts: give one per text.")
    return first, second


def check_top(top_k: int | None) -> None:
    """Check the number of classes per text.

    Raises:
        InputError: It is not a whole number, or below 1.
    """
    if top_k is not None and not isinstance(top_k, Integral):
        raise InputError(f"top_k is {top_k!r}: give a whole number, or None for all classes.")
    if top_k is not None and top_k < 1:
        raise InputError(f"top_k is {top_k}: give 1 or more, or None for all classes.")


def _best(scores: list[float], count: int | None) -> list[int]:
    """Indices of the `count` highest scores, best first; equal scores in their order."""
    if count == 1:
        return [scores.index(max(scores))]
    return sorted(range(len(scores)), key=lambda c: -scores[c])[:count]


def text_columns(inputs: Any) -> tuple[Any, Any]:
    """The texts and second texts in the inputs of a pipeline."""
    if isinstance(inputs, str):
        return [inputs], None
    if isinstance(inputs, Mapping) and any(isinstance(value, str) for value in inputs.values()):
        inputs = [inputs]
    elif isinstance(inputs, Mapping) or hasattr(inputs, "columns") or not hasattr(inputs, "__iter__"):
        return inputs, None  # the error is that of other methods
    elif isinstance(inputs, Iterator):
        inputs = list(inputs)
    first = next(iter(inputs), None) if isinstance(inputs, Sequence) else None
    if isinstance(first, Mapping):
        try:
            return [pair["text"] for pair in inputs], [pair["text_pair"] for pair in inputs]
        except (KeyError, TypeError) as error:
            raise InputError('A pair lacks "text" or "text_pair": give a dict with both.') from error
    return inputs, None
