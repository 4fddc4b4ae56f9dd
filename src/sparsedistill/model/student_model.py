"""The state of a student: vocabulary, weights and classes, and the scores that follow from them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._internal.texts import CoreTexts
from ..errors import InputError
from ..problem import SCORE, Problem, check_class_names
from ..vocabulary.vocabulary import Vocabulary
from .compact import CompactWeights
from .ngram_network import NgramNetwork
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
        InputError: The parts do not fit together, or class names cannot be used.
    """

    vocabulary: Vocabulary
    weights: StudentWeights | CompactWeights
    classes: tuple[str, ...]
    problem: Problem = "single_label"
    pair: bool = False
    evaluation: EvaluationRecord = field(default_factory=EvaluationRecord)

    def __post_init__(self) -> None:
        check_class_names(self.classes)
        if len(self.classes) != len(self.weights.output_bias):
            raise InputError(
                f"{len(self.classes)} class names were given for {len(self.weights.output_bias)} outputs: "
                "give one name per output."
            )
        if self.problem == "regression" and tuple(self.classes) != SCORE:
            raise InputError(
                f"A regression has the outputs {', '.join(self.classes)}: name its only output score."
            )
        self._network = NgramNetwork(self.vocabulary, self.weights, self.pair)

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel as the parts: the network is made again from them."""
        parts = (self.vocabulary, self.weights, self.classes, self.problem, self.pair, self.evaluation)
        return type(self), parts

    @property
    def network(self) -> NgramNetwork:
        """Vocabulary and weights."""
        return self._network

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays, the vocabulary's included: the size of ``model.safetensors``."""
        return self._network.nbytes

    def __repr__(self) -> str:
        kind = "pairs of texts" if self.pair else "texts"
        return f"{type(self).__name__}({kind} -> {', '.join(self.classes)}; {self._network.size})"

    def _score(
        self, texts: CoreTexts, text_pair: CoreTexts | None, threads: int
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        return self._network(texts, text_pair, threads)
