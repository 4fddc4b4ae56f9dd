"""The base class of embedding tables, and one step of row-wise Adagrad.

A table contains its optimizer, row-wise Adagrad, which keeps one number per row: the sum over all steps of
the mean square of the row's gradient. The backward pass moves each row that the batch used by
``-learning_rate * gradient / (sqrt(sum) + EPSILON)`` and leaves the others alone, so the cost of a step
depends on the number of n-grams in the batch and not on the size of the table.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

#: Keeps the first update of a row from dividing by zero.
EPSILON = 1e-8


class Table(nn.Module, ABC):
    """Embeddings of n-grams: adds the rows of each bag and updates them in the backward pass.

    Back ends are listed in :data:`~sparsedistill.training.tables.registry.BACK_ENDS` and are created as
    ``Backend(rows, dim, device)``. A table stays on the device that it was created on.

    Attributes:
        weight: float32 (rows, dim), a view of the rows, for reading, saving and overwriting.
        squares: float32 (rows,), a view of Adagrad's sum of mean squared gradients of each row.
    """

    weight: Tensor
    squares: Tensor

    @classmethod
    def unsupported(cls, dim: int, device: torch.device) -> str | None:
        """Why this back end cannot hold rows of `dim` numbers on `device`, and what to do; None if it can."""
        del dim, device
        return None

    @abstractmethod
    def set_learning_rate(self, rate: float) -> None:
        """Set the learning rate of the updates that follow from later forward passes."""

    @abstractmethod
    def forward(self, rows: Tensor, offsets: Tensor) -> Tensor:
        """Add the rows of n bags, such as texts.

        Args:
            rows: int64 (nnz,), the rows of all bags, one bag after the other.
            offsets: int64 (n + 1,), where the rows of each bag begin and end.

        Returns:
            float32 (n, dim); zeros for a bag without rows.
        """


def descend(weight: Tensor, squares: Tensor, rows: Tensor, gradient: Tensor, rate: float) -> None:
    """Take one step of row-wise Adagrad, in place.

    Args:
        weight: float32 (n, dim), the table.
        squares: float32 (n,), the sum of mean squared gradients of each row.
        rows: int64 (k,), distinct rows to update.
        gradient: float32 (k, dim), their gradients; overwritten.
        rate: The learning rate.
    """
    sums = squares[rows] + torch.linalg.vector_norm(gradient, dim=1).square() / gradient.shape[1]
    squares[rows] = sums
    gradient *= (-rate / (sums.sqrt() + EPSILON))[:, None]
    weight.index_add_(0, rows, gradient)
