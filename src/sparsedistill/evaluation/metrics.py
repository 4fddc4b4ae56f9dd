"""Metrics: arrays in, numbers out."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..model.predictions import probabilities
from ..model.record import Quality

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]

#: int64 (n,) of class indices, or for multi-label float32 (n, classes) of 0 and 1.
Labels = NDArray[np.int64] | NDArray[np.float32]

_ECE_BINS = 15


def measure(logits: NDArray[np.float32], labels: Labels, texts_per_second: float | None) -> Quality:
    """Compute all metrics of a classifier on n labelled texts.

    Args:
        logits: float32 (n, classes).
        labels: int64 (n,) of class indices, or float32 (n, classes) of 0 and 1 for multi-label.
        texts_per_second: The classifier's rate, if it was timed; passed through.
    """
    multi_label = labels.ndim == 2
    classes = logits.shape[1]
    predicted = probabilities(logits, multi_label=multi_label).astype(np.float64)
    truth = indicators(labels, classes)
    chosen = indicators(decide(logits, multi_label), classes)
    if multi_label:
        confidence, correct = predicted.ravel(), truth.ravel()
    else:
        confidence, correct = predicted[chosen], truth[chosen]
    return Quality(
        accuracy=float((chosen == truth).all(axis=1).mean()),
        macro_f1=macro_f1(chosen, truth),
        log_loss=float(log_losses(predicted, truth, multi_label=multi_label).mean()),
        ece=calibration_error(confidence, correct),
        texts_per_second=texts_per_second,
    )


def decide(logits: NDArray[np.float32], multi_label: bool) -> NDArray[Any]:
    """Predicted labels: class indices int64 (n,), or for multi-label bool (n, classes)."""
    return logits >= 0 if multi_label else logits.argmax(axis=1)


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
    bins = np.minimum((confidence * _ECE_BINS).astype(int), _ECE_BINS - 1)
    expected = np.bincount(bins, confidence * weights, _ECE_BINS)
    observed = np.bincount(bins, correct * weights, _ECE_BINS)
    return float(np.abs(expected - observed).sum() / weights.sum())
