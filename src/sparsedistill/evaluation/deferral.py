"""What is gained where a teacher answers the texts that its student is least sure of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..model.predictions import probabilities
from ..model.record import DeferralRecord

_MARKS = (0.0, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0)  # shares that a table tells of

Decisions = NDArray[np.bool_]


def confidence(shares: NDArray[np.float32], *, multi_label: bool) -> NDArray[np.float64]:
    """How sure answers are, (n,), from probabilities (n, classes).

    That is the probability of the label; where several apply, that of the least certain yes or no.
    """
    wide = shares.astype(np.float64)
    sure: NDArray[np.float64] = np.maximum(wide, 1 - wide).min(axis=1) if multi_label else wide.max(axis=1)
    return sure


@dataclass(frozen=True)
class DeferralCurve:
    """Quality against the share of the texts that goes to the teacher.

    A point defers all texts below its threshold of confidence; the first defers none, the last one all.

    Attributes:
        texts: How many texts it was measured on.
        metric: ``"accuracy"``, for multi-label ``"macro_f1"``; ``"agreement"`` with the teacher where there
            were no labels.
        thresholds: (points,), rising.
        shares: (points,), of the texts that are deferred.
        values: (points,), the metric of student and teacher together.
        agreement: (points,), share of the texts that get the teacher's label.
        both_right: (points,), share of the texts that the two together and the teacher alone get right; None
            where the metric is not a mean over texts (macro F1).
    """

    texts: int
    metric: str
    thresholds: NDArray[np.float64]
    shares: NDArray[np.float64]
    values: NDArray[np.float64]
    agreement: NDArray[np.float64]
    both_right: NDArray[np.float64] | None

    @classmethod
    def of(
        cls,
        student: NDArray[np.float32],
        teacher: NDArray[np.float32],
        labels: NDArray[Any] | None,
        *,
        multi_label: bool,
    ) -> DeferralCurve:
        """Measure all thresholds at once.

        Args:
            student: Its logits, (n, classes).
            teacher: Its logits, (n, classes).
            labels: Class indices (n,), or 0 and 1 (n, classes) for multi-label; None to measure the
                agreement with the teacher.
            multi_label: The classes do not exclude each other.

        Raises:
            InputError: There are no texts, or sizes differ.
        """
        if not len(student) or student.shape != teacher.shape:
            raise InputError(
                f"The student's answers are {student.shape} and the teacher's {teacher.shape}: "
                "give one a text and class of both, and at least one text."
            )
        sure = confidence(probabilities(student, multi_label=multi_label), multi_label=multi_label)
        order = np.argsort(sure, kind="stable")
        sure, ours, theirs = (
            sure[order],
            _decided(student[order], multi_label),
            _decided(teacher[order], multi_label),
        )
        same = _metric(ours, theirs, theirs, by_class=False)
        metric, values, both = "agreement", same, None
        if labels is not None:
            right = labels.astype(bool) if multi_label else np.eye(student.shape[1], dtype=bool)[labels]
            right = right[order]
            metric = "macro_f1" if multi_label else "accuracy"
            values = _metric(ours, theirs, right, by_class=multi_label)
        if metric != "macro_f1":
            truth = theirs if labels is None else right
            known = (theirs == truth).all(axis=1)
            both = _moving((ours == truth).all(axis=1) & known, known) / len(sure)
        # Texts of equal confidence go together.
        apart = np.flatnonzero(np.diff(sure, prepend=-np.inf, append=np.inf) > 0)
        between = (sure[apart[1:-1] - 1] + sure[apart[1:-1]]) / 2
        return cls(
            texts=len(sure),
            metric=metric,
            thresholds=np.concatenate([[0.0], between, [np.nextafter(sure[-1], np.inf)]]),
            shares=apart / len(sure),
            values=values[apart],
            agreement=same[apart],
            both_right=None if both is None else both[apart],
        )

    @property
    def retention(self) -> NDArray[np.float64]:
        """(points,), the metric in parts of the teacher's."""
        retention: NDArray[np.float64] = self.values / (self.values[-1] or 1.0)
        return retention

    def for_retention(self, target: float) -> int:
        """The point with the fewest teacher calls that keeps so much of the teacher's metric.

        What it has over the target is at least its own standard error (of a paired difference), for a
        threshold that only just reached it here would miss it on every other set of texts. Macro F1 is
        taken as it was measured.

        Raises:
            InputError: `target` is not above 0, or is more than any point has.
        """
        if not target > 0:
            raise InputError(f"A retention of {target} is no target: give a number above 0, as 0.995.")
        over = self.values - target * self.values[-1]
        enough = np.flatnonzero(over >= self._standard_error(target) - 1e-12)
        if not len(enough):
            raise InputError(
                f"A retention of {target:g} is out of reach: student and teacher come to "
                f"{self.retention.max():.4f} together. Give a lower one, or more than {self.texts:,} texts."
            )
        return int(enough[0])

    def for_calls(self, budget: float) -> int:
        """The best point that defers no more than this share of the texts; of equal ones the first.

        Agreement rises with each call, so that without labels the budget is spent.

        Raises:
            InputError: `budget` is not from 0 to 1.
        """
        if not 0 <= budget <= 1:
            raise InputError(f"{budget} of the texts is no budget of calls: give a share from 0 to 1.")
        within = self.values[self.shares <= budget]
        return int(within.argmax() if self.metric != "agreement" else len(within) - 1)

    def _standard_error(self, target: float) -> NDArray[np.float64] | float:
        """Of the mean over the texts of ``right together - target * teacher right``, (points,)."""
        if self.both_right is None:
            return 0.0
        teacher = self.values[-1]
        squares = self.values - 2 * target * self.both_right + target**2 * teacher
        variance = squares - (self.values - target * teacher) ** 2
        error: NDArray[np.float64] = np.sqrt(np.maximum(variance, 0) / self.texts)
        return error

    def at(self, threshold: float) -> int:
        """The point that defers what `threshold` does on these texts."""
        return int(np.searchsorted(self.thresholds, threshold, side="right") - 1)

    def point(self, i: int) -> dict[str, float]:
        """What there is to say of a point, for JSON."""
        return {
            "deferred": float(self.shares[i]),
            "threshold": float(self.thresholds[i]),
            self.metric: float(self.values[i]),
            "retention": float(self.retention[i]),
            "agreement": float(self.agreement[i]),
        }

    def marks(self) -> list[int]:
        """Points that tell the curve: those at round shares."""
        return sorted({int(np.searchsorted(self.shares, share, side="right") - 1) for share in _MARKS})

    def record(self, chosen: int | None = None) -> DeferralRecord:
        """The points at round shares, and `chosen`, the point that a cascade uses."""
        points = [self.point(i) for i in self.marks()]
        return DeferralRecord(self.texts, self.metric, points, None if chosen is None else self.point(chosen))


