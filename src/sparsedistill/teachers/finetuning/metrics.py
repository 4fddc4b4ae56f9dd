"""What the validation texts say of a teacher."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .texts import Labels


@dataclass(frozen=True)
class ValidationFigures:
    """Metrics of a classifier on validation texts.

    Attributes:
        accuracy: Share of texts with the right label; for multi-label, with exactly the right labels.
        macro_f1: Mean of F1 over the classes; F1 of a class that neither occurs nor is predicted is 0.
        loss: Mean cross-entropy in nats: of a text, or for multi-label of a text's yes or no to a class.
    """

    accuracy: float
    macro_f1: float
    loss: float

    def rank(self, *, multi_label: bool) -> float:
        """Order of checkpoints, higher is better: accuracy, or macro F1 for multi-label; equal ones by loss.

        The loss adds less than 1e-6, which is less than one text in a million.
        """
        return (self.macro_f1 if multi_label else self.accuracy) + 1e-6 / (1 + self.loss)


def validation_figures(logits: NDArray[np.float32], labels: Labels) -> ValidationFigures:
    """Compute the metrics of logits (n, classes) with the labels of n texts."""
    scores = logits.astype(np.float64)
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
        accuracy=float((predicted == truth).all(axis=1).mean()),
        macro_f1=float((2 * hits / np.maximum(named, 1)).mean()),
        loss=float(losses.mean()),
    )
