"""A vectorizer of scikit-learn with a logistic regression."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .engine import Engine, Probabilities, Work, two_columns

_C = 10.0  # better on IMDB than the default 1.0, with either vectorizer


class Linear(Engine):
    """A vectorizer and LogisticRegression, trained on the labels.

    Args:
        hashing: HashingVectorizer with n = 1..4; if false, TfidfVectorizer with n = 1..2.
    """

    against = "a Python implementation: n-gram counts, feature weights, and their dot product"
    checked_texts = 200

    def __init__(self, name: str, title: str, work: Work, *, hashing: bool) -> None:
        super().__init__(name, title, work)
        self.hashing = hashing
        vectorizer = (
            "HashingVectorizer, n = 1..4, 2^20 features"
            if hashing
            else "TfidfVectorizer, n = 1..2, sublinear"
        )
        self.note = f"{vectorizer}, LogisticRegression (C = {_C:.0f}), trained on the labels"

    def settings(self) -> dict[str, Any]:
        return {"hashing": self.hashing, "C": _C}

    def prepare(self, folder: Path) -> None:
        import joblib
        from sklearn.feature_extraction.text import HashingVectorizer, TfidfVectorizer
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline

        vectorizer = (
            HashingVectorizer(ngram_range=(1, 4))
            if self.hashing
            else TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
        )
        pipeline = make_pipeline(vectorizer, LogisticRegression(C=_C, max_iter=1000))
        pipeline.fit(*self.work.read("train"))
        joblib.dump(pipeline, folder / "pipeline.joblib")  # scikit-learn's own format; only `open` reads it

    def open(self, threads: int) -> None:  # noqa: ARG002 - prediction has no threads
        import joblib

        self.pipeline = joblib.load(self.folder / "pipeline.joblib")

    def predict(self, inputs: Any) -> Probabilities:
        probabilities: Probabilities = self.pipeline.predict_proba(inputs)
        return probabilities

    def reference(self, inputs: Any) -> Probabilities:
        vectorizer, regression = (step for _, step in self.pipeline.steps)
        analyze = vectorizer.build_analyzer()
        weigh = self._hashed if self.hashing else self._tfidf
        scores = []
        for text in inputs:
            features = weigh(vectorizer, Counter(analyze(text)))
            norm = np.sqrt(sum(value * value for value in features.values())) or 1.0
            total = sum(value * regression.coef_[0, index] for index, value in features.items())
            scores.append(total / norm + regression.intercept_[0])
        return two_columns(1 / (1 + np.exp(-np.array(scores))))

    @staticmethod
    def _tfidf(vectorizer: Any, counts: Counter[str]) -> dict[int, float]:
        known = {ngram: count for ngram, count in counts.items() if ngram in vectorizer.vocabulary_}
        indices = {ngram: vectorizer.vocabulary_[ngram] for ngram in known}
        return {
            indices[ngram]: (1 + np.log(count)) * vectorizer.idf_[indices[ngram]]
            for ngram, count in known.items()
        }

    @staticmethod
    def _hashed(vectorizer: Any, counts: Counter[str]) -> dict[int, float]:
        from sklearn.utils import murmurhash3_32

        features: dict[int, float] = {}
        for ngram, count in counts.items():
            key = murmurhash3_32(ngram, seed=0, positive=False)
            index = abs(key) % vectorizer.n_features
            features[index] = features.get(index, 0.0) + (count if key >= 0 else -count)
        return features

    def files(self) -> Sequence[Path]:
        return [self.folder / "pipeline.joblib"]
