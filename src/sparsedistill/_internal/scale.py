"""The scale of numbers to predict."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError


def scale_of_numbers(numbers: NDArray[Any], what: str) -> tuple[float, float]:
    """Mean and standard deviation of n numbers.

    Args:
        numbers: (n,) or (n, 1).
        what: What they are, in error messages: ``"labels"``.

    Raises:
        InputError: All are the same number, or one is not finite.
    """
    mean, deviation = float(numbers.mean(dtype=np.float64)), float(numbers.std(dtype=np.float64))
    if not np.isfinite(deviation):
        raise InputError(f"The {what} have a number that is not finite: leave that text out.")
    if not deviation > 1e-6 * max(1.0, abs(mean)):
        raise InputError(f"All {what} are {mean:g}: give texts with different numbers.")
    return mean, deviation
