"""The table of n-gram embeddings, with its optimiser built in: two back ends, one result.

A table pools the rows of a text's n-grams to their mean and, on the way back, updates the rows that
were touched by row-wise Adagrad: of each row it keeps one number, the sum over the steps of the mean
square of the row's gradient, and a row moves by ``learning_rate * gradient / (sqrt(sum) + eps)``. So
a step costs what its n-grams cost, whatever the size of the table.
"""

from __future__ import annotations

from functools import partial
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Literal, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional

from ...errors import InputError

#: Which back end holds the table; ``"auto"`` takes FBGEMM where it is installed.
TableKind: TypeAlias = Literal["auto", "fbgemm", "embedding_bag"]

#: What keeps the first step of a row from dividing by zero.
EPSILON = 1e-8


class Table(nn.Module):
    """Rows of embeddings, mean-pooled by text and updated in the backward pass.

    It lives on the device it was made on.

    Attributes:
        weight: float32 (rows, dim); a view of the table itself, to read, save and overwrite.
        squares: float32 (rows,); a view of Adagrad's sum of mean squares of each row's gradients.
    """

    weight: Tensor
    squares: Tensor

    def set_learning_rate(self, rate: float) -> None:
        """Set the learning rate of the updates that the next forward passes lead to."""
        raise NotImplementedError


class FbgemmTable(Table):
    """FBGEMM's table-batched embedding with fused exact row-wise Adagrad."""

    def __init__(self, rows: int, dim: int, device: torch.device) -> None:
        from fbgemm_gpu.split_embedding_configs import EmbOptimType
        from fbgemm_gpu.split_table_batched_embeddings_ops_common import EmbeddingLocation, PoolingMode
        from fbgemm_gpu.split_table_batched_embeddings_ops_training import (
            ComputeDevice,
            SplitTableBatchedEmbeddingBagsCodegen,
        )

        super().__init__()
        place = (
            (EmbeddingLocation.DEVICE, ComputeDevice.CUDA)
            if device.type == "cuda"
            else (EmbeddingLocation.HOST, ComputeDevice.CPU)
        )
        self.bags: Any = SplitTableBatchedEmbeddingBagsCodegen(
            [(rows, dim, *place)],
            optimizer=EmbOptimType.EXACT_ROWWISE_ADAGRAD,
            pooling_mode=PoolingMode.MEAN,
            eps=EPSILON,
            stochastic_rounding=False,
            device=device,
        )
        self.weight = self.bags.split_embedding_weights()[0]
        self.squares = self.bags.split_optimizer_states()[0][0]

    def set_learning_rate(self, rate: float) -> None:
        self.bags.set_learning_rate(rate)

    def forward(self, rows: Tensor, offsets: Tensor) -> Tensor:
        """Pool int64 `rows` (nnz,) with int64 `offsets` (n + 1,) to float32 (n, dim)."""
        pooled: Tensor = self.bags(rows, offsets)
        return pooled


class EmbeddingBagTable(Table):
    """``embedding_bag`` of torch, and a row-wise Adagrad beside it that equals FBGEMM's.

    The gradient of the rows is itself a pooling: row `r` receives the sum, over its occurrences, of
    the gradient of the text that it occurs in. So the occurrences are sorted by row, and
    ``embedding_bag`` sums up the texts' gradients; no gradient for each occurrence is ever written.
    """

    def __init__(self, rows: int, dim: int, device: torch.device) -> None:
        super().__init__()
        self.weight = torch.zeros(rows, dim, device=device)
        self.squares = torch.zeros(rows, device=device)
        self.learning_rate = 0.0

    def set_learning_rate(self, rate: float) -> None:
        self.learning_rate = rate

    def forward(self, rows: Tensor, offsets: Tensor) -> Tensor:
        """Pool int64 `rows` (nnz,) with int64 `offsets` (n + 1,) to float32 (n, dim)."""
        pooled = functional.embedding_bag(rows, self.weight, offsets, mode="mean", include_last_offset=True)
        if torch.is_grad_enabled():
            update = partial(self._update, rows=rows, offsets=offsets, rate=self.learning_rate)
            pooled.requires_grad_().register_hook(update)  # type: ignore[no-untyped-call]
        return pooled

    @torch.no_grad()
    def _update(self, gradient: Tensor, rows: Tensor, offsets: Tensor, rate: float) -> None:
        if not len(rows):
            return
        lengths = offsets.diff()
        texts = torch.repeat_interleave(lengths)
        in_order, order = torch.sort(rows, stable=True)
        touched, counts = torch.unique_consecutive(in_order, return_counts=True)
        bounds = functional.pad(counts.cumsum(0), (1, 0))
        share = gradient / lengths.clamp(min=1)[:, None]
        summed = functional.embedding_bag(texts[order], share, bounds, mode="sum", include_last_offset=True)
        descend(self.weight, self.squares, touched, summed, rate)


def descend(weight: Tensor, squares: Tensor, rows: Tensor, gradient: Tensor, rate: float) -> None:
    """One step of row-wise Adagrad, in place.

    Args:
        weight: float32 (n, dim), the table.
        squares: float32 (n,), its sums of mean squares.
        rows: int64 (k,), the rows that move, each once.
        gradient: float32 (k, dim), theirs; it is overwritten.
        rate: The learning rate.
    """
    sums = squares[rows] + torch.linalg.vector_norm(gradient, dim=1).square() / gradient.shape[1]
    squares[rows] = sums
    gradient *= (-rate / (sums.sqrt() + EPSILON))[:, None]
    weight.index_add_(0, rows, gradient)


def make_table(kind: TableKind, rows: int, dim: int, device: torch.device) -> Table:
    """Make a table of `rows` x `dim`, by the back end `kind`, on `device`; its rows are not started.

    Raises:
        InputError: `kind` is FBGEMM, and it is not installed for `device`, or `dim` is not one of its sizes.
    """
    if kind == "auto":
        kind = "fbgemm" if _fbgemm_runs_on(device) and dim % 4 == 0 else "embedding_bag"
    if kind == "embedding_bag":
        return EmbeddingBagTable(rows, dim, device)
    if kind != "fbgemm":
        raise InputError(f"table is {kind!r}: it must be 'auto', 'fbgemm' or 'embedding_bag'.")
    if not _fbgemm_runs_on(device):
        raise InputError(
            f"table is 'fbgemm', which is not installed for {device.type}: install sparsedistill[train], "
            "or take table 'embedding_bag'."
        )
    if dim % 4:
        raise InputError(
            f"dim is {dim} and FBGEMM needs a multiple of 4: take {dim + 4 - dim % 4}, "
            "or table 'embedding_bag'."
        )
    return FbgemmTable(rows, dim, device)


def _fbgemm_runs_on(device: torch.device) -> bool:
    """Whether an FBGEMM is here that was built for `device`: the CUDA build is a package of its own."""
    packages = ["fbgemm-gpu"] if device.type == "cuda" else ["fbgemm-gpu", "fbgemm-gpu-cpu"]
    return any(map(_is_installed, packages))


def _is_installed(package: str) -> bool:
    try:
        version(package)
    except PackageNotFoundError:
        return False
    return True
