"""What a student is trained to, and measured by: losses and metrics of logits against targets."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class Objective:
    """The loss and the metric that follow from the kind of the targets (section 3.3 of the paper).

    Everywhere below, `logits` are the student's, float32 (n, classes); `targets` are soft targets,
    float32 (n, classes) of the teacher's logits, where `soft`, and else int64 (n,) of class indices
    or, for multi-label, float32 (n, classes) of 0 and 1; `weights` are float32 (n,).

    Attributes:
        multi_label: The classes do not exclude each other.
        temperature: Divides both logits where targets are soft; the loss is multiplied by its square,
            so that the gradient stays of one size.
        class_weights: For labels, the weight of each class: of the examples that have it, or for
            multi-label of the class where it applies.
    """

    multi_label: bool = False
    temperature: float = 1.0
    class_weights: tuple[float, ...] | None = None

    @property
    def metric_name(self) -> str:
        return "macro_f1" if self.multi_label else "accuracy"

    def loss(self, logits: Tensor, targets: Tensor, weights: Tensor, *, soft: bool) -> Tensor:
        """The weighted mean of the examples' losses.

        Of soft targets that is KL(teacher || student), of labels the cross-entropy; for multi-label
        the mean of the classes' binary cross-entropies.
        """
        if self.multi_label:
            losses = self._of_each_class(logits, targets, soft=soft)
        elif soft:
            losses = self._divergence(logits, targets)
        else:
            losses = functional.cross_entropy(logits, targets, reduction="none")
            if self.class_weights:
                weights = weights * logits.new_tensor(self.class_weights)[targets]
        return (losses * weights).sum() / weights.sum().clamp_min(torch.finfo(weights.dtype).tiny)

    def metric(self, logits: Tensor, targets: Tensor, weights: Tensor, *, soft: bool) -> float:
        """The weighted accuracy, or macro F1 for multi-label; soft targets stand for their answers."""
        if self.multi_label:
            return _macro_f1(logits > 0, targets > (0 if soft else 0.5), weights)
        truth = targets.argmax(dim=1) if soft else targets
        correct = (logits.argmax(dim=1) == truth).to(weights.dtype)
        return float((correct * weights).sum() / weights.sum())

    def _divergence(self, logits: Tensor, targets: Tensor) -> Tensor:
        student = functional.log_softmax(logits / self.temperature, dim=1)
        teacher = functional.log_softmax(targets / self.temperature, dim=1)
        each = functional.kl_div(student, teacher, reduction="none", log_target=True)
        return each.sum(dim=1) * self.temperature**2

    def _of_each_class(self, logits: Tensor, targets: Tensor, *, soft: bool) -> Tensor:
        if soft:
            logits, targets = logits / self.temperature, torch.sigmoid(targets / self.temperature)
        each = functional.binary_cross_entropy_with_logits(
            logits,
            targets,
            reduction="none",
            pos_weight=logits.new_tensor(self.class_weights) if self.class_weights and not soft else None,
        )
        return each.mean(dim=1) * (self.temperature**2 if soft else 1.0)


def _macro_f1(predicted: Tensor, truth: Tensor, weights: Tensor) -> float:
    share = weights[:, None]
    hits = (share * (predicted & truth)).sum(dim=0)
    named = (share * predicted).sum(dim=0) + (share * truth).sum(dim=0)
    return float((2 * hits / named.clamp_min(torch.finfo(weights.dtype).tiny)).mean())
