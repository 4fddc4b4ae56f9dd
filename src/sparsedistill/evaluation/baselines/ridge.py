"""TF-IDF of words and word pairs with ridge regression: the linear baseline of a regression."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..._internal.linear_models import RIDGE_STRENGTHS, LinearModel, ridge_regression, rows_within
from ...data.labelled import Labelled
from .base import Baseline, Choice, FittedBaseline
from .tfidf import features_of

_MOST_WORK = 40_000_000  # feature values in the training data: some minutes on one core


def ridge(train: Labelled, choice: Choice) -> FittedBaseline:
    """TF-IDF of words and word pairs with ridge regression.

    The strength of the regularisation is chosen on the validation data, from :data:`RIDGE_STRENGTHS`. Too
    many training data are reduced to a random part, and the note says so.

    Raises:
        NotInstalledError: scikit-learn is not installed.
        InputError: The training texts have no words.
    """
    features, rows, notes = features_of(train)
    used = rows_within(len(train), rows.nnz, _MOST_WORK, choice.seed)
    if len(used) < len(train):
        notes.append(f"trained on {len(used):,} of {len(train):,} texts, drawn at random")
    validation = features.of(choice.validation)
    weights = None if train.weights is None else train.weights[used]

    def fitted(strength: float) -> LinearModel:
        return ridge_regression(rows[used], train.labels[used], weights, strength)

    models = {strength: fitted(strength) for strength in RIDGE_STRENGTHS}
    values = {
        strength: choice.value(lambda _, model=model: model.scores(validation))  # type: ignore[misc]
        for strength, model in models.items()
    }
    best = max(values, key=lambda strength: values[strength])

    def predict(labelled: Labelled) -> NDArray[np.float32]:
        return models[best].scores(features.of(labelled))

    return FittedBaseline(RIDGE.name, RIDGE.title, predict, {"alpha": best}, "; ".join(notes) or None)


RIDGE = Baseline("tfidf", "TF-IDF + ridge", ridge)
