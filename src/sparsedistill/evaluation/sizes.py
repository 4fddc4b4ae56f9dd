"""Compact students of several sizes: what fewer n-grams cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from time import process_time
from typing import Any

from .._internal.progress import Progress, no_progress
from ..data.labelled import Labelled
from ..errors import InputError
from ..model.predictions import Predictions
from ..student import Student
from .metrics import METRICS, metric_value

#: Shares of the n-grams that are tried.
SHARES = (1.0, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01)

_MIN_SECONDS = 0.2  # of processor time that a student is timed for


@dataclass(frozen=True)
class SizedStudent:
    """A compact student with some of the n-grams, measured on labelled texts.

    Attributes:
        student: The compact student.
        value: Its accuracy; for several labels per text macro F1, for numbers Spearman's correlation.
        lost: By how much that is below the trained student's; negative if it is above.
        texts_per_second: Texts per second of processor time, on one thread.
    """

    student: Student
    value: float
    lost: float
    texts_per_second: float

    @property
    def rows(self) -> int:
        """Number of n-grams."""
        return len(self.student.vocabulary)


def size_curve(
    student: Student,
    labelled: Labelled,
    shares: Sequence[float] = SHARES,
    *,
    progress: Progress = no_progress,
    **options: Any,
) -> list[SizedStudent]:
    """Compress a student with shares of its n-grams, from all to few.

    Args:
        student: A trained student.
        labelled: Some thousand labelled texts that it was not trained on. Half of them, without their labels,
            fit the compact forms.
        shares: Shares of the n-grams to keep, above 0.
        progress: Receives the progress.
        options: Further arguments of :meth:`Student.compress`.

    Raises:
        InputError: As :meth:`Student.compress`, or the labels are not of the student's classes.
    """
    if labelled.classes != student.classes:
        raise InputError(
            "The labelled texts have other classes than the student: read them with its classes."
        )
    metric, found = METRICS[student.problem], []
    whole = metric_value(student.score(labelled.texts, labelled.text_pair).logits, labelled.labels, metric)
    with progress("Compressing", len(shares), "sizes") as advance:
        for share in shares:
            rows = max(1, round(share * len(student.vocabulary)))
            compact = student.compress(labelled.texts, labelled.text_pair, rows=rows, **options)
            answers, speed = _timed(compact, labelled)
            value = metric_value(answers.logits, labelled.labels, metric)
            found.append(SizedStudent(compact, value, whole - value, speed))
            advance()
    return found


def smallest_within(found: Sequence[SizedStudent], loss: float) -> SizedStudent:
    """The smallest student that loses at most `loss`.

    Raises:
        InputError: None is that good.
    """
    within = [one for one in found if one.lost <= loss]
    if not within:
        least = min(one.lost for one in found)
        raise InputError(
            f"Every size loses more than {100 * loss:g} points, at least {100 * least:.2f}: allow more."
        )
    return min(within, key=lambda one: one.rows)


def _timed(student: Student, labelled: Labelled) -> tuple[Predictions, float]:
    """The answers, and texts per second of processor time: other work on the machine does not count."""
    begin, calls = process_time(), 0
    while True:
        answers = student.score(labelled.texts, labelled.text_pair, threads=1)
        calls += 1
        if (took := process_time() - begin) >= _MIN_SECONDS:
            return answers, calls * len(labelled) / took
