"""A function as a teacher."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Sequence
from types import CodeType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError
from .base import Fingerprint, ScoreFormat, TeacherLike
from .scores import as_logits, check_format, checked


class CallableTeacher:
    """A function from texts to scores.

    Args:
        function: ``function(texts)``, or ``function(texts, text_pair)`` for pairs, with lists of n strings.
            Returns an array (n, classes), or for a regression (n,).
        classes: Names of the classes; ``("score",)`` for a regression.
        multi_label: Whether a text may have several classes.
        outputs: What `function` returns: ``"logits"`` or ``"probabilities"``.
        name: Name for messages and manifests; by default the qualified name of the function. Change it if
            the function changes in a way that its code does not show (a model it loads, a prompt).

    Raises:
        InputError: There are fewer than two classes, or `outputs` is unknown.
    """

    def __init__(
        self,
        function: Callable[..., ArrayLike],
        classes: Sequence[str],
        multi_label: bool = False,
        outputs: str = "logits",
        name: str | None = None,
    ) -> None:
        check_format(classes, outputs)
        self.classes = tuple(classes)
        self.multi_label = multi_label
        self.name = name or _qualified_name(function)
        self._function = function
        self._outputs = outputs

    def score(self, texts: Sequence[str], text_pair: Sequence[str] | None = None) -> NDArray[np.float32]:
        """Return logits, float32 (n, classes), of n texts or pairs of texts.

        Raises:
            InputError: The function returns another shape, numbers that are not finite, or invalid
                probabilities.
        """
        arguments = [list(texts)] if text_pair is None else [list(texts), list(text_pair)]
        scores = checked(self._function(*arguments), len(texts), self)
        return as_logits(scores, self._outputs, self)

    def fingerprint(self) -> Fingerprint:
        """Return the name and a hash of the byte code, which depends on the version of Python."""
        return {
            "kind": "callable",
            "name": self.name,
            "code": code_hash(self._function),
            "outputs": self._outputs,
        }


def from_function(given: TeacherLike, scores: ScoreFormat) -> CallableTeacher | None:
    """Return the teacher of a function; None if `given` is not callable.

    Raises:
        InputError: `scores` has no classes.
    """
    if not callable(given):
        return None
    if scores.classes is None:
        raise InputError(
            f"{_qualified_name(given)} has no classes: give their names, in the order of its scores."
        )
    return CallableTeacher(given, scores.classes, scores.multi_label, scores.outputs)


def _qualified_name(function: Callable[..., Any]) -> str:
    while isinstance(function, functools.partial):
        function = function.func
    named = function if hasattr(function, "__qualname__") else type(function)
    return f"{named.__module__}.{named.__qualname__}"


def code_hash(function: Callable[..., Any]) -> str | None:
    """A hash of the byte code of a function; None if it is not written in Python."""
    while isinstance(function, functools.partial):
        function = function.func
    code = getattr(function, "__code__", None) or getattr(type(function).__call__, "__code__", None)
    return hashlib.blake2b(_code_bytes(code), digest_size=16).hexdigest() if code is not None else None


def _code_bytes(code: CodeType) -> bytes:
    """The code as bytes that are equal for equal source in every process."""
    return b"\0".join([code.co_code, *map(_constant_bytes, code.co_consts), *map(str.encode, code.co_names)])


def _constant_bytes(constant: Any) -> bytes:
    if isinstance(constant, CodeType):
        return _code_bytes(constant)
    if isinstance(constant, frozenset):  # its order differs from one process to the next
        return repr(sorted(map(repr, constant))).encode()
    return repr(constant).encode()