def _decided(logits: NDArray[np.float32], multi_label: bool) -> Decisions:
    """Whether each class is given, bool (n, classes)."""
    if multi_label:
        return logits >= 0
    chosen: Decisions = np.eye(logits.shape[1], dtype=bool)[logits.argmax(axis=1)]
    return chosen


def _metric(ours: Decisions, theirs: Decisions, right: Decisions, *, by_class: bool) -> NDArray[np.float64]:
    """The metric where the first 0, 1, ... n texts are `theirs`, (n + 1,): macro F1, or else accuracy."""
    if not by_class:
        hits = _moving((ours == right).all(axis=1), (theirs == right).all(axis=1))
        share: NDArray[np.float64] = hits / len(right)
        return share
    both = _moving(ours & right, theirs & right)
    either = _moving(ours, theirs) + right.sum(axis=0)
    mean: NDArray[np.float64] = (2 * both / np.maximum(either, 1)).mean(axis=1)
    return mean


def _moving(ours: Decisions, theirs: Decisions) -> NDArray[np.int64]:
    """Sums over the texts where the first 0, 1, ... n are `theirs`, (n + 1, ...)."""
    gained = np.cumsum(theirs.astype(np.int64) - ours, axis=0)
    moved: NDArray[np.int64] = ours.sum(axis=0) + np.concatenate([np.zeros_like(gained[:1]), gained])
    return moved
