"""Soft targets on disk as examples to train on, without the texts that are held out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ..data.corpus import Labelled
from ..data.examples import Examples
from ..errors import InputError
from .soft_targets import SoftBatch, SoftTargets

_UNIT = "\x1f"  # stands between the texts of a pair


def identities(texts: pa.Array, text_pair: pa.Array | None) -> pa.Array:
    """What tells examples apart: large_string (n,), the words of the text, or of both texts of a pair.

    Case, punctuation and white space do not: a text that differs in these alone is the same text in another
    edition.
    """
    return paired(_words(texts), None if text_pair is None else _words(text_pair))


def paired(texts: pa.Array, text_pair: pa.Array | None) -> pa.Array:
    """Both texts of each pair in one string, large_string (n,); single texts as they are."""
    texts = texts.cast(pa.large_string())
    if text_pair is None:
        return texts
    return pc.binary_join_element_wise(
        texts, text_pair.cast(pa.large_string()), pa.scalar(_UNIT, pa.large_string())
    )


def _words(texts: pa.Array) -> pa.Array:
    """Letters and digits in small letters, a space between words; a text without any stays as it is."""
    lower = pc.utf8_lower(texts.cast(pa.large_string()))
    words = pc.utf8_trim(pc.replace_substring_regex(lower, r"[^\pL\pM\pN]+", " "), " ")
    return pc.if_else(pc.equal(words, ""), lower, words)


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
    found = pc.is_in(identities(examples.texts, examples.text_pair), value_set=held_out)
    return np.flatnonzero(~found.to_numpy(zero_copy_only=False))
