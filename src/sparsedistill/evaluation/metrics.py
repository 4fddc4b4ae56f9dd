"""Metrics: arrays in, numbers out."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._internal.correlation import spearman
from ..problem import Problem, problem_of_labels

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]

#: int64 (n,) of class indices; for multi-label float32 (n, classes) of 0 and 1; for a regression numbers,
#: float32 (n,).
Labels = NDArray[np.int64] | NDArray[np.float32]

#: Equal bins of confidence for the calibration error.
ECE_BINS = 15


#: The metric that models are compared by.
METRICS: dict[Problem, str] = {
    "single_label": "accuracy",
    "multi_label": "macro_f1",
    "regression": "spearman",
}


def metric_value(logits: NDArray[np.float32], labels: Labels, metric: str) -> float:
    """The value of ``"accuracy"``, ``"macro_f1"`` or ``"spearman"``.

    Args:
        logits: float32 (n, classes).
        labels: The labels of the texts.
        metric: The metric.
    """
    if metric == "spearman":
        return spearman(logits[:, 0], labels)
    classes = logits.shape[1]
    truth, chosen = (
        indicators(labels, classes),
        indicators(decide(logits, problem_of_labels(labels)), classes),
    )
    return float((chosen == truth).all(axis=1).mean()) if metric == "accuracy" else macro_f1(chosen, truth)


def decide(logits: NDArray[np.float32], problem: Problem) -> NDArray[Any]:
    """Predicted labels: class indices int64 (n,), for multi-label bool (n, classes), or numbers (n,)."""
    if problem == "regression":
        return logits[:, 0]
    return logits >= 0 if problem == "multi_label" else logits.argmax(axis=1)


def indicators(labels: NDArray[Any], classes: int) -> Bools:
    """Labels as bool (n, classes).

    Args:
        labels: Class indices (n,), or bool or 0 and 1 (n, classes).
        classes: Number of classes.
    """
    if labels.ndim == 2:
        return labels.astype(np.bool_)
    one_hot: Bools = np.eye(classes, dtype=np.bool_)[labels.astype(np.int64)]
    return one_hot


def macro_f1(predicted: Bools, truth: Bools) -> float:
    """Macro F1 of predicted labels, both bool (n, classes)."""
    return float(mean_f1((predicted & truth).sum(axis=0), predicted.sum(axis=0) + truth.sum(axis=0)))


def mean_f1(hits: NDArray[np.int64], named: NDArray[np.int64]) -> NDArray[np.float64]:
    """Mean over the classes of F1, from counts (..., classes); 0 for a class that never occurs.

    Args:
        hits: Texts that have the class and are predicted to have it.
        named: Texts that have the class, plus texts that are predicted to have it.
    """
    return np.asarray((2 * hits / np.maximum(named, 1)).mean(axis=-1))


def log_losses(predicted: Floats, truth: NDArray[Any], *, multi_label: bool) -> Floats:
    """Negative log likelihoods in nats: (n,), or (n, classes) for multi-label.

    Args:
        predicted: Probabilities (n, classes). They are clipped to the smallest normal float32, so that the
            loss of an error made with full confidence is finite.
        truth: Labels as bool, or probabilities, (n, classes).
        multi_label: The classes do not exclude each other.
    """
    least = np.finfo(np.float32).tiny
    target = truth.astype(np.float64)
    losses: Floats = target * -np.log(np.maximum(predicted, least))
    if multi_label:
        losses += (1 - target) * -np.log(np.maximum(1 - predicted, least))
        return losses
    summed: Floats = losses.sum(axis=1)
    return summed


def calibration_error(
    confidence: Floats, correct: NDArray[Any], weights: NDArray[Any] | None = None
) -> float:
    """Expected calibration error: mean gap between confidence and accuracy over 15 equal bins.

    Args:
        confidence: (n,), the probabilities of n predictions, from 0 to 1.
        correct: (n,), whether each prediction is correct, or the probability that it is.
        weights: (n,), the weight of each prediction; 1 by default.
    """
    weights = np.ones(len(confidence)) if weights is None else weights.astype(np.float64)
    bins = calibration_bins(confidence)
    expected = np.bincount(bins, confidence * weights, ECE_BINS)
    observed = np.bincount(bins, correct * weights, ECE_BINS)
    return float(np.abs(expected - observed).sum() / weights.sum())


def calibration_bins(confidence: Floats) -> NDArray[np.int64]:
    """The bin of each confidence, in the shape of `confidence`."""
    bins: NDArray[np.int64] = np.minimum((confidence * ECE_BINS).astype(np.int64), ECE_BINS - 1)
    return bins


def chosen_confidence(
    predicted: Floats, logits: NDArray[np.float32], truth: Bools, multi_label: bool
) -> tuple[Floats, Floats]:
    """Confidence and correctness of the predictions that calibration is measured on.

    Args:
        predicted: Probabilities (n, classes).
        logits: float32 (n, classes).
        truth: bool (n, classes).
        multi_label: The classes do not exclude each other.

    Returns:
        Two float64 arrays: (n, 1), of the predicted labels; (n, classes) for multi-label.
    """
    if multi_label:
        return predicted, truth.astype(np.float64)
    chosen = np.arange(len(predicted)), logits.argmax(axis=1)
    return predicted[chosen][:, None], truth[chosen].astype(np.float64)[:, None]
