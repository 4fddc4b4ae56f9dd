"""Ways to pool the n-grams of a text, for ablations only: a saved student always pools by the mean."""

from __future__ import annotations

from functools import partial
from typing import Literal, TypeAlias, get_args

import torch
from torch import Tensor
from torch.nn import functional

from ..errors import InputError
from ..training.network import NetworkConfig, StudentNetwork
from ..training.tables.base import Table, descend

#: How the rows of a text become one vector: by their mean, maximum or sum in each dimension, or by a mean
#: that is weighted by a softmax over the n-grams of the text: of one learnt number per row (``"scalar
#: attention"``), or of the dot products of the rows with one learnt query (``"query attention"``).
Pooling: TypeAlias = Literal["mean", "max", "sum", "scalar attention", "query attention"]


class PooledTable(Table):
    """A table with any pooling; rows and scores are updated in the backward pass by row-wise Adagrad.

    The row and the gradient of each occurrence of an n-gram are materialised. This costs more than in the
    tables that students are trained with; with the pooling ``"mean"`` the results are equal.

    Attributes:
        weight: float32 (rows, dim).
        scores: float32; for scalar attention (rows, 1), one number per row; for query attention (1, dim),
            the query; else (0, 1).
        squares: float32 (rows + len(scores),), Adagrad's sums: those of `weight`, then those of `scores`.
    """

    def __init__(self, pooling: Pooling, rows: int, dim: int, device: torch.device) -> None:
        """Make a table whose rows and scores are 0, so that attention starts as the mean.

        Args:
            pooling: The pooling.
            rows: Number of rows.
            dim: Dimensions of a row.
            device: Device of the arrays.

        Raises:
            InputError: `pooling` is unknown.
        """
        super().__init__()
        if pooling not in get_args(Pooling):
            raise InputError(f"pooling is {pooling!r}: it must be one of {', '.join(get_args(Pooling))}.")
        self.pooling = pooling
        shape = {"scalar attention": (rows, 1), "query attention": (1, dim)}.get(pooling, (0, 1))
        self.weight = torch.zeros(rows, dim, device=device)
        self.scores = torch.zeros(shape, device=device)
        self.squares = torch.zeros(rows + len(self.scores), device=device)
        self.learning_rate = 0.0

    def set_learning_rate(self, rate: float) -> None:
        """Set the learning rate of the updates after the next forward passes."""
        self.learning_rate = rate

    def forward(self, rows: Tensor, offsets: Tensor) -> Tensor:
        """Pool int64 `rows` (nnz,) of n texts, with int64 `offsets` (n + 1,), to float32 (n, dim)."""
        texts, count = torch.repeat_interleave(offsets.diff()), len(offsets) - 1
        found = self._look_up(self.weight, self.squares[: len(self.weight)], rows)
        if self.pooling == "max":
            # Rows with equal maxima, as all are at first, share the gradient equally.
            largest = (found.detach() == _largest(found.detach(), offsets)[texts]).to(found.dtype)
            return _sums(largest / _sums(largest, texts, count)[texts] * found, texts, count)
        if self.pooling == "sum":
            return _sums(found, texts, count)
        return _sums(self._shares(found, rows, offsets) * found, texts, count)

    def _shares(self, found: Tensor, rows: Tensor, offsets: Tensor) -> Tensor:
        """The weight of each occurrence in its text, (nnz, 1); the weights of a text sum to 1."""
        squares = self.squares[len(self.weight) :]
        if self.pooling == "mean":
            scores = found.new_zeros(len(rows), 1)
        elif self.pooling == "scalar attention":
            scores = self._look_up(self.scores, squares, rows)
        else:
            query = self._look_up(self.scores, squares, rows.new_zeros(1))
            scores = found @ query.T
        texts = torch.repeat_interleave(offsets.diff())
        grown = (scores - _largest(scores.detach(), offsets)[texts]).exp()
        return grown / _sums(grown, texts, len(offsets) - 1)[texts]

    def _look_up(self, table: Tensor, squares: Tensor, rows: Tensor) -> Tensor:
        """Rows of `table`, which are updated when their gradient has been computed."""
        found = functional.embedding(rows, table)
        if torch.is_grad_enabled():
            update = partial(_update, table=table, squares=squares, rows=rows, rate=self.learning_rate)
            found.requires_grad_().register_hook(update)  # type: ignore[no-untyped-call]
        return found


class PooledNetwork(StudentNetwork):
    """A student's network with another pooling; everything else, initial values included, is the same.

    Args:
        config: Its shape; `table` has no effect.
        pooling: The pooling.
        device: Device of the arrays.

    Raises:
        InputError: `pooling` is unknown.
    """

    table: PooledTable

    def __init__(self, config: NetworkConfig, pooling: Pooling, device: str | torch.device = "cpu") -> None:
        super().__init__(config, device)
        self.table = PooledTable(pooling, config.rows, config.dim, self.device)

    def row_sums(self, rows: Tensor, offsets: Tensor) -> Tensor:
        """What takes the place of the sum of each bag: the head reads it divided by the number of rows."""
        pooled: Tensor = self.table(rows, offsets)
        return pooled * offsets.diff()[:, None]

    def word_sums(self, rows: Tensor, offsets: Tensor, *words: Tensor) -> Tensor:
        """Character n-grams are not pooled here.

        Raises:
            InputError: Always.
        """
        del rows, offsets, words
        raise InputError("Poolings are compared without character n-grams: set max_characters to 0.")

    def arrays(self) -> dict[str, Tensor]:
        """All parameters: those of a student, and ``scores``."""
        return {**super().arrays(), "scores": self.table.scores}


def _sums(values: Tensor, texts: Tensor, count: int) -> Tensor:
    """The sum of the values of each text, (nnz, d) to (count, d)."""
    return values.new_zeros(count, values.shape[1]).index_add(0, texts, values)


def _largest(values: Tensor, offsets: Tensor) -> Tensor:
    """The maximum of the values of each text, (nnz, d) to (n, d); 0 for a text without values."""
    largest = torch.segment_reduce(values, "max", offsets=offsets, axis=0)
    return largest.where(offsets.diff()[:, None] > 0, 0.0)


@torch.no_grad()
def _update(gradient: Tensor, table: Tensor, squares: Tensor, rows: Tensor, rate: float) -> None:
    touched, places = torch.unique(rows, return_inverse=True)
    summed = _sums(gradient, places, len(touched))
    descend(table, squares, touched, summed, rate)
