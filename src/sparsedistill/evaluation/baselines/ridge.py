"""TF-IDF of words and word pairs with ridge regression: the linear baseline of a regression."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...data.labelled import Labelled
from .base import Baseline, Choice, FittedBaseline, NotInstalledError
from .tfidf import NO_SKLEARN, features_of

#: Regularisation strengths to choose from.
STRENGTHS = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0)

_MOST_WORK = 40_000_000  # feature values in the training data: some minutes on one core


def ridge(train: Labelled, choice: Choice) -> FittedBaseline:
    """TF-IDF of words and word pairs with ridge regression.

    The strength of the regularisation is chosen on the validation data, from :data:`STRENGTHS`. Too many
    training data are reduced to a random part, and the note says so.

    Raises:
        NotInstalledError: scikit-learn is not installed.
        InputError: The training texts have no words.
    """
    try:
        from sklearn.linear_model import Ridge
    except ImportError as error:
        raise NotInstalledError(NO_SKLEARN) from error
    features, rows, notes = features_of(train)
    used = np.arange(len(train))
    if rows.nnz > _MOST_WORK:
        shuffled = np.random.default_rng(choice.seed).permutation(len(train))
        used = np.sort(shuffled[: max(1, len(train) * _MOST_WORK // rows.nnz)])
        notes.append(f"trained on {len(used):,} of {len(train):,} texts, drawn at random")
    validation = features.of(choice.validation)
    weights = None if train.weights is None else train.weights[used]

    def fitted(strength: float) -> Ridge:
        machine = Ridge(alpha=strength, solver="sparse_cg", random_state=0)
        return machine.fit(rows[used], train.labels[used].astype(np.float64), weights)

    def numbers(machine: Ridge, given: object) -> NDArray[np.float32]:
        return machine.predict(given).astype(np.float32)[:, None]  # type: ignore[no-any-return]

    models = {strength: fitted(strength) for strength in STRENGTHS}
    values = {
        strength: choice.value(lambda _, machine=machine: numbers(machine, validation))  # type: ignore[misc]
        for strength, machine in models.items()
    }
    best = max(values, key=lambda strength: values[strength])

    def predict(labelled: Labelled) -> NDArray[np.float32]:
        return numbers(models[best], features.of(labelled))

    return FittedBaseline(RIDGE.name, RIDGE.title, predict, {"alpha": best}, "; ".join(notes) or None)


RIDGE = Baseline("tfidf", "TF-IDF + ridge", ridge)
