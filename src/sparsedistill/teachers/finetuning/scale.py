"""The scale of the numbers that a teacher is fine-tuned on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ..._internal.scale import scale_of_numbers
from ...errors import InputError
from .texts import LabelledTexts

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel


@dataclass(frozen=True)
class LabelScale:
    """Mean and standard deviation of the labels of a regression; 0 and 1 for classes.

    The network is trained on standardised labels, so that the learning rate fits labels of any unit. The
    finished network predicts in the unit of the labels.
    """

    mean: float = 0.0
    deviation: float = 1.0

    @classmethod
    def of(cls, training: LabelledTexts) -> LabelScale:
        """The scale of training texts.

        Raises:
            InputError: All labels are the same number, or one is not finite.
        """
        if training.problem != "regression":
            return cls()
        return cls(*scale_of_numbers(training.labels, "labels"))

    def standardised(self, given: LabelledTexts) -> LabelledTexts:
        """The same texts with standardised labels; classes are unchanged."""
        if given.problem != "regression":
            return given
        return replace(given, labels=((given.labels - self.mean) / self.deviation).astype(np.float32))

    def put_into(self, network: PreTrainedModel) -> None:
        """Scale the output layer of a network that was trained on standardised labels, in place."""
        if self == LabelScale():
            return
        import torch

        output = output_layer(network)
        with torch.no_grad():
            output.weight.mul_(self.deviation)
            if output.bias is None:
                output.bias = torch.nn.Parameter(torch.zeros(1))
            output.bias.mul_(self.deviation).add_(self.mean)


def output_layer(network: PreTrainedModel) -> torch.nn.Linear:
    """The layer of a network that computes its only output.

    Raises:
        InputError: It has none.
    """
    import torch

    layers = [module for module in network.modules() if isinstance(module, torch.nn.Linear)]
    found = [layer for layer in layers if layer.out_features == 1]
    if not found:
        raise InputError(
            f"{type(network).__name__} has no linear layer with one output, so that its numbers cannot be "
            "scaled to the labels: use another encoder."
        )
    return found[-1]
