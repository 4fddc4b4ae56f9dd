"""The settings of fine-tuning."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from ..._internal.settings import check_fields
from ...errors import InputError

#: Settings that must be greater than 0, if they are given.
_POSITIVE = ("steps", "learning_rate", "batch_size", "max_length", "evaluations", "patience")


@dataclass(frozen=True)
class FinetuningConfig:
    """Settings for fine-tuning a teacher. Those that are None are chosen from the training texts.

    Attributes:
        steps: Length of the training; None: see :func:`~sparsedistill.teachers.finetuning.plan.choose_steps`.
        learning_rate: Peak learning rate of AdamW; linear warm-up over 6 % of the steps, then linear decay
            to 0. None: see :func:`~sparsedistill.teachers.finetuning.plan.choose_learning_rate`.
        batch_size: Texts per step. They are of similar length, and are padded to the longest of them.
        max_length: Longest input in tokens of the encoder; longer texts are truncated. None: see
            :func:`~sparsedistill.teachers.finetuning.plan.choose_max_length`.
        keep: Which end of a longer text is kept: ``"start"`` or ``"end"`` (the verdict of a review is often
            at its end).
        evaluations: Evaluations on validation texts, evenly spread over the training. Each writes a
            checkpoint.
        patience: Training stops after this many evaluations without a better result.
        weight_decay: Weight decay of AdamW.
        attention_dropout: Dropout of attention weights. 0 lets PyTorch use its fused attention, which makes
            a step on a CPU twice as fast.
        half_precision: Autocast to bfloat16 if the device supports it natively.
        seed: Seeds the held-out texts, the new head, the order of the texts and dropout.

    Raises:
        InputError: A setting is out of range.
    """

    steps: int | None = None
    learning_rate: float | None = None
    batch_size: int = 32
    max_length: int | None = None
    keep: str = "start"
    evaluations: int = 10
    patience: int = 4
    weight_decay: float = 0.01
    attention_dropout: float = 0.0
    half_precision: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        check_fields(self)
        if self.keep not in ("start", "end"):
            raise InputError(f"keep is {self.keep!r}: it must be 'start' or 'end'.")
        for name in _POSITIVE:
            value = getattr(self, name)
            if value is not None and not 0 < value < inf:
                raise InputError(f"{name} of the teacher is {value}: it must be finite and above 0.")
            if value is not None and value >= 2**31:
                raise InputError(f"{name} of the teacher is {value}: it must be less than 2^31.")
        if not 0 <= self.seed < 2**63:
            raise InputError(f"The seed of the teacher is {self.seed}: it must be 0 to 2^63 - 1.")
