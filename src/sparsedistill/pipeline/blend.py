"""The shares of two models in one answer, fitted to labelled texts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..data.examples import Examples
from ..evaluation.calibration import smoothed_targets
from ..model.pairs import Floats
from ..problem import Problem


@dataclass(frozen=True)
class Blend:
    """``network * first + linear * second + constant``, with the least loss on held-out texts.

    The loss is the log loss, or for a regression the squared error in units of the variance of the labels.

    Attributes:
        network: What the outputs of the network are multiplied by, at least 0.
        linear: The same of the linear model.
        constant: Is added to the numbers of a regression; 0 for classes.
        loss: Mean loss.
        gain: How much larger the loss is with the best multiple of the network alone.
        gain_error: Standard error of the gain.
    """

    network: float
    linear: float
    constant: float
    loss: float
    gain: float
    gain_error: float

    @classmethod
    def of(
        cls,
        network: NDArray[np.float32],
        linear: NDArray[np.float32],
        held: Examples,
        weights: NDArray[np.float32],
        problem: Problem,
    ) -> Blend:
        """Fit the shares.

        Args:
            network: Outputs of the network, (n, classes).
            linear: Outputs of the linear model, (n, classes).
            held: The n texts, with labels.
            weights: Weights of the texts, (n,), for multi-label of their labels, (n, classes).
            problem: What the labels are.
        """
        parts = np.stack([network, linear]).astype(np.float64)
        fit = _numbers if problem == "regression" else _classes
        shares, constant, losses = fit(parts, held, weights, problem)
        _, _, alone = fit(parts[:1], held, weights, problem)
        share = weights.reshape(len(losses), -1).mean(axis=1, dtype=np.float64)
        share /= share.sum()
        gains = alone - losses
        gain = float(share @ gains)
        error = float(np.sqrt(share**2 @ (gains - gain) ** 2))
        return cls(float(shares[0]), float(shares[1]), constant, float(share @ losses), gain, error)


def _numbers(
    parts: Floats, held: Examples, weights: NDArray[np.float32], _: Problem
) -> tuple[Floats, float, Floats]:
    """Shares, constant, and squared errors (n,), by least squares with shares of at least 0."""
    from scipy.optimize import nnls

    share = weights / weights.sum(dtype=np.float64)
    inputs, numbers = parts[:, :, 0].T, held.targets.astype(np.float64)
    mean_input, mean = share @ inputs, float(share @ numbers)
    root = np.sqrt(share)[:, None]
    shares = nnls(root * (inputs - mean_input), root[:, 0] * (numbers - mean))[0]
    constant = float(mean - mean_input @ shares)
    errors = (inputs @ shares + constant - numbers) ** 2
    return shares, constant, errors / max(float(share @ (numbers - mean) ** 2), 1e-12)


def _classes(
    parts: Floats, held: Examples, weights: NDArray[np.float32], problem: Problem
) -> tuple[Floats, float, Floats]:
    """Shares, 0, and log losses (n,), by maximum likelihood with shares of at least 0."""
    from scipy.optimize import minimize

    targets = smoothed_targets(held, parts.shape[2], problem)
    each = weights.astype(np.float64).reshape(len(weights), -1)

    def losses(shares: Floats) -> tuple[Floats, Floats]:
        """Log losses, (n, 1) or (n, classes), and their derivatives by the outputs, (n, classes)."""
        outputs = np.tensordot(shares, parts, 1)
        if problem == "multi_label":
            return np.logaddexp(0, outputs) - targets * outputs, 0.5 * (1 + np.tanh(outputs / 2)) - targets
        logs = outputs - outputs.max(axis=1, keepdims=True)
        logs -= np.log(np.exp(logs).sum(axis=1, keepdims=True))
        return -(targets * logs).sum(axis=1, keepdims=True), np.exp(logs) - targets

    def objective(shares: Floats) -> tuple[float, Floats]:
        values, slopes = losses(shares)
        gradient = (parts * (each * slopes)).sum(axis=(1, 2))
        return float((each * values).sum() / each.sum()), gradient / each.sum()

    start = np.full(len(parts), 1 / len(parts))
    shares = minimize(objective, start, jac=True, bounds=[(0, None)] * len(parts)).x
    values = losses(shares)[0]
    return shares, 0.0, (each * values).sum(axis=1) / np.maximum(each.sum(axis=1), 1e-12)
