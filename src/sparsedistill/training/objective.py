"""The training objective: loss and metric of logits against soft targets or labels."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate

import torch
from torch import Tensor
from torch.nn import functional

from .._internal.correlation import spearman
from ..labeling.joint_examples import CERTAIN
from ..problem import Problem
from .network import NetworkConfig


@dataclass(frozen=True)
class Objective:
    """The loss and the metric, chosen by the kind of targets (section 3.3 of the paper).

    All methods take the student's `logits`, float32 (n, classes); `weights`, float32 (n,); and `targets`.
    With `soft`, `targets` are the teacher's logits, float32 (n, classes); otherwise they are class indices,
    int64 (n,), for multi-label float32 (n, classes) of 0 and 1, and for a regression numbers, float32 (n,).

    Attributes:
        problem: What the student says of a text.
        temperature: For soft targets: divides the logits of student and teacher. The loss is multiplied by
            its square, which keeps the size of the gradient.
        class_weights: For labels: the weight of each class. It applies to the examples with that label; for
            multi-label, to the class in the examples that have it. Soft targets that are certain are labels.
        deviation: The standard deviation of the targets of a regression, the unit of its loss.
    """

    problem: Problem = "single_label"
    temperature: float = 1.0
    class_weights: tuple[float, ...] | None = None
    deviation: float = 1.0

    @property
    def metric_name(self) -> str:
        """``"accuracy"``, ``"macro_f1"`` for multi-label, or ``"spearman"`` for a regression."""
        names = {"multi_label": "macro_f1", "regression": "spearman"}
        return names.get(self.problem, "accuracy")

    def loss(self, logits: Tensor, targets: Tensor, weights: Tensor, *, soft: bool) -> Tensor:
        """Compute the weighted mean of the loss per example.

        The loss is KL(teacher || student) for soft targets and the cross-entropy for labels; for multi-label,
        the mean over the classes of the binary cross-entropy; for a regression, the squared error in units of
        the variance of the targets.
        """
        if self.problem == "regression":
            losses = ((logits - targets.view_as(logits)) / self.deviation).square().squeeze(1)
        elif self.problem == "multi_label":
            losses = self._binary_cross_entropy(logits, targets, soft=soft)
        elif soft:
            losses = self._divergence(logits, targets)
            if self.class_weights:
                of_class = logits.new_tensor(self.class_weights)[targets.argmax(dim=1)]
                weights = weights * torch.where(_certain(targets), of_class, 1.0)
        else:
            losses = functional.cross_entropy(logits, targets, reduction="none")
            if self.class_weights:
                weights = weights * logits.new_tensor(self.class_weights)[targets]
        return (losses * weights).sum() / weights.sum().clamp_min(torch.finfo(weights.dtype).tiny)

    def metric(self, logits: Tensor, targets: Tensor, weights: Tensor, *, soft: bool) -> float:
        """Compute the weighted accuracy; macro F1 for multi-label; Spearman's correlation for a regression.

        Soft targets count as the labels that the teacher predicts.
        """
        if self.problem == "regression":
            return spearman(
                *(array.numpy(force=True) for array in (logits[:, 0], targets.flatten(), weights))
            )
        if self.problem == "multi_label":
            return _macro_f1(logits > 0, targets > (0 if soft else 0.5), weights)
        truth = targets.argmax(dim=1) if soft else targets
        correct = (logits.argmax(dim=1) == truth).to(weights.dtype)
        return float((correct * weights).sum() / weights.sum())

    def _divergence(self, logits: Tensor, targets: Tensor) -> Tensor:
        student = functional.log_softmax(logits / self.temperature, dim=1)
        teacher = functional.log_softmax(targets / self.temperature, dim=1)
        each = functional.kl_div(student, teacher, reduction="none", log_target=True)
        return each.sum(dim=1) * self.temperature**2

    def _binary_cross_entropy(self, logits: Tensor, targets: Tensor, *, soft: bool) -> Tensor:
        weight = None
        if self.class_weights:
            present = _certain(targets)[:, None] & (targets > 0) if soft else targets > 0
            weight = torch.where(present, logits.new_tensor(self.class_weights), 1.0)
        if soft:
            logits, targets = logits / self.temperature, torch.sigmoid(targets / self.temperature)
        each = functional.binary_cross_entropy_with_logits(logits, targets, weight, reduction="none")
        return each.mean(dim=1) * (self.temperature**2 if soft else 1.0)


@dataclass(frozen=True)
class JointObjective:
    """The objectives of several heads, whose outputs follow each other.

    The methods are those of :class:`Objective`. Targets are soft, float32 (n, outputs), and `weights` are
    float32 (n, heads): a head without a target for a text has the weight 0 there.

    Attributes:
        parts: The outputs of each head and its objective.
    """

    parts: tuple[tuple[slice, Objective], ...]

    @property
    def metric_name(self) -> str:
        """``"mean"``: the mean of the heads' metrics."""
        return "mean"

    def loss(self, logits: Tensor, targets: Tensor, weights: Tensor, *, soft: bool) -> Tensor:
        """Compute the sum of the losses of the heads."""
        losses = [
            objective.loss(logits[:, part], targets[:, part], weights[:, number], soft=soft)
            for number, (part, objective) in enumerate(self.parts)
        ]
        return torch.stack(losses).sum()

    def metric(self, logits: Tensor, targets: Tensor, weights: Tensor, *, soft: bool) -> float:
        """Compute the mean of the metrics of the heads that have targets."""
        metrics = [
            objective.metric(logits[:, part], targets[:, part], weights[:, number], soft=soft)
            for number, (part, objective) in enumerate(self.parts)
            if weights[:, number].any()
        ]
        return sum(metrics) / len(metrics)


def objective_of(
    network: NetworkConfig, temperature: float, class_weights: tuple[float, ...] | None
) -> Objective | JointObjective:
    """The objective of a network."""
    if not network.heads:
        return Objective(network.problem, temperature, class_weights, network.deviation)
    ends = list(accumulate(head.classes for head in network.heads))
    return JointObjective(
        tuple(
            (
                slice(end - head.classes, end),
                Objective(head.problem, temperature, head.class_weights, head.deviation),
            )
            for head, end in zip(network.heads, ends, strict=True)
        )
    )


def _certain(targets: Tensor) -> Tensor:
    """Which soft targets, float32 (n, classes), are labels; bool (n,)."""
    return (targets.abs() >= CERTAIN).all(dim=1)


def _macro_f1(predicted: Tensor, truth: Tensor, weights: Tensor) -> float:
    weight = weights[:, None]
    hits = (weight * (predicted & truth)).sum(dim=0)
    total = (weight * predicted).sum(dim=0) + (weight * truth).sum(dim=0)
    return float((2 * hits / total.clamp_min(torch.finfo(weights.dtype).tiny)).mean())
