"""Correlations of two series of numbers, and the value of each pair in them.

A correlation is the mean of one value per pair: the correlation itself plus the influence of the pair on it.
The standard deviation of these values gives the standard error of the correlation, and that of their
differences the standard error of the difference of two correlations over the same pairs.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def pearson(first: NDArray[Any], second: NDArray[Any], weights: NDArray[Any] | None = None) -> float:
    """The correlation of two series; 0 if one of them is constant.

    Args:
        first: (n,).
        second: (n,).
        weights: (n,), the weight of each pair; 1 by default.
    """
    x, y = (np.asarray(series, np.float64) for series in (first, second))
    w = np.ones(len(x)) if weights is None else np.asarray(weights, np.float64)
    if not w.any():
        return 0.0
    x, y = (series - np.average(series, weights=w) for series in (x, y))
    scale = np.sqrt(np.average(x * x, weights=w) * np.average(y * y, weights=w))
    return float(np.average(x * y, weights=w) / scale) if scale > 0 else 0.0


def spearman(first: NDArray[Any], second: NDArray[Any], weights: NDArray[Any] | None = None) -> float:
    """The correlation of the ranks of two series; equal numbers share a mean rank. See :func:`pearson`."""
    return pearson(_ranks(first), _ranks(second), weights)


def pearson_values(first: NDArray[Any], second: NDArray[Any]) -> Floats:
    """The value of each pair in :func:`pearson`, float64 (n,); its mean is the correlation."""
    x, y = (_standardised(np.asarray(series, np.float64)) for series in (first, second))
    r = float((x * y).mean())
    values: Floats = r + x * y - r / 2 * (x * x + y * y)
    return values


def spearman_values(first: NDArray[Any], second: NDArray[Any]) -> Floats:
    """The value of each pair in :func:`spearman`, float64 (n,); its mean is the correlation.

    The influence includes that of a pair on the ranks of the others.
    """
    x, y = _ranks(first), _ranks(second)
    variance_x, variance_y = x.var(), y.var()
    if not variance_x * variance_y > 0:
        return np.zeros(len(x))
    products = _influence(x, y)
    r = float(((x - 0.5) * (y - 0.5)).mean() / np.sqrt(variance_x * variance_y))
    values: Floats = (
        r
        + products / np.sqrt(variance_x * variance_y)
        - r / 2 * (_influence(x, x) / variance_x + _influence(y, y) / variance_y)
    )
    return values


def _ranks(series: NDArray[Any]) -> Floats:
    """The share of the numbers below each number, those equal to it counted half, float64 (n,)."""
    _, places, counts = np.unique(series, return_inverse=True, return_counts=True)
    ranks: Floats = ((np.cumsum(counts) - counts / 2) / max(len(places), 1))[places.ravel()]
    return ranks


def _influence(x: Floats, y: Floats) -> Floats:
    """The influence of each pair of ranks on the mean of their products, float64 (n,)."""
    influence: Floats = x * y + _mean_above(x, y) + _mean_above(y, x) - 3 * (x * y).mean()
    return influence


def _mean_above(x: Floats, y: Floats) -> Floats:
    """For each x, the sum of the y of pairs with a larger x, divided by n; an equal x counts half."""
    _, places = np.unique(x, return_inverse=True)
    sums = np.bincount(places.ravel(), y)
    above: Floats = (sums.sum() - np.cumsum(sums) + sums / 2)[places.ravel()] / len(x)
    return above


def _standardised(series: Floats) -> Floats:
    deviation = series.std()
    return (series - series.mean()) / deviation if deviation > 0 else np.zeros(len(series))
