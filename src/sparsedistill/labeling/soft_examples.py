"""Soft targets on disk as examples to train on, without the texts that are held out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..data.examples import Examples
from ..data.identity import not_held_out
from ..data.labelled import Labelled
from ..errors import InputError
from .soft_targets import SoftBatch, SoftTargets


def without(labelled: Labelled, held_out: pa.Array) -> Labelled:
    """`labelled` without the examples whose identity is in `held_out`."""
    return labelled.select(_kept(labelled, held_out))


class SoftExamples:
    """The shards of a labelling, as :class:`~sparsedistill.data.Shards`.

    Args:
        targets: The labelling.
        held_out: Identities of examples that are left out: those of validation and test data.

    Raises:
        InputError: Nothing is left.
    """

    def __init__(self, targets: SoftTargets, held_out: pa.Array) -> None:
        self._targets = targets
        kept = [(i, _kept(targets.read(i), held_out)) for i in range(len(targets.shards))]
        #: Texts that were left out.
        self.left_out = len(targets) - sum(len(rows) for _, rows in kept)
        self._kept = [(i, rows) for i, rows in kept if len(rows)]
        if not self._kept:
            raise InputError(
                f"{targets.directory} holds only texts of test and validation data: label others."
            )

    @property
    def sizes(self) -> Sequence[int]:
        """Examples that are left in each shard."""
        return [len(rows) for _, rows in self._kept]

    def load(self, shard: int, /) -> Examples:
        """Read one shard."""
        number, rows = self._kept[shard]
        return self._examples(number, rows)

    def set_aside(self, share: float, seed: int) -> Examples:
        """Take a random part of the first shard away, such as for validation.

        Raises:
            InputError: One of the two parts would be empty.
        """
        number, rows = self._kept[0]
        count = round(share * len(rows))
        if not 0 < count < len(rows):
            raise InputError(f"{len(rows)} texts are too few to set {share:g} of them aside: label more.")
        shuffled = np.random.default_rng(seed).permutation(rows)
        self._kept[0] = number, np.sort(shuffled[count:])
        return self._examples(number, np.sort(shuffled[:count]))

    def _examples(self, number: int, rows: NDArray[np.int64]) -> Examples:
        batch = self._targets.read(number)
        return Examples(batch.texts, text_pair=batch.text_pair, logits=batch.logits).take(rows)


def _kept(examples: Labelled | SoftBatch, held_out: pa.Array) -> NDArray[np.int64]:
    return not_held_out(examples.texts, examples.text_pair, held_out)
