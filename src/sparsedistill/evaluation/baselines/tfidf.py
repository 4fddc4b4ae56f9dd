"""TF-IDF of words and word pairs with logistic regression: the linear baseline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..._internal.linear_models import LOGISTIC_STRENGTHS, LinearModel, logistic_regression, rows_within
from ...data.labelled import Labelled
from ...errors import InputError
from ...vocabulary.tokenizer import tokenize
from ..metrics import indicators
from .base import Baseline, Choice, FittedBaseline, NotInstalledError, log, pairs_of, texts_of

#: The error if scikit-learn is missing.
NO_SKLEARN = "scikit-learn is not installed: run pip install 'sparsedistill[train]'."

# Bounds of memory and time. The work of a fit is the number of feature values in the training data times the
# number of classifiers: 1e7 take about 4 s on one core.
_MOST_WEIGHTS = 100_000_000
_MOST_WORK = 400_000_000
_MOST_WORK_TO_CHOOSE = 10_000_000


@dataclass(frozen=True)
class _Features:
    """Makes feature vectors of texts. Those of a pair are products and absolute differences of two vectors.

    Attributes:
        vectorizer: A fitted ``TfidfVectorizer``.
        columns: Features that are used, int64; None for all.
    """

    vectorizer: Any
    columns: NDArray[np.int64] | None = None

    def of(self, labelled: Labelled) -> Any:
        """Sparse rows, float64 (n, features)."""
        from scipy.sparse import hstack

        rows = self.vectorizer.transform(texts_of(labelled))
        if labelled.text_pair is not None:
            second = self.vectorizer.transform(pairs_of(labelled))
            rows = hstack([rows.multiply(second), abs(rows - second)])
        rows = rows.tocsr()
        return rows if self.columns is None else rows[:, self.columns]


def _logits(model: LinearModel, rows: Any, multi_label: bool) -> NDArray[np.float32]:
    """Logits (n, classes) of sparse rows; two classes that exclude each other have a single classifier."""
    scores = model.scores(rows)
    if multi_label:
        return scores
    if scores.shape[1] == 1:
        return np.hstack([np.zeros_like(scores), scores])
    # Their softmax: the probabilities of the classifiers, divided by their sum.
    return log((0.5 + 0.5 * np.tanh(scores / 2)).astype(np.float32))


def tfidf(train: Labelled, choice: Choice) -> FittedBaseline:
    """TF-IDF of words and word pairs with logistic regression, one against the rest.

    The strength of the regularisation is chosen on the validation data, from :data:`LOGISTIC_STRENGTHS`.
    Where the training data are too many for a fit of minutes, the strength is chosen with a random part of
    them; if they are far too many, or there are too many n-grams, the fit uses a part too, and the note says
    so.

    Raises:
        NotInstalledError: scikit-learn is not installed.
        InputError: The training texts have no words.
    """
    features, rows, notes = features_of(train)
    truth = indicators(train.labels, len(train.classes))
    if truth.shape[1] == 2 and train.problem == "single_label":
        truth = truth[:, 1:]
    work, validation = rows.nnz * truth.shape[1], features.of(choice.validation)

    multi_label = train.problem == "multi_label"

    def fitted(strength: float, most: int) -> tuple[LinearModel, int]:
        used = rows_within(len(train), work, most, choice.seed)
        weights = None if train.weights is None else train.weights[used]
        model = logistic_regression(rows[used], truth[used], weights, strength)
        return model, len(used)

    best: tuple[float, float, LinearModel] | None = None
    for strength in LOGISTIC_STRENGTHS:
        model, _ = fitted(strength, _MOST_WORK_TO_CHOOSE)
        logits = _logits(model, validation, multi_label)
        value = choice.value(lambda _: logits)  # noqa: B023 - called at once
        if best is None or value > best[0]:
            best = value, strength, model
    assert best is not None  # noqa: S101 - there are strengths
    _, strength, model = best
    if work > _MOST_WORK_TO_CHOOSE:
        model, used = fitted(strength, _MOST_WORK)
        if used < len(train):
            notes.append(f"trained on {used:,} of {len(train):,} texts, drawn at random")

    def predict(labelled: Labelled) -> NDArray[np.float32]:
        return _logits(model, features.of(labelled), multi_label)

    return FittedBaseline(TFIDF.name, TFIDF.title, predict, {"C": strength}, "; ".join(notes) or None)


TFIDF = Baseline("tfidf", "TF-IDF + LR", tfidf)


def features_of(train: Labelled) -> tuple[_Features, Any, list[str]]:
    """The features of the training data, the rows of the training data, and notes."""
    try:
        from sklearn.feature_extraction.text import TfidfVectorizer
    except ImportError as error:
        raise NotInstalledError(NO_SKLEARN) from error
    vectorizer = TfidfVectorizer(
        ngram_range=(1, 2), sublinear_tf=True, tokenizer=tokenize, token_pattern=None
    )
    features = _Features(vectorizer)
    try:
        if train.text_pair is None:
            rows = vectorizer.fit_transform(texts_of(train)).tocsr()
        else:
            vectorizer.fit(texts_of(train) + pairs_of(train))
            rows = features.of(train)
    except ValueError as error:
        raise InputError("The training texts have no words: give texts with words.") from error
    found, most = rows.shape[1], max(1, _MOST_WEIGHTS // len(train.classes))
    if found <= most:
        return features, rows, []
    frequent = np.argsort(-rows.getnnz(axis=0), kind="stable")[:most]
    features = _Features(vectorizer, np.sort(frequent))
    return features, rows[:, features.columns], [f"with the {most:,} most frequent of {found:,} n-grams"]
