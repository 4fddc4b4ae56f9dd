"""Classifiers on the same test texts, and their differences."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._internal.correlation import spearman
from ..data.labelled import Labelled
from ..model.record import Quality
from .metrics import METRICS, Bools, Floats, Labels, decide
from .quality import measure
from .uncertainty import metric_values, standard_error


@dataclass(frozen=True)
class Answers:
    """The answers of one classifier to n test texts.

    Attributes:
        title: The classifier's name in tables.
        decided: Class indices int64 (n,); for multi-label bool (n, classes); numbers of a regression, (n,).
        metric: The metric that classifiers are compared by: ``"accuracy"``, ``"macro_f1"`` or ``"spearman"``.
        quality: Its figures.
        values: Pseudo-values of the metric, float64 (n,). See :mod:`~.uncertainty`.
        right: Texts with the right label, or exactly the right labels, bool (n,); all False for a regression.
        truth: The labels.
    """

    title: str
    decided: NDArray[Any]
    metric: str
    quality: Quality
    values: Floats
    right: Bools
    truth: Labels

    @classmethod
    def of(
        cls,
        title: str,
        logits: NDArray[np.float32],
        test: Labelled,
        texts_per_second: float | None = None,
        threshold: float | None = None,
    ) -> Answers:
        """Measure logits, float32 (n, classes). See :func:`~.quality.measure`."""
        problem = test.problem
        metric = METRICS[problem]
        right = np.zeros(len(test), np.bool_)
        if problem != "regression":
            right = metric_values(logits, test.labels, "accuracy") > 0
        return cls(
            title=title,
            decided=decide(logits, problem),
            metric=metric,
            quality=measure(logits, test.labels, texts_per_second, threshold=threshold),
            values=metric_values(logits, test.labels, metric),
            right=right,
            truth=test.labels,
        )

    @property
    def value(self) -> float:
        """The metric."""
        value: float = getattr(self.quality, self.metric)
        return value

    @property
    def error(self) -> float:
        """Standard error of the metric."""
        return standard_error(self.values)

    def agreement(self, other: Answers) -> float:
        """Share of the texts with the label of `other`; of a regression, Spearman's correlation with it."""
        if self.metric == "spearman":
            return spearman(self.decided, other.decided)
        same = self.decided == other.decided
        return float(same.all(axis=1).mean() if same.ndim == 2 else same.mean())

    def leads(self, other: Answers) -> bool:
        """Whether the metric is better than that of `other` by more than one standard error.

        The error is that of the difference on the same texts.
        """
        return self.value - other.value > standard_error(self.values - other.values)

    def compared(self, teacher: Answers | None, linear: Answers | None) -> Answers:
        """The same with retention, agreement and the share of the teacher's lead that is kept.

        Args:
            teacher: The teacher's answers.
            linear: The linear baseline's answers.
        """
        if teacher is None:
            return self
        kept = None
        if linear is not None and teacher.leads(linear):
            kept = (self.value - linear.value) / (teacher.value - linear.value)
        quality = replace(
            self.quality,
            retention=self.value / teacher.value if teacher.value else None,
            agreement=self.agreement(teacher),
            lead_kept=kept,
        )
        return replace(self, quality=quality)
