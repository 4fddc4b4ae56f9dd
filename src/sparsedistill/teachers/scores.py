"""Checks of scores, and probabilities as logits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError, first_line
from ..problem import SCORE, check_class_names
from .base import Teacher

#: Probabilities are clipped to this distance from 0 and 1, so that their logits are finite.
SMALLEST_PROBABILITY = 1e-7


class ScoreSource(Protocol):
    """What the checks need to know of a teacher, which may have no ``score``."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in the order of the scores."""
        ...

    @property
    def multi_label(self) -> bool:
        """Whether a text may have several classes."""
        ...

    @property
    def name(self) -> str:
        """Name for messages."""
        ...


def check_format(classes: Sequence[str], outputs: str) -> None:
    """Check the settings of a teacher whose scores are given.

    Raises:
        InputError: `classes` are fewer than two or not distinct, and not the output of a regression; or
            `outputs` is unknown, or probabilities of a regression.
    """
    regression = tuple(classes) == SCORE
    if not regression and (len(classes) < 2 or len(set(classes)) < len(classes)):
        raise InputError(
            f"The classes are {list(classes)}: give two or more distinct names, or ['score'] for a "
            "number per text."
        )
    check_class_names(classes)
    if outputs not in ("logits", "probabilities"):
        raise InputError(f"outputs is {outputs!r}: it must be 'logits' or 'probabilities'.")
    if regression and outputs == "probabilities":
        raise InputError(
            "A regression has no probabilities: leave out outputs, numbers are used as they are."
        )


def teacher_scores(
    teacher: Teacher, texts: Sequence[str], text_pair: Sequence[str] | None = None
) -> NDArray[np.float32]:
    """The checked scores of a teacher, float32 (n, classes).

    Raises:
        InputError: As :func:`checked`; or the teacher calls ``sys.exit``, or fails with an OSError, such as a
            dropped connection.
    """
    try:
        scores = teacher.score(texts, text_pair)
    except SystemExit as error:
        raise InputError(
            f"{teacher.name} called sys.exit({error.code!r}) instead of returning scores: raise an "
            "exception there."
        ) from error
    except OSError as error:
        reason = first_line(error) or "no reason was given"
        raise InputError(
            f"{teacher.name} failed with {type(error).__name__} ({reason}): solve that and run it again."
        ) from error
    return checked(scores, len(texts), teacher)


def checked(scores: ArrayLike, rows: int, teacher: ScoreSource) -> NDArray[np.float32]:
    """Return `scores` as float32 (rows, classes). Those of a regression may have the shape (rows,).

    Raises:
        InputError: They are not numbers, have another shape, or are not finite.
    """
    if hasattr(scores, "detach"):  # a tensor of torch, on any device and of any precision
        scores = scores.detach().cpu().float()
    try:
        array = np.asarray(scores, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"{teacher.name} did not return an array of numbers: return an array of shape (texts, classes)."
        ) from error
    if array.shape == (rows,) and len(teacher.classes) == 1:
        array = array[:, None]
    if array.shape != (rows, len(teacher.classes)):
        raise InputError(
            f"{teacher.name} returned scores of shape {array.shape} for {rows} texts and "
            f"{len(teacher.classes)} classes: return one row per text and one column per class."
        )
    if not np.isfinite(array).all():
        row = int(np.flatnonzero(~np.isfinite(array).all(axis=1))[0])
        raise InputError(
            f"{teacher.name} returned scores that are not finite (text {row} of {rows}): fix the teacher, or "
            "turn off half precision."
        )
    return array


def as_logits(scores: NDArray[np.float32], outputs: str, teacher: ScoreSource) -> NDArray[np.float32]:
    """Return checked scores as logits, float32 (n, classes).

    Logits are returned unchanged. A probability p becomes log p; for multi-label, log(p / (1 - p)).

    Raises:
        InputError: `outputs` is ``"probabilities"``, and `scores` are outside of 0 to 1 or, unless
            multi-label, do not sum to 1.
    """
    if outputs == "logits":
        return scores
    if scores.size and (scores.min() < -1e-4 or scores.max() > 1 + 1e-4):
        worst = scores.min() if scores.min() < 0 else scores.max()
        raise InputError(
            f"{teacher.name} returned a probability of {worst:g}: return numbers from 0 to 1, or set outputs "
            "to logits."
        )
    if not teacher.multi_label and np.abs(scores.sum(axis=1) - 1).max(initial=0) > 0.02:
        row = int(np.abs(scores.sum(axis=1) - 1).argmax())
        raise InputError(
            f"{teacher.name} returned probabilities that sum to {scores[row].sum():g}: make them sum to 1, "
            "or set multi_label if a text may have several classes."
        )
    clipped = np.clip(scores.astype(np.float64), SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY)
    logits = np.log(clipped) - (np.log1p(-clipped) if teacher.multi_label else 0)
    return logits.astype(np.float32)
