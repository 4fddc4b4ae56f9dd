"""The quality of a regression: correlations, errors, and the texts above a threshold."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._internal.correlation import pearson, pearson_values, spearman, spearman_values
from ..errors import InputError
from ..model.record import Quality, StandardErrors
from .metrics import Bools, Floats, macro_f1
from .uncertainty import macro_f1_values, roc_auc_error, standard_error


def measure_numbers(
    predicted: NDArray[np.float32], labels: NDArray[Any], threshold: float | None = None
) -> Quality:
    """Compute all metrics of a regression on n labelled texts.

    Args:
        predicted: The numbers of the model, (n,).
        labels: Those of the labels, (n,).
        threshold: Labels of at least this number are to be found, for ``auc`` and ``f1``. None leaves these
            out.

    Raises:
        InputError: All labels are on the same side of `threshold`.
    """
    found, truth = predicted.astype(np.float64), labels.astype(np.float64)
    squared = (found - truth) ** 2
    error, variance = float(squared.mean()), float(truth.var())
    quality = Quality(
        spearman=spearman(found, truth),
        pearson=pearson(found, truth),
        rmse=error**0.5,
        r2=1 - error / variance if variance > 0 else 0.0,
        errors=StandardErrors(
            spearman=standard_error(spearman_values(found, truth)),
            pearson=standard_error(pearson_values(found, truth)),
            rmse=standard_error(squared) / (2 * error**0.5) if error > 0 else 0.0,
            r2=_r2_error(squared, truth),
        ),
    )
    return quality if threshold is None else _above(quality, found, truth, threshold)


def _r2_error(squared: Floats, truth: Floats) -> float:
    """Standard error of 1 - mean squared error / variance of the labels, by the influence of each text."""
    variance = float(truth.var())
    if not variance > 0:
        return 0.0
    spread = (truth - truth.mean()) ** 2
    return standard_error(squared / variance - squared.mean() * spread / variance**2)


def _above(quality: Quality, found: Floats, truth: Floats, threshold: float) -> Quality:
    """`quality` with the metrics of finding labels of at least `threshold`."""
    positive, chosen = truth >= threshold, found >= threshold
    if positive.all() or not positive.any():
        side = "at least" if positive.all() else "below"
        raise InputError(
            f"All labels are {side} the threshold {threshold:g}: give one that lies between them."
        )
    assert quality.errors is not None  # noqa: S101 - measure_numbers has set it
    errors = replace(
        quality.errors,
        auc=roc_auc_error(found, positive),
        f1=standard_error(macro_f1_values(chosen[:, None], positive[:, None])),
    )
    return replace(
        quality,
        auc=_roc_auc(found, positive),
        f1=macro_f1(chosen[:, None], positive[:, None]),
        errors=errors,
    )


def _roc_auc(scores: Floats, positive: Bools) -> float:
    """The share of pairs of a positive and a negative text that are in the right order; ties count half."""
    ordered = np.sort(scores[~positive])
    left, right = (np.searchsorted(ordered, scores[positive], side) for side in ("left", "right"))
    return float((left + right).mean() / (2 * len(ordered)))
