"""A table in plain torch, which runs everywhere."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor
from torch.nn import functional

from .base import Table, descend


class EmbeddingBagTable(Table):
    """torch's ``embedding_bag`` with a row-wise Adagrad that gives the same result as FBGEMM's.

    The gradient of the rows is itself a pooling: the gradient of row `r` is the sum, over the occurrences of
    `r`, of the gradient of the bag that it occurs in. So the occurrences are sorted by row and
    ``embedding_bag`` sums the gradients of the bags; no gradient per occurrence is written to memory.
    """

    def __init__(self, rows: int, dim: int, device: torch.device) -> None:
        """Create a table of `rows` x `dim` zeros on `device`."""
        super().__init__()
        self.weight = torch.zeros(rows, dim, device=device)
        self.squares = torch.zeros(rows, device=device)
        self.learning_rate = 0.0

    def set_learning_rate(self, rate: float) -> None:
        """See :class:`Table`."""
        self.learning_rate = rate

    def forward(self, rows: Tensor, offsets: Tensor) -> Tensor:
        """See :class:`Table`."""
        pooled = functional.embedding_bag(rows, self.weight, offsets, mode="sum", include_last_offset=True)
        if torch.is_grad_enabled():
            update = partial(self._update, rows=rows, offsets=offsets, rate=self.learning_rate)
            pooled.requires_grad_().register_hook(update)  # type: ignore[no-untyped-call]
        return pooled

    @torch.no_grad()
    def _update(self, gradient: Tensor, rows: Tensor, offsets: Tensor, rate: float) -> None:
        if not len(rows):
            return
        bags = torch.repeat_interleave(offsets.diff())
        in_order, order = torch.sort(rows, stable=True)
        touched, counts = torch.unique_consecutive(in_order, return_counts=True)
        bounds = functional.pad(counts.cumsum(0), (1, 0))
        summed = functional.embedding_bag(bags[order], gradient, bounds, mode="sum", include_last_offset=True)
        descend(self.weight, self.squares, touched, summed, rate)
