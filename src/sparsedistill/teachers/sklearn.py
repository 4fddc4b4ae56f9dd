"""A fitted estimator or pipeline of scikit-learn as a teacher."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError, first_line
from ..problem import SCORE
from .base import Fingerprint, ScoreFormat, TeacherLike
from .callable import code_hash
from .scores import as_logits, check_format, checked


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
        """Return a hash of its settings and of what it was fitted to; equal estimators have equal ones."""
        digest = hashlib.blake2b(digest_size=16)
        hash_state(self._estimator, digest, set())
        state = digest.hexdigest()
        return {"kind": "sklearn", "name": self.name, "multi_label": self.multi_label, "state": state}


def from_estimator(given: TeacherLike, scores: ScoreFormat) -> SklearnTeacher | None:
    """Return the teacher of an estimator of scikit-learn, or one that follows its protocol; else None.

    Raises:
        InputError: It cannot score texts; see :class:`SklearnTeacher`.
    """
    if isinstance(given, type) or not hasattr(given, "__sklearn_tags__"):
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
    settings = estimator.get_params().items()
    pairwise = any(key.endswith("decision_function_shape") and value == "ovo" for key, value in settings)
    if pairwise and not hasattr(estimator, "predict_proba"):
        raise InputError(f"{name} compares classes in pairs: set its decision_function_shape to 'ovr'.")
    for method in ("predict_proba", "decision_function"):
        if hasattr(estimator, method):
            return classes, method
    raise InputError(f"{name} has neither predict_proba nor decision_function: use a classifier with one.")


def hash_state(value: Any, digest: hashlib.blake2b, within: set[int]) -> None:
    """Hash what an object consists of. Parts that are shared count as copies, so that copies are equal.

    Args:
        value: The object.
        digest: Receives its parts.
        within: Identities of the objects that `value` is a part of, to end at a circle.
    """
    if value is None or isinstance(value, bool | int | float | complex | str | bytes | np.generic):
        digest.update(f"{type(value).__name__} {value!r};".encode(errors="surrogatepass"))
        return
    digest.update(f"{type(value).__qualname__}(".encode())
    if id(value) in within:
        return
    within = within | {id(value)}
    for part in _parts(value, digest):
        hash_state(part, digest, within)
    digest.update(b")")


def _parts(value: Any, digest: hashlib.blake2b) -> Iterable[Any]:
    """The parts of an object; what is not one of them goes to `digest`."""
    if isinstance(value, np.ndarray) and value.dtype != object:
        digest.update(f"{value.dtype.str} {value.shape}".encode() + value.tobytes())
        return ()
    if isinstance(value, dict):
        return [part for key in sorted(value, key=repr) for part in (key, value[key])]
    if isinstance(value, set | frozenset):
        return sorted(value, key=repr)
    if isinstance(value, list | tuple):
        return value
    if isinstance(value, type) or (callable(value) and hasattr(value, "__qualname__")):
        digest.update(f"{value.__module__}.{value.__qualname__} {code_hash(value)}".encode())
        return ()
    reduced = value.__reduce_ex__(2)  # what copies of it are made from
    return reduced[:3] if isinstance(reduced, tuple) else (reduced,)
