"""What the head reads of two texts, by its definition: what core, torch and NumPy must agree with."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def compared(table: NDArray[np.float64], first: Sequence[int], second: Sequence[int]) -> NDArray[np.float64]:
    """Features (5 * dim + 3,) of two texts that have these rows of the table, each of them once."""
    one, other = set(first), set(second)
    parts = [sorted(part) for part in (one & other, one - other, other - one)]
    ngrams = max(len(one | other), 1)
    sums = [table[part].sum(axis=0) / ngrams for part in parts]
    u, v = (table[sorted(text)].mean(axis=0) if text else np.zeros(table.shape[1]) for text in (one, other))
    return np.concatenate([*sums, u * v, abs(u - v), [len(part) / ngrams for part in parts]])
