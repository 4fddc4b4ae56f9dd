"""A fitted estimator or pipeline of scikit-learn as a teacher."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, first_line
from ..problem import SCORE
from .base import Fingerprint, ScoreFormat, TeacherLike
from .scores import as_logits, check_format, checked

#: Texts whose scores stand for the estimator in a fingerprint.
_PROBES = (
    "",
    "a",
    "good",
    "not good at all",
    "13 lazy dogs and a quick fox",
    "où est la gare ?",
)


class SklearnTeacher:
    """A fitted estimator that takes texts: usually a pipeline that begins with a vectorizer.

    A classifier scores with ``predict_proba`` if it has it, else with ``decision_function``; a regressor is a
    teacher of numbers.

    Args:
        estimator: The classifier or regressor. It is passed in memory: pickled files are not loaded.
        multi_label: Its classes do not exclude each other: it was fitted on an indicator matrix.
        name: Name for messages and manifests; by default that of its class.

    Attributes:
        classes: Names of the classes, from ``classes_``; ``("score",)`` for a regressor.
        multi_label: Whether a text may have several classes.
        name: `name`.

    Raises:
        InputError: `estimator` is not fitted, or is a classifier without scores or with fewer than two
            classes.
    """

    def __init__(self, estimator: Any, multi_label: bool = False, name: str | None = None) -> None:
        self.name = name or type(estimator).__name__
        self.multi_label = multi_label
        self._estimator = estimator
        self.classes, self._method = _read(estimator, self.name)
        self._outputs = "probabilities" if self._method == "predict_proba" else "logits"
        check_format(self.classes, self._outputs)

    def score(self, texts: Sequence[str], text_pair: Sequence[str] | None = None) -> NDArray[np.float32]:
        """Return logits, float32 (n, classes), of n texts.

        Raises:
            InputError: There are pairs, or the estimator does not take texts or gives unusable scores.
        """
        if text_pair is not None:
            raise InputError(f"{self.name} scores single texts: use a function as the teacher of pairs.")
        try:
            scores = np.asarray(getattr(self._estimator, self._method)(list(texts)))
        except (ValueError, TypeError) as error:
            raise InputError(
                f"{self.name} does not score texts ({first_line(error)}): give a pipeline that begins with a "
                "vectorizer."
            ) from error
        if scores.ndim == 1 and len(self.classes) == 2:  # the margin of the second class
            scores = np.stack([np.zeros_like(scores), scores], axis=1)
        return as_logits(checked(scores, len(texts), self), self._outputs, self)

    def fingerprint(self) -> Fingerprint:
        """Return its name and classes, and a hash of its scores of some short texts."""
        scores = self.score(_PROBES).astype("<f4").tobytes()
        return {
            "kind": "sklearn",
            "name": self.name,
            "classes": list(self.classes),
            "scores": hashlib.blake2b(scores, digest_size=16).hexdigest(),
        }


def from_estimator(given: TeacherLike, scores: ScoreFormat) -> SklearnTeacher | None:
    """Return the teacher of an estimator, which has ``fit`` and ``predict``; None for anything else.

    Raises:
        InputError: It cannot score texts; see :class:`SklearnTeacher`.
    """
    if not (hasattr(given, "fit") and hasattr(given, "predict")):
        return None
    return SklearnTeacher(given, scores.multi_label)


def _read(estimator: Any, name: str) -> tuple[tuple[str, ...], str]:
    """Names of the classes, and the method that scores."""
    from sklearn.base import is_regressor

    if is_regressor(estimator):
        return SCORE, "predict"
    try:
        classes = tuple(str(label) for label in np.asarray(estimator.classes_).tolist())
    except AttributeError:
        raise InputError(f"{name} has no classes_: fit it to labelled texts first.") from None
    for method in ("predict_proba", "decision_function"):
        if hasattr(estimator, method):
            return classes, method
    raise InputError(f"{name} has neither predict_proba nor decision_function: use a classifier with one.")
