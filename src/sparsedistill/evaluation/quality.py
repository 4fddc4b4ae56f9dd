"""The quality of a classifier: all metrics with their standard errors."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..model.predictions import probabilities
from ..model.record import Quality
from ..problem import problem_of_labels
from .metrics import Labels, calibration_error, chosen_confidence, indicators, log_losses, metric_value
from .numbers import measure_numbers
from .uncertainty import standard_errors


def measure(
    logits: NDArray[np.float32],
    labels: Labels,
    texts_per_second: float | None = None,
    *,
    threshold: float | None = None,
) -> Quality:
    """Compute all metrics of a model on n labelled texts.

    Args:
        logits: float32 (n, classes).
        labels: The labels of the texts.
        texts_per_second: The model's rate, if it was timed; passed through.
        threshold: For a regression: labels of at least this number are to be found.
    """
    problem = problem_of_labels(labels)
    if problem == "regression":
        return replace(measure_numbers(logits[:, 0], labels, threshold), texts_per_second=texts_per_second)
    multi_label = problem == "multi_label"
    predicted = probabilities(logits, problem).astype(np.float64)
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
