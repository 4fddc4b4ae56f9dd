"""Deferral: quality if the teacher scores the texts that its student is least confident about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..model.predictions import probabilities
from ..model.record import DeferralRecord
from ..problem import Problem
from .metrics import Bools, Floats, decide, indicators, mean_f1

_ROUND_SHARES = (0.0, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0)


def confidence(predicted: NDArray[np.float32], problem: Problem) -> Floats:
    """Confidence of predictions, float64 (n,), from probabilities (n, classes).

    Single-label: the probability of the predicted label. Multi-label: the probability of the least certain
    of the per-class decisions.
    """
    wide = predicted.astype(np.float64)
    sure: Floats = np.maximum(wide, 1 - wide).min(axis=1) if problem == "multi_label" else wide.max(axis=1)
    return sure


def certainty(logits: NDArray[np.float32], problem: Problem, decision: float | None = None) -> Floats:
    """How sure a student is of its answers, float64 (n,).

    Args:
        logits: float32 (n, classes).
        problem: What the student says of a text.
        decision: For a regression, the number that texts are told apart by.

    Returns:
        The :func:`confidence`; for a regression, the distance of its numbers from `decision`.

    Raises:
        InputError: A regression has no `decision`, or classes have one.
    """
    if (problem == "regression") != (decision is not None):
        raise InputError(
            "The student predicts numbers: give the number that texts are told apart by."
            if decision is None
            else "The student predicts classes and a number to tell texts apart by was given: leave it out."
        )
    if decision is None:
        return confidence(probabilities(logits, problem), problem)
    distance: Floats = np.abs(logits[:, 0].astype(np.float64) - decision)
    return distance


@dataclass(frozen=True)
class DeferralCurve:
    """Quality against the share of texts that are deferred to the teacher.

    A point defers all texts below its confidence threshold. The first point defers none, the last one all.
    A regression is measured as the decision whether a number is at least `decision`, and its confidence is
    the distance from there.

    Attributes:
        texts: Number of texts that the curve was measured on.
        metric: ``"accuracy"``, or ``"macro_f1"`` for multi-label; ``"agreement"`` with the teacher if there
            were no labels.
        thresholds: Confidence thresholds (points,), ascending.
        shares: Share of the texts that are deferred, (points,).
        values: The metric of student and teacher together, (points,).
        agreement: Share of the texts with the teacher's label, (points,).
        both_right: Share of the texts that both the combination and the teacher alone get right, (points,);
            None if the metric is not a mean over texts (macro F1).
        decision: The number that the texts of a regression are told apart by.
    """

    texts: int
    metric: str
    thresholds: Floats
    shares: Floats
    values: Floats
    agreement: Floats
    both_right: Floats | None
    decision: float | None = None

    @classmethod
    def of(
        cls,
        student: NDArray[np.float32],
        teacher: NDArray[np.float32],
        labels: NDArray[Any] | None,
        *,
        problem: Problem,
        decision: float | None = None,
    ) -> DeferralCurve:
        """Measure all thresholds at once.

        Args:
            student: The student's logits, float32 (n, classes).
            teacher: The teacher's logits, float32 (n, classes).
            labels: Class indices (n,), 0 and 1 (n, classes) for multi-label, or numbers (n,); None to measure
                agreement with the teacher.
            problem: What the student says of a text.
            decision: For a regression, the number that texts are told apart by.

        Raises:
            InputError: There are no texts, the shapes differ, or as :func:`certainty`.
        """
        if not len(student) or student.shape != teacher.shape:
            raise InputError(
                f"The student's logits have shape {student.shape} and the teacher's {teacher.shape}: both "
                "need one row per text, one column per class, and at least one text."
            )
        sure = certainty(student, problem, decision)
        order = np.argsort(sure, kind="stable")
        sure, classes = sure[order], student.shape[1]
        ours, theirs = (_chosen(logits[order], problem, decision) for logits in (student, teacher))
        same = _running_accuracy(ours, theirs, theirs)
        metric, truth, values = "agreement", theirs, same
        if labels is not None:
            metric = "macro_f1" if problem == "multi_label" else "accuracy"
            truth = indicators(labels, classes) if decision is None else (labels >= decision)[:, None]
            truth = truth[order]
            running = _running_macro_f1 if problem == "multi_label" else _running_accuracy
            values = running(ours, theirs, truth)
        both = None
        if metric != "macro_f1":
            right = (theirs == truth).all(axis=1)
            both = _running_sums((ours == truth).all(axis=1) & right, right) / len(sure)
        # Texts of equal confidence are deferred together.
        starts = np.flatnonzero(np.diff(sure, prepend=-np.inf, append=np.inf) > 0)
        between = (sure[starts[1:-1] - 1] + sure[starts[1:-1]]) / 2
        return cls(
            texts=len(sure),
            metric=metric,
            thresholds=np.concatenate([[0.0], between, [np.nextafter(sure[-1], np.inf)]]),
            shares=starts / len(sure),
            values=values[starts],
            agreement=same[starts],
            both_right=None if both is None else both[starts],
            decision=decision,
        )

    @property
    def retention(self) -> Floats:
        """The metric divided by the teacher's, (points,)."""
        retention: Floats = self.values / (self.values[-1] or 1.0)
        return retention

    def for_retention(self, target: float) -> int:
        """Index of the point with the fewest teacher calls that retains `target` of the teacher's metric.

        The point exceeds the target by at least one standard error (of a paired difference): a threshold
        that only just reaches the target on these texts would miss it on every other set of texts. Macro F1
        is compared without this margin.

        Raises:
            InputError: `target` is not above 0, or no point reaches it.
        """
        if not target > 0:
            raise InputError(f"The target retention is {target}: give a number above 0, such as 0.995.")
        over = self.values - target * self.values[-1]
        enough = np.flatnonzero(over >= self._standard_error(target) - 1e-12)
        if not len(enough):
            raise InputError(
                f"A retention of {target:g} cannot be reached: student and teacher together reach "
                f"{self.retention.max():.4f}. Give a lower target, or more than {self.texts:,} texts."
            )
        return int(enough[0])

    def for_calls(self, budget: float) -> int:
        """Index of the best point that defers at most `budget` of the texts; the first of equal ones.

        Without labels it is the last such point: agreement with the teacher never falls with another call.

        Raises:
            InputError: `budget` is not from 0 to 1.
        """
        if not 0 <= budget <= 1:
            raise InputError(f"The budget of teacher calls is {budget}: give a share of texts from 0 to 1.")
        within = self.values[self.shares <= budget]
        return int(within.argmax() if self.metric != "agreement" else len(within) - 1)

    def _standard_error(self, target: float) -> Floats | float:
        """Of the mean over the texts of ``right together - target * teacher right``, (points,)."""
        if self.both_right is None:
            return 0.0
        teacher = self.values[-1]
        squares = self.values - 2 * target * self.both_right + target**2 * teacher
        variance = squares - (self.values - target * teacher) ** 2
        error: Floats = np.sqrt(np.maximum(variance, 0) / self.texts)
        return error

    def at(self, threshold: float) -> int:
        """Index of the point that defers the same of these texts as `threshold`."""
        return int(np.searchsorted(self.thresholds, threshold, side="right") - 1)

    def point(self, i: int) -> dict[str, float]:
        """The figures of point `i`, for JSON."""
        return {
            "deferred": float(self.shares[i]),
            "threshold": float(self.thresholds[i]),
            self.metric: float(self.values[i]),
            "retention": float(self.retention[i]),
            "agreement": float(self.agreement[i]),
        }

    def marks(self) -> list[int]:
        """Indices of the points at round shares of deferred texts (0, 1 %, 2 %, ... 100 %), for tables."""
        return sorted({int(np.searchsorted(self.shares, share, side="right") - 1) for share in _ROUND_SHARES})

    def record(self, chosen: int | None = None) -> DeferralRecord:
        """The points at round shares, and the point `chosen` that a cascade uses."""
        points = [self.point(i) for i in self.marks()]
        return DeferralRecord(self.texts, self.metric, points, None if chosen is None else self.point(chosen))


