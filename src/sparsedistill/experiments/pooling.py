"""Ways to pool a text's n-grams: for comparison alone, as what is served is their mean."""

from __future__ import annotations

from functools import partial
from typing import Literal, TypeAlias, get_args

import torch
from torch import Tensor
from torch.nn import functional

from ..errors import InputError
from ..training.network import NetworkConfig, StudentNetwork
from ..training.tables.base import Table, descend

#: How a text's rows become one: their mean, their largest or their sum, dimension by dimension, or a mean
#: weighted by a softmax over the text's n-grams, of a learnt number a row (``"scalar attention"``) or of
#: the product of the row with one learnt query (``"query attention"``).
Pooling: TypeAlias = Literal["mean", "max", "sum", "scalar attention", "query attention"]


class PooledTable(Table):
    """Rows pooled in any way; all that is learnt is updated in the backward pass by row-wise Adagrad.

    Each occurrence of a row is looked up, and has its gradient written: dearer than the tables that
    students are trained with, and equal to them where it pools to the mean.

    Attributes:
        weight: float32 (rows, dim).
        scores: float32: (rows, 1), a number a row, (1, dim), the query, or (0, 1) where nothing is weighed.
        squares: float32 (rows + len(scores),), Adagrad's sums: those of `weight`, then those of `scores`.
    """

    def __init__(self, pooling: Pooling, rows: int, dim: int, device: torch.device) -> None:
        """Make a table whose rows and scores are all zero, so that attention starts as the mean.

        Raises:
            InputError: There is no such pooling.
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
        self.learning_rate = rate

    def forward(self, rows: Tensor, offsets: Tensor) -> Tensor:
        """Pool int64 `rows` (nnz,) with int64 `offsets` (n + 1,) to float32 (n, dim)."""
        texts, count = torch.repeat_interleave(offsets.diff()), len(offsets) - 1
        found = self._look_up(self.weight, self.squares[: len(self.weight)], rows)
        if self.pooling == "max":
            # Where several are the largest, and at first all are, they share the gradient evenly.
            largest = (found.detach() == _largest(found.detach(), offsets)[texts]).to(found.dtype)
            return _sums(largest / _sums(largest, texts, count)[texts] * found, texts, count)
        if self.pooling == "sum":
            return _sums(found, texts, count)
        return _sums(self._shares(found, rows, offsets) * found, texts, count)

    def _shares(self, found: Tensor, rows: Tensor, offsets: Tensor) -> Tensor:
        """How much each occurrence counts in its text, (nnz, 1): those of a text sum up to 1."""
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
        """Rows of `table`, which move when the gradient comes back to them."""
        found = functional.embedding(rows, table)
        if torch.is_grad_enabled():
            update = partial(_update, table=table, squares=squares, rows=rows, rate=self.learning_rate)
            found.requires_grad_().register_hook(update)  # type: ignore[no-untyped-call]
        return found


class PooledNetwork(StudentNetwork):
    """A student that pools in another way; in all else, and in what it starts from, as the other ones.

    Args:
        config: Its shape; what back end the table has does not matter.
        pooling: How it pools.
        device: Where it lives.
    """

    table: PooledTable

    def __init__(self, config: NetworkConfig, pooling: Pooling, device: str | torch.device = "cpu") -> None:
        super().__init__(config, device)
        self.table = PooledTable(pooling, config.rows, config.dim, self.device)

    def arrays(self) -> dict[str, Tensor]:
        """All that was learnt: that of a student, and ``scores``."""
        return {**super().arrays(), "scores": self.table.scores}


def _sums(values: Tensor, texts: Tensor, count: int) -> Tensor:
    """The sum of each text's values, (nnz, d) to (count, d)."""
    return values.new_zeros(count, values.shape[1]).index_add(0, texts, values)


def _largest(values: Tensor, offsets: Tensor) -> Tensor:
    """The largest of each text's values, (nnz, d) to (n, d); 0 of a text without any."""
    largest = torch.segment_reduce(values, "max", offsets=offsets, axis=0)
    return largest.where(offsets.diff()[:, None] > 0, 0.0)


@torch.no_grad()
def _update(gradient: Tensor, table: Tensor, squares: Tensor, rows: Tensor, rate: float) -> None:
    touched, places = torch.unique(rows, return_inverse=True)
    summed = _sums(gradient, places, len(touched))
    descend(table, squares, touched, summed, rate)
