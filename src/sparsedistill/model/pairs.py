"""What the head reads of two texts, in NumPy: see core/pairs.hpp, and network.py for torch."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def compare(parts: Floats, shares: Floats) -> Floats:
    """Features (n, 5 * dim + 3) of n pairs: of their n-grams in both, in the first, in the second text alone.

    Args:
        parts: (n, 3, dim), the sum of each part's rows, divided by the n-grams of the pair.
        shares: (n, 3), each part's share of these n-grams.
    """
    u, v = texts(parts, shares)
    flat = parts.reshape(len(parts), -1)
    return np.concatenate([flat, u * v, np.abs(u - v), shares], axis=1)


def texts(parts: Floats, shares: Floats) -> tuple[Floats, Floats]:
    """The mean rows of the first texts and of the second ones, (n, dim) each; zeros where there are none."""
    whole = shares[:, :1] + shares[:, 1:]
    means = (parts[:, :1] + parts[:, 1:]) / np.where(whole > 0, whole, 1)[:, :, None]
    return means[:, 0], means[:, 1]
