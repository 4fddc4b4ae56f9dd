"""A linear model on the n-grams that a student pools: logistic or ridge regression.

A network that learns from few labels gives each n-gram the same step, however rare it is. A linear model with
inverse document frequencies does not, and has an optimum. On held-out questions of TREC, the network is right
in 80 %, the linear model in 87 %.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from .._internal.linear_models import LinearModel, logistic_regression, ridge_regression
from .._internal.texts import Texts
from ..data.examples import Examples
from ..problem import Problem
from ..vocabulary.vocabulary import Vocabulary
from .folding import fold_characters


@dataclass(frozen=True)
class LinearFit:
    """How a linear model is fitted.

    Attributes:
        problem: What it says of a text.
        classes: Number of classes.
        class_weights: The weight of each class, as in training.
    """

    problem: Problem
    classes: int
    class_weights: tuple[float, ...] | None = None

    @property
    def columns(self) -> int:
        """Classifiers: one per class, but a single one for two classes that exclude each other."""
        return 1 if self.problem == "single_label" and self.classes == 2 else self.classes

    def outputs(self) -> NDArray[np.float32]:
        """How logits follow from the scores of the classifiers, float32 (columns, classes)."""
        if self.columns == self.classes:
            return np.eye(self.classes, dtype=np.float32)
        return np.array([[-0.5, 0.5]], np.float32)

    def fit(self, features: Any, examples: Examples, strength: float) -> LinearModel:
        """Fit labels.

        Args:
            features: :func:`ngram_features` of the texts.
            examples: The texts and their labels.
            strength: Strength of the regularisation, for features of length 1; of logistic regression its
                inverse. See :mod:`sparsedistill._internal.linear_models`.
        """
        scales = _scales(features)
        rows = features.multiply(scales).tocsr()
        if self.problem == "regression":
            model = ridge_regression(rows, examples.targets, examples.weights, strength)
        else:
            truth = self._truth(examples.targets)
            weights = self.weights(examples)
            model = logistic_regression(rows, truth, weights, strength)
        return LinearModel((model.weights * scales[:, None]).astype(np.float32), model.bias)

    def weights(self, examples: Examples) -> NDArray[np.float32]:
        """The weights of the examples with those of their classes: (n,), for multi-label (n, classes)."""
        if self.class_weights is None or self.problem == "regression":
            return examples.weights
        by_class = np.asarray(self.class_weights, np.float32)
        if self.problem == "multi_label":
            found: NDArray[np.float32] = np.where(examples.targets > 0.5, by_class, 1).astype(np.float32)
            return found * examples.weights[:, None]
        return by_class[examples.targets] * examples.weights

    def _truth(self, targets: NDArray[Any]) -> NDArray[np.bool_]:
        if self.problem == "multi_label":
            return targets > 0.5
        truth: NDArray[np.bool_] = targets[:, None] == np.arange(self.classes)
        return truth[:, 1:] if self.columns == 1 else truth


def ngram_features(
    vocabulary: Vocabulary, texts: Texts, most: int | None = None, threads: int | None = None
) -> Any | None:
    """What a network pools of each text: features times its table is the mean that its head reads.

    Args:
        vocabulary: The n-grams. A word counts as itself and as its character n-grams, divided by the square
            root of their number.
        texts: n texts.
        most: Maximum number of values.
        threads: Threads for the extraction; None for all cores.

    Returns:
        Sparse rows, float32 (n, n-grams); None if there are more than `most` values.
    """
    from scipy.sparse import csr_matrix, diags

    found = vocabulary.extract(texts, None, threads=threads)
    values = len(found.rows)
    spelt = vocabulary.tokenizer.max_characters > 0
    if spelt:
        values += int(np.diff(found.character_offsets)[found.words].sum())
    if most is not None and values > most:
        return None

    def bags(rows: NDArray[Any], offsets: NDArray[Any], width: int) -> Any:
        shape = len(offsets) - 1, width
        return csr_matrix((np.ones(len(rows), np.float32), rows, offsets), shape=shape)

    features = bags(found.rows, found.offsets, len(vocabulary))
    if spelt:
        lengths = np.diff(found.character_offsets)
        characters = bags(found.characters, found.character_offsets, len(vocabulary))
        characters = diags((1 / np.sqrt(np.maximum(lengths, 1))).astype(np.float32)) @ characters
        features = features + bags(found.words, found.word_offsets, len(lengths)) @ characters
    counts = found.counts if spelt else np.diff(found.offsets)
    features = diags((1 / np.maximum(counts, 1)).astype(np.float32)) @ features
    features = features.tocsr()
    features.sum_duplicates()
    return features


def served_columns(model: LinearModel, vocabulary: Vocabulary) -> NDArray[np.float32]:
    """The weights of a model as columns of a student's table, with the characters folded into their words."""
    return fold_characters(torch.from_numpy(model.weights), vocabulary).numpy()


def _scales(features: Any) -> NDArray[np.float32]:
    """Inverse document frequencies, divided by the mean length of the texts' features with them."""
    texts = features.getnnz(axis=0)
    rarity = np.log((1 + features.shape[0]) / (1 + texts)) + 1
    squares = np.asarray(features.power(2).mean(axis=0)).ravel()
    length = float(np.sqrt(squares @ rarity**2))
    scales: NDArray[np.float32] = (rarity / max(length, 1e-12)).astype(np.float32)
    return scales
