"""Calibration: one temperature that makes a student's confidence match its accuracy (Guo et al. 2017)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..data.examples import Examples
from ..errors import InputError
from ..model.compact import CompactWeights
from ..model.predictions import probabilities
from ..model.record import Calibration
from ..student import Student
from .metrics import Floats, calibration_error, log_losses

_MIN_TEMPERATURE, _MAX_TEMPERATURE = 0.05, 20.0
_BISECTIONS = 60  # of the range of temperatures: more precise than float32


def calibrate(student: Student, held: Examples, *, threads: int | None = None) -> Student:
    """Divide the logits of `student` by the temperature that fits held-out examples best.

    The temperature is folded into the output layer, so it costs nothing in serving. No predicted label
    changes.

    Args:
        student: A trained student.
        held: Held-out examples with labels or soft targets.
        threads: Threads to score with; all cores by default.

    Returns:
        The calibrated student, with a :class:`~sparsedistill.model.record.Calibration` in its
        ``evaluation.calibration``.

    Raises:
        InputError: The student is compact, or all examples have weight 0.
    """
    weights = student.weights
    if isinstance(weights, CompactWeights):
        raise InputError(
            "A compact student cannot be calibrated: calibrate the student that it was made from, and "
            "compress that again."
        )
    if not held.weights.any():
        raise InputError("All held-out examples have weight 0: give some of them a positive weight.")
    logits = student.score(held.texts, held.text_pair, threads=threads).logits
    targets = _distributions(held, logits.shape[1], student.multi_label)
    temperature = np.float32(fit_temperature(logits, targets, held.weights, multi_label=student.multi_label))
    before, after = (
        _measured(logits / scale, targets, held.weights, student.multi_label)
        for scale in (np.float32(1), temperature)
    )
    record = Calibration(
        temperature=float(temperature),
        texts=len(held),
        targets="soft targets" if held.soft else "labels",
        log_loss_before=before[0],
        log_loss_after=after[0],
        ece_before=before[1],
        ece_after=after[1],
    )
    return replace(
        student,
        weights=replace(
            weights,
            output_weight=weights.output_weight / temperature,
            output_bias=weights.output_bias / temperature,
        ),
        evaluation=replace(student.evaluation, calibration=record),
    )


def fit_temperature(
    logits: NDArray[np.float32],
    targets: Floats,
    weights: NDArray[np.float32],
    *,
    multi_label: bool,
) -> float:
    """The temperature from 0.05 to 20 with the least negative log likelihood.

    Targets are smoothed by two counts, spread over the classes; with two classes this is one for each (Platt
    1999). Without that, a few texts that are all predicted correctly would call for full confidence. One for
    each of many classes would call for too little: with 77 classes and 994 texts the calibration error rose
    from 3.6 to 15 %.

    Args:
        logits: float32 (n, classes).
        targets: Probabilities, float64 (n, classes); 0 and 1 for labels.
        weights: float32 (n,), the weight of each text.
        multi_label: The classes do not exclude each other.
    """
    scores, weight = logits.astype(np.float64), weights.astype(np.float64)[:, None]
    count, classes = len(scores), 2 if multi_label else scores.shape[1]
    smoothed = (count * targets + 2 / classes) / (count + 2)

    def slope(inverse: float) -> float:
        """Derivative of the loss by the inverse of the temperature, in which the loss is convex."""
        predicted = _probabilities(inverse * scores, multi_label)
        return float((weight * (predicted - smoothed) * scores).sum())

    if slope(1.0) == 0:
        return 1.0
    low, high = np.log(1 / _MAX_TEMPERATURE), np.log(1 / _MIN_TEMPERATURE)
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        low, high = (low, middle) if slope(float(np.exp(middle))) > 0 else (middle, high)
    return float(np.exp(-(low + high) / 2))


def _probabilities(logits: Floats, multi_label: bool) -> Floats:
    """Probabilities in float64: the search compares values that differ by less than float32 resolves."""
    if multi_label:
        sigmoid: Floats = 0.5 * (1 + np.tanh(logits / 2))
        return sigmoid
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    softmax: Floats = powers / powers.sum(axis=1, keepdims=True)
    return softmax


def _distributions(held: Examples, classes: int, multi_label: bool) -> Floats:
    """The targets as probabilities (n, classes)."""
    if held.soft:
        return probabilities(held.targets.astype(np.float32), multi_label=multi_label).astype(np.float64)
    if multi_label:
        return held.targets.astype(np.float64)
    return np.eye(classes)[held.targets]


def _measured(
    logits: NDArray[np.float32], targets: Floats, weights: NDArray[np.float32], multi_label: bool
) -> tuple[float, float]:
    """Weighted log loss and calibration error."""
    predicted = _probabilities(logits.astype(np.float64), multi_label)
    losses = log_losses(predicted, targets, multi_label=multi_label)
    if multi_label:
        losses = losses.mean(axis=1)
        repeated = np.repeat(weights, predicted.shape[1])
        error = calibration_error(predicted.ravel(), targets.ravel(), repeated)
    else:
        chosen = np.arange(len(predicted)), predicted.argmax(axis=1)
        error = calibration_error(predicted[chosen], targets[chosen], weights)
    return float(np.average(losses, weights=weights)), error
