"""What the head reads of two texts, in torch: see model/pairs.py for NumPy and core/model/pairs.hpp."""

from __future__ import annotations

import torch
from torch import Tensor


def weighted_parts(sums: Tensor, counts: Tensor) -> tuple[Tensor, Tensor]:
    """What :func:`pair_features` takes, from the sums of rows.

    Args:
        sums: (n, 3, dim), the sum of the items of each part.
        counts: (n, 3), the items of each part.

    Returns:
        The parts (n, 3, dim), each its mean times its share, and the shares (n, 3).
    """
    total = counts.sum(1, keepdim=True).clamp(min=1)
    return sums / total[:, :, None], counts / total


def pair_features(parts: Tensor, shares: Tensor) -> Tensor:
    """As :func:`sparsedistill.model.pairs.pair_features`, differentiable."""
    u, v = ((parts[:, 0] + parts[:, i]) / _not_zero(shares[:, :1] + shares[:, i : i + 1]) for i in (1, 2))
    return torch.cat([parts.flatten(1), u * v, (u - v).abs(), shares], dim=1)


def _not_zero(shares: Tensor) -> Tensor:
    return torch.where(shares > 0, shares, 1)
