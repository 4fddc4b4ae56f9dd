"""What texts are answered with, and the usual shapes of it: the same for all that scores texts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .. import _core
from .._internal.texts import CoreTexts, Texts, all_threads, check_texts, core_texts
from ..errors import InputError

#: What a call takes: as transformers' text-classification pipeline, one text or one pair or several.
Inputs: TypeAlias = str | Mapping[str, str] | Sequence[str] | Sequence[Mapping[str, str]]


@dataclass(frozen=True)
class Predictions:
    """Answers for n texts.

    Attributes:
        logits: float32 (n, classes).
        coverage: float32 (n,), the share of a text's tokens (and character n-grams, where the student reads
            them) that the vocabulary knows. A low one says that the student has not seen such text: its
            answer is a guess.
        multi_label: The classes do not exclude each other.
    """

    logits: NDArray[np.float32]
    coverage: NDArray[np.float32]
    multi_label: bool

    @property
    def probabilities(self) -> NDArray[np.float32]:
        """float32 (n, classes); rows add up to 1 unless the classes do not exclude each other."""
        return probabilities(self.logits, multi_label=self.multi_label)


def probabilities(logits: NDArray[np.float32], *, multi_label: bool) -> NDArray[np.float32]:
    """Softmax of the rows of (n, classes) logits; the sigmoid of each where labels are not exclusive."""
    return _core.probabilities(np.ascontiguousarray(logits, np.float32), multi_label)


class TextClassifier(ABC):
    """Answers texts by scores; what else it says of them follows from those.

    Attributes:
        classes: The names of the classes.
        multi_label: The classes do not exclude each other (sigmoid instead of softmax).
        pair: It compares two texts instead of reading one.
    """

    classes: tuple[str, ...]
    multi_label: bool
    pair: bool

    @property
    def classes_(self) -> NDArray[np.str_]:
        """The class names as scikit-learn has them."""
        return np.array(self.classes)

    @abstractmethod
    def score(
        self, texts: Texts, text_pair: Texts | None = None, *, threads: int | None = None
    ) -> Predictions:
        """Logits and coverage of n texts, from which all other answers follow."""

    def predict_proba(
        self, texts: Texts, text_pair: Texts | None = None, *, threads: int | None = None
    ) -> NDArray[np.float32]:
        """Probabilities of the classes, float32 (n, classes). See :meth:`score`."""
        return self.score(texts, text_pair, threads=threads).probabilities

    def predict(
        self, texts: Texts, text_pair: Texts | None = None, *, threads: int | None = None
    ) -> NDArray[Any]:
        """Class names (n,); for multi-label students bool (n, classes), True from 0.5 on.

        See :meth:`score`.
        """
        logits = self.score(texts, text_pair, threads=threads).logits
        return logits >= 0 if self.multi_label else self.classes_[logits.argmax(axis=1)]

    def __call__(
        self, inputs: Inputs, *, top_k: int | None = 1, coverage: bool = False, threads: int | None = None
    ) -> list[Any]:
        """Answer like transformers' ``pipeline("text-classification")``.

        Args:
            inputs: One text or several; for pairs, dicts with ``text`` and ``text_pair``.
            top_k: Answers a text, best first; None for all classes.
            coverage: Add the coverage to each answer.
            threads: All cores by default.

        Returns:
            A dict with ``label`` and ``score`` for each text; a list of them for each where `top_k` is
            not 1. One text is answered as a list of one.

        Raises:
            InputError: `inputs` are no texts, or pairs where texts are wanted or the reverse.
        """
        single = isinstance(inputs, str | Mapping)
        predictions = self.score(*_columns([inputs] if single else inputs), threads=threads)  # type: ignore[arg-type]
        answers = [
            [{"label": self.classes[c], "score": row[c]} for c in _best(row, top_k)]
            for row in predictions.probabilities.tolist()
        ]
        if coverage:
            for answer, known in zip(answers, predictions.coverage.tolist(), strict=True):
                for entry in answer:
                    entry["coverage"] = known
        return answers if top_k != 1 else [answer[0] for answer in answers]


class StudentClassifier(TextClassifier):
    """The answers of a student, wherever its table is."""

    @abstractmethod
    def _score(
        self, texts: CoreTexts, text_pair: CoreTexts | None, threads: int
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Logits (n, classes) and coverage (n,) of n texts, or of n pairs of texts."""

    def score(
        self, texts: Texts, text_pair: Texts | None = None, *, threads: int | None = None
    ) -> Predictions:
        """Logits and coverage of n texts, from which all other answers follow.

        Any str is a text: empty ones, ones without a known n-gram (both get the answer for no
        n-grams, and coverage 0), and ones with NUL characters or lone surrogates.

        Args:
            texts: n texts, or the first texts of n pairs.
            text_pair: The second ones.
            threads: All cores by default. The answers do not depend on it.

        Raises:
            InputError: `texts` are no texts, or a pair is wanted or not wanted.
        """
        if self.pair != (text_pair is not None):
            raise InputError(
                "The student compares two texts: pass the second ones as text_pair."
                if self.pair
                else "The student reads single texts: leave out text_pair."
            )
        first = check_texts(core_texts(texts))
        second = None if text_pair is None else check_texts(core_texts(text_pair))
        if second is not None and len(first) != len(second):
            raise InputError(f"{len(first)} texts came with {len(second)} second ones: each needs one.")
        logits, coverage = self._score(first, second, all_threads(threads))
        return Predictions(logits, coverage, self.multi_label)


def _best(scores: list[float], count: int | None) -> list[int]:
    """Indices of the `count` highest scores, best first; the first of equal ones before the others."""
    if count == 1:
        return [scores.index(max(scores))]
    return sorted(range(len(scores)), key=lambda c: -scores[c])[:count]


def _columns(inputs: Sequence[Any]) -> tuple[Any, Any]:
    """Texts and second texts of what a pipeline takes."""
    if len(inputs) and isinstance(inputs[0], Mapping):
        try:
            return [pair["text"] for pair in inputs], [pair["text_pair"] for pair in inputs]
        except (KeyError, TypeError) as error:
            raise InputError('A pair is a dict with "text" and "text_pair": complete it.') from error
    return inputs, None
