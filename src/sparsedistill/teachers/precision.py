"""Which parts of a network compute in 16 bits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


def half_type(device: torch.device) -> torch.dtype | None:
    """The 16-bit type that a device computes with natively; None if there is none."""
    import torch

    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    if device.type == "cpu" and torch.cpu._is_avx512_bf16_supported():
        return torch.bfloat16
    return None


def use_full_precision_outputs(network: Any) -> None:
    """Make the last layer of a network compute in 32 bits, also under autocast.

    In bfloat16 the numbers next to 85.5 are 85 and 86: a teacher of numbers would give its texts a few
    different ones. The layer costs next to nothing.

    Args:
        network: A classifier of transformers, on its device.
    """
    import torch

    layers = [
        layer
        for layer in network.modules()
        if isinstance(layer, torch.nn.Linear) and layer.out_features == network.num_labels
    ]
    if not layers:
        return
    last = layers[-1].float()
    forward = last.forward

    def in_full_precision(states: torch.Tensor) -> torch.Tensor:
        with torch.autocast(states.device.type, enabled=False):
            return forward(states.float())

    last.forward = in_full_precision  # type: ignore[assignment]