def _chosen(logits: NDArray[np.float32], problem: Problem, decision: float | None) -> Bools:
    """What is decided for each text, bool (n, classes); (n, 1) for a regression."""
    if decision is not None:
        return logits >= decision
    return indicators(decide(logits, problem), logits.shape[1])


# Below, n texts are sorted by the student's confidence. Entry i of a result, (n + 1, ...), is for the first i
# texts labelled by the teacher and the others by the student.


def _running_accuracy(ours: Bools, theirs: Bools, truth: Bools) -> Floats:
    hits = _running_sums((ours == truth).all(axis=1), (theirs == truth).all(axis=1))
    share: Floats = hits / len(truth)
    return share


def _running_macro_f1(ours: Bools, theirs: Bools, truth: Bools) -> Floats:
    hits = _running_sums(ours & truth, theirs & truth)
    return mean_f1(hits, _running_sums(ours, theirs) + truth.sum(axis=0))


def _running_sums(ours: Bools, theirs: Bools) -> NDArray[np.int64]:
    """Sums over the texts, (n + 1, ...)."""
    gained = np.cumsum(theirs.astype(np.int64) - ours, axis=0)
    sums: NDArray[np.int64] = ours.sum(axis=0) + np.concatenate([np.zeros_like(gained[:1]), gained])
    return sums
