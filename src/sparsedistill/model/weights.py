"""The weights of a trained student."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
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

    def of_outputs(self, part: slice) -> StudentWeights:
        """These weights with some of the outputs; the arrays are shared."""
        return replace(self, output_weight=self.output_weight[part], output_bias=self.output_bias[part])

    @classmethod
    def mean_of(cls, members: Sequence[StudentWeights], *, pair: bool = False) -> StudentWeights:
        """The weights of a network whose outputs are the means of those of `members`.

        The members are trained from different seeds on the same n-grams. Their rows lie side by side in one
        table, and each hidden unit reads those of its member.

        Args:
            members: Weights of the same shapes.
            pair: They compare pairs of texts.
        """
        if len(members) == 1:
            return members[0]
        count, dim = len(members), members[0].dim
        blocks = 5 if pair else 1  # of features as long as a row: see model/pairs.py
        shares = members[0].hidden_weight.shape[1] - blocks * dim
        units = len(members[0].hidden_bias)
        hidden = np.zeros((count * units, count * blocks * dim + shares), np.float32)
        for number, member in enumerate(members):
            own = hidden[number * units : (number + 1) * units]
            for block in range(blocks):
                begin = (block * count + number) * dim
                own[:, begin : begin + dim] = member.hidden_weight[:, block * dim : (block + 1) * dim]
            own[:, count * blocks * dim :] = member.hidden_weight[:, blocks * dim :]
        return cls(
            np.hstack([member.table for member in members]),
            hidden,
            np.concatenate([member.hidden_bias for member in members]),
            np.hstack([member.output_weight for member in members]) / np.float32(count),
            np.mean([member.output_bias for member in members], axis=0, dtype=np.float32),
        )

    def beside(
        self,
        columns: NDArray[np.float32],
        share: float,
        output_weight: NDArray[np.float32],
        output_bias: NDArray[np.float32],
        slope: np.float32,
        part: slice = slice(None),
    ) -> StudentWeights:
        """These weights with a linear map of more columns of the table added to their outputs, or to some.

        A hidden unit per column passes its mean on, from where tanh is nearly straight.

        Args:
            columns: float32 (rows, k).
            share: What these outputs are multiplied by.
            output_weight: (outputs, k), what is added to them per mean of a column.
            output_bias: (outputs,), what is added to them.
            slope: What means are multiplied by before tanh, and divided by after it.
            part: Which outputs; by default all.
        """
        (units, dim), k = self.hidden_weight.shape, columns.shape[1]
        output = np.hstack([self.output_weight, np.zeros((len(self.output_bias), k), np.float32)])
        output[part, :units] *= np.float32(share)
        output[part, units:] = output_weight / slope
        bias = self.output_bias.copy()
        bias[part] = np.float32(share) * bias[part] + output_bias
        hidden = np.zeros((units + k, dim + k), np.float32)
        hidden[:units, :dim] = self.hidden_weight
        hidden[units:, dim:] = slope * np.eye(k, dtype=np.float32)
        return StudentWeights(
            np.hstack([self.table, columns]),
            hidden,
            np.concatenate([self.hidden_bias, np.zeros(k, np.float32)]),
            output,
            bias,
        )

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
