"""A vocabulary with weights, as the core runs them: raw text in, outputs out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _core
from .._internal.texts import CoreTexts
from ..errors import InputError
from ..vocabulary.vocabulary import Vocabulary
from .compact import CompactWeights
from .weights import StudentWeights


@dataclass(frozen=True, eq=False)
class NgramNetwork:
    """The network of a student. Several threads may use one network at once.

    Attributes:
        vocabulary: Its n-grams.
        weights: Its weights, trained or compact.
        pair: It compares two texts instead of reading one.

    Raises:
        InputError: The parts do not fit together.
    """

    vocabulary: Vocabulary
    weights: StudentWeights | CompactWeights
    pair: bool

    def __post_init__(self) -> None:
        try:
            object.__setattr__(self, "_classifier", self._make_classifier())
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
        return type(self), (self.vocabulary, self.weights, self.pair)

    def __call__(
        self, texts: CoreTexts, text_pair: CoreTexts | None, threads: int
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Outputs, float32 (n, outputs), and coverage, float32 (n,), of n texts or pairs of texts."""
        classifier: _core.Classifier | _core.CompactClassifier = self._classifier  # type: ignore[attr-defined]
        return classifier(texts, text_pair, threads)

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays, the vocabulary's included: the size of ``model.safetensors``."""
        arrays = [*self.vocabulary.arrays().values(), *self.weights.arrays().values()]
        return sum(array.nbytes for array in arrays)

    @property
    def size(self) -> str:
        """Its size in words."""
        if isinstance(self.weights, CompactWeights):
            return f"compact, {len(self.vocabulary):,} n-grams"
        return f"{self.weights.parameters:,} parameters"
