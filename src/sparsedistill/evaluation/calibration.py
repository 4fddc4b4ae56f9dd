"""A student's confidence, set right by one temperature (Guo et al. 2017)."""

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
from .evaluate import calibration_error

Floats = NDArray[np.float64]

_COLDEST, _HOTTEST = 0.05, 20.0
_HALVINGS = 60  # of the range that a temperature is sought in: beyond float32


def calibrate(student: Student, held: Examples, *, threads: int | None = None) -> Student:
    """Divide the logits of `student` by the temperature that suits `held` best.

    The output layer takes it, so that it costs nothing to serve. No label changes.

    Args:
        student: A trained student.
        held: Examples that it was not trained on, with labels or soft targets.
        threads: All cores by default.

    Returns:
        The student, with a :class:`Calibration` in its ``evaluation.calibration``.

    Raises:
        InputError: The student is compact, or all examples have weight 0.
    """
    network = student.weights
    if isinstance(network, CompactWeights):
        raise InputError("The student is compact: calibrate the one it was made from, and compress it anew.")
    if not held.weights.any():
        raise InputError("All held-out examples have weight 0: give some of them a weight.")
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
            network,
            output_weight=network.output_weight / temperature,
            output_bias=network.output_bias / temperature,
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
    """The temperature with the least negative log likelihood, from 0.05 to 20.

    Targets are smoothed by one count a class (Platt 1999), for of a few texts that are all answered right
    the likelihood alone would want certainty.

    Args:
        logits: (n, classes).
        targets: Probabilities, float64 (n, classes); for labels 0 and 1.
        weights: (n,), how much each text counts.
        multi_label: The classes do not exclude each other.
    """
    scores, shares = logits.astype(np.float64), weights.astype(np.float64)[:, None]
    count, classes = len(scores), 2 if multi_label else scores.shape[1]
    wanted = (count * targets + 1) / (count + classes)

    def slope(inverse: float) -> float:
        """Of the loss, by the inverse of the temperature, in which it is convex."""
        given = _probabilities(inverse * scores, multi_label)
        return float((shares * (given - wanted) * scores).sum())

    if slope(1.0) == 0:
        return 1.0
    low, high = np.log(1 / _HOTTEST), np.log(1 / _COLDEST)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if slope(float(np.exp(middle))) > 0 else (middle, high)
    return float(np.exp(-(low + high) / 2))


def _probabilities(logits: Floats, multi_label: bool) -> Floats:
    """In float64, for the search compares what differs little."""
    if multi_label:
        each: Floats = 0.5 * (1 + np.tanh(logits / 2))
        return each
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: Floats = powers / powers.sum(axis=1, keepdims=True)
    return shares


def _distributions(held: Examples, classes: int, multi_label: bool) -> Floats:
    if held.soft:
        return probabilities(held.targets.astype(np.float32), multi_label=multi_label).astype(np.float64)
    if multi_label:
        return held.targets.astype(np.float64)
    return np.eye(classes)[held.targets]


def _measured(
    logits: NDArray[np.float32], targets: Floats, weights: NDArray[np.float32], multi_label: bool
) -> tuple[float, float]:
    """Log loss and calibration error."""
    shares = _probabilities(logits.astype(np.float64), multi_label)
    least = np.finfo(np.float32).tiny
    losses = targets * -np.log(np.maximum(shares, least))
    if multi_label:
        losses += (1 - targets) * -np.log(np.maximum(1 - shares, least))
        each = losses.mean(axis=1)
        error = calibration_error(shares.ravel(), targets.ravel(), np.repeat(weights, shares.shape[1]))
    else:
        each = losses.sum(axis=1)
        chosen = np.arange(len(shares)), shares.argmax(axis=1)
        error = calibration_error(shares[chosen], targets[chosen], weights)
    return float(np.average(each, weights=weights)), error
