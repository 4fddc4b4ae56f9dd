"""Float32 numbers as whole numbers of the same order, for counting them by their first bits."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_SIGN = np.uint32(1 << 31)


def ordered(values: NDArray[np.float32]) -> NDArray[np.uint32]:
    """uint32 (n,) in the order of finite `values` (n,); equal values have equal keys."""
    bits = (values + np.float32(0)).view(np.uint32)  # -0 becomes 0
    keys: NDArray[np.uint32] = np.where(bits & _SIGN, ~bits, bits | _SIGN)
    return keys


def values_of(keys: NDArray[np.uint32]) -> NDArray[np.float32]:
    """The values of keys: the inverse of :func:`ordered`."""
    bits: NDArray[np.uint32] = np.where(keys & _SIGN, keys & ~_SIGN, ~keys)
    return bits.view(np.float32)
