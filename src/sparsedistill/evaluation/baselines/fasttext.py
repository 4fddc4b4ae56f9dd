"""Baselines on the same labels as a student: fastText, and TF-IDF with logistic regression."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..data.labelled import Labelled
from ..errors import InputError
from ..vocabulary.tokenizer import tokenize

#: Settings of a baseline.
Settings: TypeAlias = dict[str, int | float]

#: Scores n labelled texts: logits, float32 (n, classes).
Predictor: TypeAlias = Callable[[Labelled], NDArray[np.float32]]

#: Inverse regularisation strengths to try with TF-IDF.
REGULARISATIONS = (1.0, 4.0, 16.0)
#: Settings to try with fastText.
FASTTEXT_SETTINGS: tuple[Settings, ...] = (
    {"lr": 0.1, "epoch": 25},
    {"lr": 0.5, "epoch": 5},
    {"lr": 0.5, "epoch": 25},
)

#: The error if scikit-learn is missing.
NO_SKLEARN = "scikit-learn is not installed: run pip install 'sparsedistill[report]'."
_NO_FASTTEXT = "fastText is not installed: run pip install 'sparsedistill[report]'."

_PREFIX = "__label__"


@dataclass(frozen=True)
class Baseline:
    """A baseline.

    Attributes:
        name: Its name in file names.
        title: Its name on the page.
        train: Trains one model per setting on training data, and yields the settings with the model. The
            settings that do best on the validation data are used. Raises :class:`~sparsedistill.InputError`
            if a library is not installed.
    """

    name: str
    title: str
    train: Callable[[Labelled], Iterator[tuple[Settings, Predictor]]]


def tfidf(train: Labelled) -> Iterator[tuple[Settings, Predictor]]:
    """TF-IDF of words and word pairs with logistic regression, for each of :data:`REGULARISATIONS`.

    The features of a pair of texts are the products and the absolute differences of their vectors.

    Raises:
        InputError: scikit-learn is not installed.
    """
    try:
        from scipy.sparse import hstack
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import LogisticRegression
    except ImportError as error:
        raise InputError(NO_SKLEARN) from error

    vectorizer = TfidfVectorizer(
        ngram_range=(1, 2), sublinear_tf=True, tokenizer=tokenize, token_pattern=None
    )
    vectorizer.fit(_texts(train) + _pairs(train))

    def features(labelled: Labelled) -> Any:
        first = vectorizer.transform(_texts(labelled))
        if labelled.text_pair is None:
            return first
        second = vectorizer.transform(_pairs(labelled))
        return hstack([first.multiply(second), abs(first - second)]).tocsr()

    inputs = features(train)
    for strength in REGULARISATIONS:
        model = LogisticRegression(C=strength, max_iter=1000).fit(inputs, train.labels)

        def predict(labelled: Labelled, model: Any = model) -> NDArray[np.float32]:
            shares = np.zeros((len(labelled), len(labelled.classes)), np.float32)
            shares[:, model.classes_] = model.predict_proba(features(labelled))
            return _logits(shares)

        yield {"C": strength}, predict


def fasttext(train: Labelled, seed: int = 0) -> Iterator[tuple[Settings, Predictor]]:
    """FastText with words and word pairs on one thread, for each of :data:`FASTTEXT_SETTINGS`.

    A pair of texts is read as one text with ``</s>`` between them.

    Raises:
        InputError: fastText is not installed.
    """
    try:
        import fasttext as library
    except ImportError as error:
        raise InputError(_NO_FASTTEXT) from error

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "train.txt"
        rows = zip(train.labels.tolist(), _lines(train), strict=True)
        file.write_text("".join(f"{_PREFIX}{label} {line}\n" for label, line in rows), encoding="utf-8")
        for settings in FASTTEXT_SETTINGS:
            model = library.train_supervised(
                str(file), wordNgrams=2, bucket=500_000, thread=1, seed=seed, verbose=0, **settings
            )

            def predict(labelled: Labelled, model: Any = model) -> NDArray[np.float32]:
                shares = np.zeros((len(labelled), len(labelled.classes)), np.float32)
                for row, line in enumerate(_lines(labelled)):
                    # The method of the extension module: its Python wrapper fails with NumPy 2.
                    for share, label in model.f.predict(f"{line}\n", -1, 0.0, "strict"):
                        shares[row, int(label.removeprefix(_PREFIX))] = share
                return _logits(shares)

            yield settings, predict


#: All baselines.
BASELINES = (Baseline("tfidf", "TF-IDF + LR", tfidf), Baseline("fasttext", "fastText", fasttext))


def _logits(shares: NDArray[np.float32]) -> NDArray[np.float32]:
    """Log probabilities, which are logits; finite also for a probability of 0."""
    logits: NDArray[np.float32] = np.log(np.maximum(shares, np.finfo(np.float32).tiny))
    return logits


def _texts(labelled: Labelled) -> list[str]:
    return labelled.texts.to_pylist()  # type: ignore[no-any-return]


def _pairs(labelled: Labelled) -> list[str]:
    return [] if labelled.text_pair is None else labelled.text_pair.to_pylist()


def _lines(labelled: Labelled) -> list[str]:
    first = [" ".join(tokenize(text)) for text in _texts(labelled)]
    if labelled.text_pair is None:
        return first
    second = [" ".join(tokenize(text)) for text in _pairs(labelled)]
    return [f"{text} </s> {other}" for text, other in zip(first, second, strict=True)]
