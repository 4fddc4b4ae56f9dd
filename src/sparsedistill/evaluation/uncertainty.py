"""Standard errors: how far chance in the choice of the test texts moves a figure.

A metric of n texts is a mean over the texts, or nearly one. Its pseudo-values are what is averaged: for
accuracy 1 or 0 per text, and for other metrics ``n * metric - (n - 1) * metric without the text`` (the
jackknife, Tukey 1958). Differences of two classifiers on the same texts are differences of pseudo-values, so
that their standard error counts only the texts on which the two differ. The training of another student, with
another seed, moves figures too: no standard error here includes that.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .._internal.correlation import spearman_values
from ..model.record import StandardErrors
from ..problem import problem_of_labels
from .metrics import (
    ECE_BINS,
    Bools,
    Floats,
    Labels,
    calibration_bins,
    chosen_confidence,
    decide,
    indicators,
    log_losses,
    mean_f1,
)

_ROWS = 4096  # whose classes are held in memory at a time


def standard_error(values: Floats) -> float:
    """Standard error of the mean of pseudo-values (n,)."""
    return float(values.std() / np.sqrt(len(values)))


def metric_values(logits: NDArray[np.float32], labels: Labels, metric: str) -> Floats:
    """Pseudo-values (n,) of ``"accuracy"``, ``"macro_f1"`` or ``"spearman"``, float64.

    Args:
        logits: float32 (n, classes).
        labels: The labels of the texts.
        metric: The metric.
    """
    if metric == "spearman":
        return spearman_values(logits[:, 0], labels)
    classes = logits.shape[1]
    truth, chosen = (
        indicators(labels, classes),
        indicators(decide(logits, problem_of_labels(labels)), classes),
    )
    if metric == "accuracy":
        right: Floats = (chosen == truth).all(axis=1).astype(np.float64)
        return right
    return macro_f1_values(chosen, truth)


def macro_f1_values(chosen: Bools, truth: Bools) -> Floats:
    """Pseudo-values (n,) of macro F1, from predicted and true classes, bool (n, classes)."""
    count = len(truth)
    hits = (chosen & truth).sum(axis=0)
    named = chosen.sum(axis=0) + truth.sum(axis=0)
    without: Floats = np.empty(count)
    for start in range(0, count, _ROWS):
        part = slice(start, start + _ROWS)
        own, theirs = chosen[part], truth[part]
        without[part] = mean_f1(hits - (own & theirs), named - own.astype(np.int64) - theirs)
    return _pseudo_values(float(mean_f1(hits, named)), without)


def calibration_values(confidence: Floats, correct: Floats) -> Floats:
    """Pseudo-values (n,) of the calibration error of predictions (n, predictions per text)."""
    count, each = confidence.shape
    if count < 2:
        return np.zeros(count)
    bins = calibration_bins(confidence)
    gaps = np.zeros((count, ECE_BINS))
    for column in range(each):
        gaps[np.arange(count), bins[:, column]] += (confidence - correct)[:, column]
    total = gaps.sum(axis=0)
    without = np.abs(total - gaps).sum(axis=1) / ((count - 1) * each)
    return _pseudo_values(float(np.abs(total).sum() / (count * each)), without)


def standard_errors(logits: NDArray[np.float32], predicted: Floats, labels: Labels) -> StandardErrors:
    """Standard errors of all metrics of n texts.

    Args:
        logits: float32 (n, classes).
        predicted: Their probabilities, float64 (n, classes).
        labels: int64 (n,) of class indices, or float32 (n, classes) of 0 and 1 for multi-label.
    """
    multi_label = labels.ndim == 2
    truth = indicators(labels, logits.shape[1])
    losses = log_losses(predicted, truth, multi_label=multi_label).reshape(len(truth), -1).mean(axis=1)
    confidence, correct = chosen_confidence(predicted, logits, truth, multi_label)
    return StandardErrors(
        accuracy=standard_error(metric_values(logits, labels, "accuracy")),
        macro_f1=standard_error(metric_values(logits, labels, "macro_f1")),
        log_loss=standard_error(losses),
        ece=standard_error(calibration_values(confidence, correct)),
    )


def roc_auc_error(scores: Floats, positive: Bools) -> float:
    """Standard error of the ROC AUC of scores (n,) (DeLong et al. 1988); both classes must occur."""
    high, low = scores[positive], scores[~positive]

    def above(ours: Floats, theirs: Floats) -> Floats:
        """Share of `theirs` that each of `ours` is above; ties count half."""
        ordered = np.sort(theirs)
        left, right = (np.searchsorted(ordered, ours, side) for side in ("left", "right"))
        share: Floats = (left + right) / (2 * len(ordered))
        return share

    variance = above(high, low).var() / len(high) + above(low, high).var() / len(low)
    return float(np.sqrt(variance))


def _pseudo_values(value: float, without: Floats) -> Floats:
    count = len(without)
    values: Floats = count * value - (count - 1) * without
    return values
