"""What a student has to beat on the same labels: fastText, and TF-IDF with logistic regression."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data.labelled import Labelled
from ..errors import InputError
from ..vocabulary.tokenizer import tokenize

#: The settings that are tried; what does best on the validation data is taken.
REGULARISATIONS = (1.0, 4.0, 16.0)
FASTTEXT_SETTINGS = ({"lr": 0.1, "epoch": 25}, {"lr": 0.5, "epoch": 5}, {"lr": 0.5, "epoch": 25})

_PREFIX = "__label__"

#: Scores of n labelled texts, float32 (n, classes).
Predictor = Callable[[Labelled], NDArray[np.float32]]


def tfidf(train: Labelled) -> Iterator[tuple[dict[str, Any], Predictor]]:
    """TF-IDF of words and pairs of words, and logistic regression, with each regularisation.

    Pairs of texts are compared by the products and the differences of their vectors.

    Raises:
        InputError: scikit-learn is not installed.
    """
    try:
        from scipy.sparse import hstack
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import LogisticRegression
    except ImportError as error:
        raise InputError("scikit-learn is not installed: pip install 'sparsedistill[report]'.") from error

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

    seen = features(train)
    for strength in REGULARISATIONS:
        model = LogisticRegression(C=strength, max_iter=1000).fit(seen, train.labels)

        def predict(labelled: Labelled, model: Any = model) -> NDArray[np.float32]:
            shares = np.zeros((len(labelled), len(labelled.classes)), np.float32)
            shares[:, model.classes_] = model.predict_proba(features(labelled))
            return np.log(np.maximum(shares, np.finfo(np.float32).tiny))

        yield {"C": strength}, predict


def fasttext(train: Labelled, seed: int = 0) -> Iterator[tuple[dict[str, Any], Predictor]]:
    """FastText with words and pairs of words, with each of its settings; on one thread.

    Pairs of texts are read as one text, with a mark between them.

    Raises:
        InputError: fastText is not installed.
    """
    try:
        import fasttext as library
    except ImportError as error:
        raise InputError("fastText is not installed: pip install 'sparsedistill[report]'.") from error

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
                    # The core's own method: the one around it fails with NumPy 2.
                    for share, label in model.f.predict(f"{line}\n", -1, 0.0, "strict"):
                        shares[row, int(label.removeprefix(_PREFIX))] = share
                return np.log(np.maximum(shares, np.finfo(np.float32).tiny))

            yield settings, predict


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
