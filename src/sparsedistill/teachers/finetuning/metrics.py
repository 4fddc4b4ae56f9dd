"""What the validation texts say of a teacher."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..._internal.correlation import spearman
from ...problem import Problem, problem_of_labels
from .texts import Labels


@dataclass(frozen=True)
class ValidationFigures:
    """Metrics of a model on validation texts; None if it has none of that kind.

    Attributes:
        loss: Mean cross-entropy in nats: of a text, or for multi-label of a text's yes or no to a class; for
            a regression, the mean squared error.
        accuracy: Share of texts with the right label; for multi-label, with exactly the right labels.
        macro_f1: Mean of F1 over the classes; F1 of a class that neither occurs nor is predicted is 0.
        spearman: Spearman's correlation with the labels of a regression.
        rmse: Root mean squared error of a regression.
    """

    loss: float
    accuracy: float | None = None
    macro_f1: float | None = None
    spearman: float | None = None
    rmse: float | None = None

    def rank(self, problem: Problem) -> float:
        """Order of checkpoints, higher is better: by the metric, and equal ones by loss.

        The metric is accuracy, macro F1 for multi-label, or Spearman's correlation. The loss adds less than
        1e-6, which is less than one text in a million.
        """
        metrics = {
            "single_label": self.accuracy,
            "multi_label": self.macro_f1,
            "regression": self.spearman,
        }
        return (metrics[problem] or 0.0) + 1e-6 / (1 + self.loss)

    def __str__(self) -> str:
        if self.accuracy is None or self.macro_f1 is None:
            return f"Spearman's correlation {self.spearman:.3f}"
        return f"accuracy {self.accuracy:.1%}, macro F1 {self.macro_f1:.1%}"


def validation_figures(logits: NDArray[np.float32], labels: Labels) -> ValidationFigures:
    """Compute the metrics of logits (n, classes) with the labels of n texts."""
    scores = logits.astype(np.float64)
    if problem_of_labels(labels) == "regression":
        error = float(((scores[:, 0] - labels) ** 2).mean())
        return ValidationFigures(error, spearman=spearman(scores[:, 0], labels), rmse=error**0.5)
    if labels.ndim == 2:
        truth = labels.astype(bool)
        predicted = scores >= 0
        losses = np.logaddexp(0, np.where(truth, -scores, scores))
    else:
        truth = np.eye(scores.shape[1], dtype=bool)[labels.astype(np.int64)]
        predicted = np.eye(scores.shape[1], dtype=bool)[scores.argmax(axis=1)]
        losses = np.logaddexp.reduce(scores, axis=1) - scores[truth]
    hits = (predicted & truth).sum(axis=0)
    named = predicted.sum(axis=0) + truth.sum(axis=0)
    return ValidationFigures(
        loss=float(losses.mean()),
        accuracy=float((predicted == truth).all(axis=1).mean()),
        macro_f1=float((2 * hits / np.maximum(named, 1)).mean()),
    )
