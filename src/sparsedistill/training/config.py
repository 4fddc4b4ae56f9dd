"""Settings of the training. Does not import torch."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, inf
from typing import Literal, TypeAlias

from .._internal.settings import check_fields
from ..errors import InputError

#: Back end of the table (see :mod:`sparsedistill.training.tables.registry`); ``"auto"`` is FBGEMM if it is
#: installed.
TableKind: TypeAlias = Literal["auto", "fbgemm", "embedding_bag"]

#: Weights of the classes: one each, or computed from the labels.
ClassWeights: TypeAlias = tuple[float, ...] | Literal["balanced"]

_LARGE_TABLE = 1 << 28  # numbers: 1 GiB

#: Settings that are None or a number of things, at least 1.
_COUNTS = (
    "steps",
    "least_steps",
    "batch_size",
    "max_ngrams",
    "evaluations",
    "patience",
    "window",
    "threads",
)


@dataclass(frozen=True)
class TrainingConfig:
    """How a student is trained.

    The defaults are for a student that is trained from scratch, on soft targets or on labels.
    :data:`FINE_TUNING` is for training on labels after distillation.

    Attributes:
        steps: Steps of the run. None chooses them from the data: `passes` over the examples, but at least
            `least_steps`, because a pass over few examples teaches little.
        passes: Passes over the examples if `steps` is None.
        least_steps: Smallest number of steps if `steps` is None.
        batch_size: Examples per step.
        learning_rate: Peak learning rate of Adam, for the head.
        table_learning_rate: Peak learning rate of row-wise Adagrad, for the table.
        warmup: Share of the steps in which both rates rise linearly from 0; afterwards they fall linearly to
            0.
        ngram_dropout: Share of each text's n-grams that is dropped at random.
        max_ngrams: Maximum number of n-grams per text; of a longer text, a random sample is kept.
        temperature: Divides the logits of teacher and student if the targets are soft.
        class_weights: Only for labels: the weight of each class. It applies to the examples with that label;
            for multi-label, to the class in the examples that have it. ``"balanced"`` computes them from the
            labels, so that rare classes count for more. See
            :func:`~sparsedistill.data.labelled.balanced_class_weights`.
        evaluations: Number of evaluations, spread evenly over the run; one more precedes the first step. None
            is 10, and 4 for tables of at least 2^28 numbers: each writes a checkpoint of the table.
        patience: Stop after this number of evaluations without a better result; None to never stop early.
        window: Texts to hold in memory and shuffle together: shards are read until they have this many.
        seed: Seeds the order of the examples, the choice of dropped n-grams, and dropout.
        threads: Threads for training and n-gram extraction. None uses all CPUs of the process, within its
            quota; for training within torch's own setting too, and only one if torch was imported before
            :mod:`sparsedistill.training`.

    Raises:
        InputError: A setting is out of range.
    """

    steps: int | None = None
    passes: float = 5.0
    least_steps: int = 1500
    batch_size: int = 256
    learning_rate: float = 1e-3
    table_learning_rate: float = 0.1
    warmup: float = 0.06
    ngram_dropout: float = 0.1
    max_ngrams: int | None = 2048
    temperature: float = 1.0
    class_weights: ClassWeights | None = None
    evaluations: int | None = None
    patience: int | None = None
    window: int = 200_000
    seed: int = 0
    threads: int | None = None

    def __post_init__(self) -> None:
        check_fields(self)
        for name in _COUNTS:
            value = getattr(self, name)
            if value is not None and value < 1:
                raise InputError(f"The training setting {name} is {value}: it must be at least 1.")
            if value is not None and value >= 2**31:
                raise InputError(f"The training setting {name} is {value}: it must be less than 2^31.")
        if not 0 <= self.seed < 2**63:
            raise InputError(f"The training setting seed is {self.seed}: it must be 0 to 2^63 - 1.")
        for name in ("warmup", "ngram_dropout"):
            value = getattr(self, name)
            if not 0 <= value < 1:
                raise InputError(f"The training setting {name} is {value}: it must be in [0, 1).")
        for name in ("passes", "learning_rate", "table_learning_rate", "temperature"):
            value = getattr(self, name)
            if not 0 < value < inf:
                raise InputError(f"The training setting {name} is {value}: it must be finite and above 0.")
        if isinstance(self.class_weights, tuple | list):
            for weight in self.class_weights:
                if not 0 <= weight < inf:
                    raise InputError(f"A class weight is {weight}: it must be finite and at least 0.")

    def evaluations_of(self, numbers: int) -> int:
        """Evaluations of a run with a table of this many numbers."""
        return self.evaluations or (4 if numbers >= _LARGE_TABLE else 10)

    def length(self, examples: int) -> int:
        """Steps of a run on this number of examples."""
        if self.steps is not None:
            return self.steps
        return max(self.least_steps, ceil(self.passes * ceil(examples / self.batch_size)))


#: For training a distilled student on labels.
FINE_TUNING = TrainingConfig(passes=3, least_steps=150, learning_rate=5e-4, table_learning_rate=0.03)
