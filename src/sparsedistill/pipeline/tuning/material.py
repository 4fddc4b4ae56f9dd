"""The texts that trials are trained and scored on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...data.examples import Examples, Shards, examples_of
from ...labeling.soft_examples import SoftExamples
from ...labeling.soft_targets import SoftTargets
from ..config import DistillationConfig
from ..material import Material
from ..validation import validation_folds

#: Held-out texts of a kind that trials are scored on, at most.
MOST_TEXTS = 5_000


@dataclass(frozen=True)
class Fold:
    """Training data of a trial, and the held-out texts that it is scored on.

    Attributes:
        train: Training data.
        held_out: Held-out texts by kind: labelled ones, ones with soft targets, or both. The first kind
            selects the checkpoint.
    """

    train: Shards
    held_out: tuple[Examples, ...]


def tuning_folds(
    targets: SoftTargets | None, material: Material, config: DistillationConfig
) -> Sequence[Fold]:
    """The texts to tune on. Test data are not among them.

    With soft targets, a part of these is held out, and the validation data are scored too. Without them, the
    validation data are scored; if they are few and are a part of the labelled texts, there are folds instead.

    Args:
        targets: The soft targets, if there are any.
        material: The labelled texts.
        config: Settings of the job.
    """
    validation, train = material.validation, material.train
    if targets is not None:
        soft = SoftExamples(targets, material.held_out())
        share = min(config.validation_share, MOST_TEXTS / soft.sizes[0])
        aside = soft.set_aside(share, config.seed)
        return [
            Fold(soft, (aside,) if validation is None else (limited(examples_of(validation), config), aside))
        ]
    assert train is not None  # noqa: S101 - without a teacher there are labels,
    assert validation is not None  # noqa: S101 - and a part of them is held out
    labelled = material.all_labelled()
    count = validation_folds(labelled, config.validation_share) if material.own_validation else 1
    if count == 1:
        return [Fold(examples_of(train), (limited(examples_of(validation), config),))]
    return [
        Fold(examples_of(rest), (examples_of(held_out),))
        for rest, held_out in labelled.folds(count, config.seed)
    ]


def limited(examples: Examples, config: DistillationConfig) -> Examples:
    """The texts, or a random choice of :data:`MOST_TEXTS` of them."""
    if len(examples) <= MOST_TEXTS:
        return examples
    chosen = np.random.default_rng(config.seed).permutation(len(examples))[:MOST_TEXTS]
    return examples.take(np.sort(chosen))
