"""TF-IDF of words and word pairs with logistic regression: the linear baseline."""

from __future__ import annotations

import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..._internal.threads import all_threads
from ...data.labelled import Labelled
from ...errors import InputError
from ...vocabulary.tokenizer import tokenize
from ..metrics import Bools, indicators
from .base import Baseline, Choice, FittedBaseline, NotInstalledError, log, pairs_of, texts_of

#: Inverse regularisation strengths to choose from.
STRENGTHS = (1.0, 4.0, 16.0, 64.0, 256.0)

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


@dataclass(frozen=True)
class _LinearModel:
    """One logistic regression per class; a single one for two classes that exclude each other.

    Attributes:
        weights: float32 (features, classifiers).
        bias: float32 (classifiers,).
        multi_label: The classes do not exclude each other.
    """

    weights: NDArray[np.float32]
    bias: NDArray[np.float32]
    multi_label: bool

    def logits(self, rows: Any) -> NDArray[np.float32]:
        """Logits (n, classes) of sparse rows (n, features)."""
        scores = np.asarray(rows @ self.weights, np.float32) + self.bias
        if self.multi_label:
            return scores
        if scores.shape[1] == 1:
            return np.hstack([np.zeros_like(scores), scores])
        # Their softmax: the probabilities of the classifiers, divided by their sum.
        return log((0.5 + 0.5 * np.tanh(scores / 2)).astype(np.float32))


def tfidf(train: Labelled, choice: Choice) -> FittedBaseline:
    """TF-IDF of words and word pairs with logistic regression, one against the rest.

    The strength of the regularisation is chosen on the validation data, from :data:`STRENGTHS`. Where the
    training data are too many for a fit of minutes, the strength is chosen with a random part of them; if
    they are far too many, or there are too many n-grams, the fit uses a part too, and the note says so.

    Raises:
        NotInstalledError: scikit-learn is not installed.
        InputError: The training texts have no words.
    """
    features, rows, notes = features_of(train)
    truth = indicators(train.labels, len(train.classes))
    if truth.shape[1] == 2 and train.problem == "single_label":
        truth = truth[:, 1:]
    shuffled = np.random.default_rng(choice.seed).permutation(len(train))
    work, validation = rows.nnz * truth.shape[1], features.of(choice.validation)

    def fitted(strength: float, most: int) -> tuple[_LinearModel, int]:
        used = np.arange(len(train))
        if work > most:
            used = np.sort(shuffled[: max(1, len(train) * most // work)])
        weights = None if train.weights is None else train.weights[used]
        threads = all_threads(choice.threads)
        model = _fit(rows[used], truth[used], weights, strength, threads, train.problem == "multi_label")
        return model, len(used)

    best: tuple[float, float, _LinearModel] | None = None
    for strength in STRENGTHS:
        model, _ = fitted(strength, _MOST_WORK_TO_CHOOSE)
        logits = model.logits(validation)
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
        return model.logits(features.of(labelled))

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


def _fit(
    rows: Any,
    truth: Bools,
    weights: NDArray[np.float32] | None,
    strength: float,
    threads: int,
    multi_label: bool,
) -> _LinearModel:
    """Fit one classifier per column of `truth`, bool (n, classifiers)."""
    from sklearn.linear_model import LogisticRegression

    model = _LinearModel(
        np.zeros((rows.shape[1], truth.shape[1]), np.float32),
        np.zeros(truth.shape[1], np.float32),
        multi_label,
    )

    def fit(column: int) -> None:
        labels = truth[:, column]
        share = (labels.sum() + 0.5) / (len(labels) + 1)
        if labels.all() or not labels.any():  # no texts to tell the class from: its share
            model.bias[column] = np.log(share / (1 - share))
            return
        # The dual solver is the fastest here by a factor of 3 to 10, at the same accuracy. Ten passes are as
        # good as a hundred (banking77, TREC, GoEmotions: within 0.3 points), and bound the time.
        machine = LogisticRegression(
            C=strength, solver="liblinear", dual=True, tol=0.1, max_iter=10, random_state=0
        )
        machine.fit(rows, labels, weights)
        model.weights[:, column] = machine.coef_[0]
        model.bias[column] = machine.intercept_[0]

    with warnings.catch_warnings(), ThreadPoolExecutor(threads) as pool:
        warnings.simplefilter("ignore")  # of solutions that are not exact
        for _ in pool.map(fit, range(truth.shape[1])):
            pass
    return model
