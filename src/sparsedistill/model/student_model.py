"""The state of a student: vocabulary, weights and classes, and the scores that follow from them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _core
from .._internal.texts import CoreTexts
from ..errors import InputError
from ..problem import SCORE, Problem
from ..vocabulary.vocabulary import Vocabulary
from .compact import CompactWeights
from .predictions import StudentClassifier
from .record import EvaluationRecord
from .weights import StudentWeights


@dataclass
class StudentModel(StudentClassifier):
    """A text classifier over n-gram embeddings: raw text in, scores out.

    Several threads may use one model at once.

    Args:
        vocabulary: Its n-grams.
        weights: Its weights, trained or compact.
        classes: The class names; ``("score",)`` for a regression.
        problem: What it says of a text: one class, any number of classes, or a number.
        pair: It compares two texts instead of reading one.
        evaluation: What was measured of it.

    Raises:
        InputError: The parts do not fit together.
    """

    vocabulary: Vocabulary
    weights: StudentWeights | CompactWeights
    classes: tuple[str, ...]
    problem: Problem = "single_label"
    pair: bool = False
    evaluation: EvaluationRecord = field(default_factory=EvaluationRecord)

    def __post_init__(self) -> None:
        if len(self.classes) != len(self.weights.output_bias):
            raise InputError(
                f"{len(self.classes)} class names were given for {len(self.weights.output_bias)} outputs: "
                "give one name per output."
            )
        if self.problem == "regression" and tuple(self.classes) != SCORE:
            raise InputError(
                f"A regression has the outputs {', '.join(self.classes)}: name its only output score."
            )
        try:
            self._classifier = self._make_classifier()
        except (TypeError, ValueError) as error:
            raise InputError(f"The student's parts do not fit together ({error}): save it again.") from error

    def _make_classifier(self) -> _core.Classifier | _core.CompactClassifier:
        weights = self.weights
        if isinstance(weights, CompactWeights):
            if weights.pair != self.pair:
                raise ValueError("compact weights have a basis for pairs, and only for pairs")
            return weights.classifier(self.vocabulary.tokenizer, closed=self.vocabulary.closed)
        return _core.Classifier(
            self.vocabulary.core,
            weights.table,
            self.pair,
            weights.hidden_weight,
            weights.hidden_bias,
            weights.output_weight,
            weights.output_bias,
        )

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel as the parts: the core's classifier is made again from them."""
        parts = (self.vocabulary, self.weights, self.classes, self.problem, self.pair, self.evaluation)
        return type(self), parts

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays, the vocabulary's included: the size of ``model.safetensors``."""
        arrays = [*self.vocabulary.arrays().values(), *self.weights.arrays().values()]
        return sum(array.nbytes for array in arrays)

    def __repr__(self) -> str:
        kind = "pairs of texts" if self.pair else "texts"
        size = f"{self.weights.parameters:,} parameters"
        if isinstance(self.weights, CompactWeights):
            size = f"compact, {len(self.vocabulary):,} n-grams"
        return f"{type(self).__name__}({kind} -> {', '.join(self.classes)}; {size})"

    def _score(
        self, texts: CoreTexts, text_pair: CoreTexts | None, threads: int
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        return self._classifier(texts, text_pair, threads)
