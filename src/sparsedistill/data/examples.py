"""Training examples: texts with soft targets or labels."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .._internal.texts import Texts, as_strings, string_buffers
from ..errors import InputError
from .labelled import Labelled


class Shards(Protocol):
    """Examples in shards, which are loaded one at a time."""

    @property
    def sizes(self) -> Sequence[int]:
        """Number of examples in each shard, at least one."""
        ...

    def load(self, shard: int, /) -> Examples:
        """Read one shard."""
        ...

    def digest(self) -> str:
        """What identifies the examples: a hash of texts, targets and weights, or of their files."""
        ...


class Examples:
    """Texts (or pairs of texts) with soft targets or labels. They are :class:`Shards` with one shard.

    Attributes:
        texts: Texts, large_string (n,).
        text_pair: Second texts of pairs, large_string (n,), or None.
        targets: If `soft`, teacher logits, float32 (n, classes). Otherwise class indices, int64 (n,), or for
            multi-label 0 and 1, float32 (n, classes), and for a regression numbers, float32 (n,).
        soft: `targets` are soft targets.
        weights: Weights of the examples, float32 (n,); for several heads one per head, float32 (n, heads).
    """

    def __init__(
        self,
        texts: Texts,
        *,
        logits: NDArray[Any] | None = None,
        labels: NDArray[Any] | None = None,
        text_pair: Texts | None = None,
        weights: NDArray[Any] | None = None,
    ) -> None:
        """Make examples from n texts and either soft targets or labels.

        Args:
            texts: n texts.
            logits: Soft targets: teacher logits (n, classes).
            labels: Class indices (n,); 0 and 1 (n, classes) for multi-label; floats (n,) for a regression.
            text_pair: n second texts, for pairs.
            weights: Weights of the examples (n,), or (n, heads); by default 1.

        Raises:
            InputError: There are no texts, sizes differ, a text is missing, a target or a weight is invalid,
                or `logits` and `labels` are both given or both missing.
        """
        if (logits is None) == (labels is None):
            raise InputError("Examples need either logits or labels: give exactly one of the two.")
        self.texts = as_strings(texts, "texts")
        self.text_pair = None if text_pair is None else as_strings(text_pair, "text_pair")
        self.soft = logits is not None
        self.targets = _logits(logits) if logits is not None else _labels(labels)
        self.weights = (
            np.ones(len(self.texts), np.float32) if weights is None else np.asarray(weights, np.float32)
        )
        if not len(self.texts):
            raise InputError("There are no examples: give at least one text.")
        for name in ("text_pair", "targets", "weights"):
            values = getattr(self, name)
            if values is not None and len(values) != len(self.texts):
                raise InputError(
                    f"{len(self.texts)} texts came with {len(values)} {name}: give exactly one per text."
                )
        if self.weights.ndim not in (1, 2) or not np.isfinite(self.weights).all() or (self.weights < 0).any():
            raise InputError("Example weights must be finite and at least 0: give one such number per text.")

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def sizes(self) -> Sequence[int]:
        """Number of examples in the only shard."""
        return (len(self),)

    def load(self, _shard: int, /) -> Examples:
        """The only shard: these examples."""
        return self

    def digest(self) -> str:
        """Hash of texts, targets and weights."""
        found = hashlib.blake2b(self.targets.tobytes(), digest_size=16)
        found.update(self.weights.tobytes())
        for side in (self.texts, self.text_pair):
            if side is not None:
                offsets, data = string_buffers(side)
                found.update(offsets.tobytes())
                found.update(data)
        return found.hexdigest()

    def take(self, indices: NDArray[np.int64]) -> Examples:
        """The examples at `indices`, in that order."""
        positions = pa.array(indices)
        return Examples(
            self.texts.take(positions),
            text_pair=None if self.text_pair is None else self.text_pair.take(positions),
            weights=self.weights[indices],
            **{"logits" if self.soft else "labels": self.targets[indices]},
        )

    @staticmethod
    def join(parts: Sequence[Examples]) -> Examples:
        """Concatenate `parts`, which all have soft targets or all have labels."""
        if len(parts) == 1:
            return parts[0]
        pairs = [part.text_pair for part in parts]
        return Examples(
            pa.chunked_array([part.texts for part in parts]),
            text_pair=None if pairs[0] is None else pa.chunked_array(pairs),
            weights=np.concatenate([part.weights for part in parts]),
            **{"logits" if parts[0].soft else "labels": np.concatenate([part.targets for part in parts])},
        )


def _logits(values: NDArray[Any]) -> NDArray[np.float32]:
    logits = np.asarray(values, np.float32)
    if logits.ndim != 2:
        raise InputError(f"logits have {logits.ndim} dimensions: give an array (texts, classes).")
    finite = np.isfinite(logits).all(axis=1)
    if not finite.all():
        raise InputError(
            f"The logits of text {int(np.argmin(finite))} are not finite: leave it out, or score it again."
        )
    return logits


def _labels(values: NDArray[Any] | None) -> NDArray[np.int64] | NDArray[np.float32]:
    labels = np.asarray(values)
    if labels.ndim == 1 and np.issubdtype(labels.dtype, np.integer):
        if len(labels) and labels.min() < 0:
            raise InputError(f"Label {labels.min()} is below 0: give class indices from 0.")
        return labels.astype(np.int64)
    if labels.ndim == 2 and np.isin(labels, (0, 1)).all():
        return labels.astype(np.float32)
    if labels.ndim == 1 and np.issubdtype(labels.dtype, np.floating):
        for row in np.flatnonzero(~np.isfinite(labels))[:1]:
            raise InputError(f"Label {row} is {labels[row]}: give finite numbers.")
        return labels.astype(np.float32)
    raise InputError(
        "labels are neither class indices (texts,), nor numbers (texts,), nor 0 and 1 (texts, classes): give "
        "one of these."
    )


def examples_of(labelled: Labelled) -> Examples:
    """Labelled texts as training examples."""
    return Examples(
        labelled.texts, text_pair=labelled.text_pair, labels=labelled.labels, weights=labelled.weights
    )
