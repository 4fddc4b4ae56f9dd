"""A table held by FBGEMM, which is the fastest back end where it is installed."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import Any

import torch
from torch import Tensor

from .base import EPSILON, Table


class FbgemmTable(Table):
    """FBGEMM's table-batched embedding with fused, exact row-wise Adagrad."""

    def __init__(self, rows: int, dim: int, device: torch.device) -> None:
        """Create a table of `rows` x `dim` on `device`; the rows are not initialised."""
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
            pooling_mode=PoolingMode.SUM,
            eps=EPSILON,
            stochastic_rounding=False,
            device=device,
        )
        self.weight = self.bags.split_embedding_weights()[0]
        self.squares = self.bags.split_optimizer_states()[0][0]

    @classmethod
    def unsupported(cls, dim: int, device: torch.device) -> str | None:
        """FBGEMM must be installed for `device`, and its rows have a multiple of 4 numbers."""
        # The CUDA build is a separate package; it runs on CPUs too.
        packages = ["fbgemm-gpu"] if device.type == "cuda" else ["fbgemm-gpu", "fbgemm-gpu-cpu"]
        if not any(map(_is_installed, packages)):
            return (
                f"table is 'fbgemm', which is not installed for {device.type}: install sparsedistill[train], "
                "or use table 'embedding_bag'."
            )
        if dim % 4:
            return (
                f"dim is {dim} and FBGEMM needs a multiple of 4: use {dim + 4 - dim % 4}, "
                "or table 'embedding_bag'."
            )
        return None

    def set_learning_rate(self, rate: float) -> None:
        """See :class:`Table`."""
        self.bags.set_learning_rate(rate)

    def forward(self, rows: Tensor, offsets: Tensor) -> Tensor:
        """See :class:`Table`."""
        pooled: Tensor = self.bags(rows, offsets)
        return pooled


def _is_installed(package: str) -> bool:
    try:
        version(package)
    except PackageNotFoundError:
        return False
    return True
