"""The hash table of a vocabulary, as an array."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Name of the array in files.
BUCKETS = "vocabulary.buckets"

_SLOTS = 5  # keys per bucket, then their rows as uint32


def is_table(array: NDArray[Any] | None) -> bool:
    """Whether an array has the type and the dimensions of a hash table."""
    return array is not None and array.dtype == np.uint64 and array.ndim == 2


def keys_of_rows(buckets: NDArray[np.uint64], rows: int) -> NDArray[np.uint64]:
    """The keys of n-grams by row, uint64 (rows,); 0 for rows that no key has.

    Args:
        buckets: The hash table, uint64 (buckets, 8).
        rows: Number of n-grams.
    """
    slots = np.ascontiguousarray(buckets[:, :_SLOTS])
    numbers = np.ascontiguousarray(buckets[:, _SLOTS:]).view(np.uint32)[:, :_SLOTS]
    filled = (slots != 0) & (numbers < rows)
    keys = np.zeros(rows, np.uint64)
    keys[numbers[filled]] = slots[filled]
    return keys
