"""What the head reads of two texts, in NumPy: see model/torch_pairs.py for torch and core/model/pairs.hpp."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def pair_width(dim: int) -> int:
    """Number of features of a pair whose rows have `dim` dimensions."""
    return 5 * dim + 3


def pair_features(parts: Floats, shares: Floats) -> Floats:
    """What the head reads of n pairs: of the n-grams in both texts, only in the first, only in the second.

    Concat-compare (section 3.2 of the paper) reads ``u``, ``v``, ``u * v`` and ``|u - v|`` of the means of
    the two texts, which do not show which n-grams the texts share. So the head reads, instead of ``u`` and
    ``v`` themselves, the three parts that make them up, each weighted by its share of the pair's n-grams,
    and these shares.

    Args:
        parts: (n, 3, dim), the mean row of each part times its share; zeros for a part without n-grams.
        shares: (n, 3), each part's share of the pair's n-grams.

    Returns:
        (n, 5 * dim + 3): the parts, ``u * v``, ``|u - v|``, and the shares. See :func:`pair_width`.
    """
    u, v = text_means(parts, shares)
    return np.concatenate([parts.reshape(len(parts), -1), u * v, np.abs(u - v), shares], axis=1)


def text_means(parts: Floats, shares: Floats) -> tuple[Floats, Floats]:
    """The mean rows of the first texts and of the second texts, (n, dim) each; zeros without n-grams.

    Args are those of :func:`pair_features`.
    """
    whole = shares[:, :1] + shares[:, 1:]
    means = (parts[:, :1] + parts[:, 1:]) / np.where(whole > 0, whole, 1)[:, :, None]
    return means[:, 0], means[:, 1]
