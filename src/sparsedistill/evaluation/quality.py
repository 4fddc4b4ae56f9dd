"""The quality of a classifier: all metrics with their standard errors."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..model.predictions import probabilities
from ..model.record import Quality
from .metrics import Labels, calibration_error, chosen_confidence, indicators, log_losses, metric_value
from .uncertainty import standard_errors


def measure(logits: NDArray[np.float32], labels: Labels, texts_per_second: float | None = None) -> Quality:
    """Compute all metrics of a classifier on n labelled texts.

    Args:
        logits: float32 (n, classes).
        labels: int64 (n,) of class indices, or float32 (n, classes) of 0 and 1 for multi-label.
        texts_per_second: The classifier's rate, if it was timed; passed through.
    """
    multi_label = labels.ndim == 2
    predicted = probabilities(logits, multi_label=multi_label).astype(np.float64)
    truth = indicators(labels, logits.shape[1])
    confidence, correct = chosen_confidence(predicted, logits, truth, multi_label)
    return Quality(
        accuracy=metric_value(logits, labels, "accuracy"),
        macro_f1=metric_value(logits, labels, "macro_f1"),
        log_loss=float(log_losses(predicted, truth, multi_label=multi_label).mean()),
        ece=calibration_error(confidence.ravel(), correct.ravel()),
        texts_per_second=texts_per_second,
        errors=standard_errors(logits, predicted, labels),
    )
