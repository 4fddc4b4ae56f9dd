"""The texts that trials are trained and scored on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ...data.examples import Examples, Shards
from ...data.labelled import Labelled
from ...labeling.soft_examples import SoftExamples
from ...labeling.soft_targets import SoftTargets
from ..config import DistillationConfig
from ..material import Material
from ..student_training import examples_of
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
    targets: SoftTargets | None, material: Material, config: DistillationConfig, *, own_validation: bool
) -> Sequence[Fold]:
    """The texts to tune on. Test data are not among them.

    With soft targets, a part of these is held out, and the validation data are scored too. Without them, the
    validation data are scored; if they are few and are a part of the labelled texts, there are folds instead.

    Args:
        targets: The soft targets, if there are any.
        material: The labelled texts.
        config: Settings of the job.
        own_validation: The validation data are a part of the labelled texts.
    """
    validation, train = material.validation, material.train
    if targets is not None:
        soft = SoftExamples(targets, material.held_out())
        share = min(config.validation_share, MOST_TEXTS / soft.sizes[0])
        aside = soft.set_aside(share, config.seed)
        return [Fold(soft, (aside,) if validation is None else (_some(validation, config), aside))]
    assert train is not None  # noqa: S101 - without a teacher there are labels,
    assert validation is not None  # noqa: S101 - and a part of them is held out
    labelled = _joined(train, validation)
    count = validation_folds(labelled, config.validation_share) if own_validation else 1
    if count == 1:
        return [Fold(examples_of(train), (_some(validation, config),))]
    return [
        Fold(examples_of(rest), (examples_of(held_out),))
        for rest, held_out in labelled.folds(count, config.seed)
    ]


def _some(labelled: Labelled, config: DistillationConfig) -> Examples:
    """The texts, or a random choice of :data:`MOST_TEXTS` of them."""
    if len(labelled) <= MOST_TEXTS:
        return examples_of(labelled)
    chosen = np.random.default_rng(config.seed).permutation(len(labelled))[:MOST_TEXTS]
    return examples_of(labelled.select(np.sort(chosen)))


def _joined(first: Labelled, second: Labelled) -> Labelled:
    pair = first.text_pair is not None and second.text_pair is not None
    weights = [
        np.ones(len(part), np.float32) if part.weights is None else part.weights for part in (first, second)
    ]
    return Labelled(
        texts=_both(first.texts, second.texts),
        labels=np.concatenate([first.labels, second.labels]),
        classes=first.classes,
        text_pair=_both(first.text_pair, second.text_pair) if pair else None,
        weights=np.concatenate(weights),
    )


def _both(first: pa.Array, second: pa.Array) -> pa.Array:
    """One array of large strings, since labelled texts in memory can be of another string type."""
    return pa.concat_arrays([first.cast(pa.large_string()), second.cast(pa.large_string())])
