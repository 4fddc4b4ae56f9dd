"""Soft targets as training examples, without held-out texts."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .._internal.threads import all_threads
from ..data.examples import Examples
from ..data.identity import not_held_out
from ..data.labelled import Labelled
from ..errors import InputError
from .soft_targets import SoftTargets


def without(labelled: Labelled, held_out: pa.Array) -> Labelled:
    """Return `labelled` without the examples whose identity is in `held_out`.

    Args:
        labelled: The examples.
        held_out: Identities, see :func:`~sparsedistill.data.identity.identities`.
    """
    return labelled.select(not_held_out(labelled.texts, labelled.text_pair, held_out))


class SoftExamples:
    """The shards of a labelling as :class:`~sparsedistill.data.examples.Shards`.

    Args:
        targets: The labelling.
        held_out: Identities of the examples to leave out: those of validation and test data.

    Attributes:
        left_out: Number of texts that were left out.

    Raises:
        InputError: All texts are held out.
    """

    def __init__(self, targets: SoftTargets, held_out: pa.Array) -> None:
        self._targets = targets
        kept = list(enumerate(_all_kept(targets, held_out)))
        self.left_out = len(targets) - sum(len(rows) for _, rows in kept)
        self._kept = [(i, rows) for i, rows in kept if len(rows)]
        if not self._kept:
            raise InputError(
                f"{targets.directory} contains only texts of test and validation data: label other texts."
            )

    @property
    def sizes(self) -> Sequence[int]:
        """Number of examples in each shard."""
        return [len(rows) for _, rows in self._kept]

    def load(self, shard: int, /) -> Examples:
        """Read one shard."""
        number, rows = self._kept[shard]
        return self._examples(number, rows)

    def digest(self) -> str:
        """Hash of the contents of the shards and of the rows that are used."""
        found = hashlib.blake2b(repr(self._contents()).encode(), digest_size=16)
        for number, rows in self._kept:
            found.update(number.to_bytes(8, "little") + rows.tobytes())
        return found.hexdigest()

    def _contents(self) -> Sequence[object]:
        """Hashes of what the examples are made of."""
        return self._targets.contents

    def set_aside(self, share: float, seed: int) -> Examples:
        """Remove a random part of the first shard and return it, for example as validation data.

        Args:
            share: Share of the examples of the first shard to remove.
            seed: Seed of the choice.

        Raises:
            InputError: The removed part or the rest would be empty.
        """
        number, rows = self._kept[0]
        count = round(share * len(rows))
        if not 0 < count < len(rows):
            raise InputError(
                f"{len(rows)} texts are too few to hold out {share:g} of them: label more texts."
            )
        shuffled = np.random.default_rng(seed).permutation(rows)
        self._kept[0] = number, np.sort(shuffled[count:])
        return self._examples(number, np.sort(shuffled[:count]))

    def _examples(self, number: int, rows: NDArray[np.int64]) -> Examples:
        batch = self._targets.read(number)
        return Examples(batch.texts, text_pair=batch.text_pair, logits=batch.logits).take(rows)


def _all_kept(targets: SoftTargets, held_out: pa.Array) -> list[NDArray[np.int64]]:
    """The rows of each shard that are not held out. Without held-out texts, no shard is read."""
    everything = np.arange(max(targets.sizes))  # shared: the rows of a billion texts take 8 GB

    def kept(i: int) -> NDArray[np.int64]:
        rows = not_held_out(*targets.texts(i), held_out)
        return everything[: len(rows)] if len(rows) == targets.sizes[i] else rows

    if not len(held_out):
        return [everything[:size] for size in targets.sizes]
    with ThreadPoolExecutor(all_threads(None)) as pool:  # Arrow's regular expressions take one thread each
        return list(pool.map(kept, range(len(targets.shards))))
