"""The weights of a trained student."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_NAMES = ("table", "hidden.weight", "hidden.bias", "output.weight", "output.bias")


@dataclass(frozen=True)
class StudentWeights:
    """The weights of a trained student (Ye et al. 2022, section 3.1), all float32.

    Attributes:
        table: (rows, dim), one embedding per n-gram.
        hidden_weight: (hidden, dim); (hidden, 5 * dim + 3) for pairs.
        hidden_bias: (hidden,).
        output_weight: (classes, hidden).
        output_bias: (classes,).
    """

    table: NDArray[np.float32]
    hidden_weight: NDArray[np.float32]
    hidden_bias: NDArray[np.float32]
    output_weight: NDArray[np.float32]
    output_bias: NDArray[np.float32]

    @property
    def dim(self) -> int:
        """Dimensions of an embedding."""
        return int(self.table.shape[1])

    @property
    def parameters(self) -> int:
        """Number of parameters, the table included."""
        return sum(array.size for array in self.arrays().values())

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The arrays by their names on disk, in file order."""
        return dict(zip(_NAMES, vars(self).values(), strict=True))

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> StudentWeights:
        """The weights that :meth:`arrays` gave.

        Raises:
            KeyError: An array is missing.
            TypeError: An array is not float32.
        """
        for name in _NAMES:
            if arrays[name].dtype != np.float32:
                raise TypeError(f"{name} is {arrays[name].dtype}, not float32")
        return cls(*(arrays[name] for name in _NAMES))
