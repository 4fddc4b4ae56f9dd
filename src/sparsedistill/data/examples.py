"""What a student is trained on: texts, and what is to be said of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .._internal.texts import Texts, encodable
from ..errors import InputError


class Shards(Protocol):
    """Examples in pieces, of which only some need to fit in memory at once."""

    @property
    def sizes(self) -> Sequence[int]:
        """Examples in each shard, at least one."""
        ...

    def load(self, shard: int, /) -> Examples:
        """Read one shard."""
        ...


class Examples:
    """Texts (or pairs of texts) with soft targets or labels; as :class:`Shards`, a single one.

    Attributes:
        texts: n texts, as Arrow large strings.
        text_pair: n second texts; None where the student takes single texts.
        targets: float32 (n, classes) of teacher logits where `soft`; else int64 (n,) of class
            indices, or float32 (n, classes) of 0 and 1 for multi-label.
        soft: `targets` are soft targets.
        weights: float32 (n,), how much each example counts.
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
        """Put examples together from n texts and either soft targets or labels.

        Args:
            texts: n texts.
            logits: (n, classes) of teacher logits: the soft targets.
            labels: (n,) of class indices, or (n, classes) of 0 and 1 for multi-label.
            text_pair: n second texts, for pairs.
            weights: (n,), how much each example counts; 1 where it is not given.

        Raises:
            InputError: There are no texts, sizes differ, a text is missing, a target or a weight is not
                a number that can be used, or both or neither of `logits` and `labels` were given.
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
                    f"{len(self.texts)} texts came with {len(values)} {name}: give exactly one a text."
                )
        if self.weights.ndim != 1 or not np.isfinite(self.weights).all() or (self.weights < 0).any():
            raise InputError(
                "Example weights must be finite and at least 0, one a text: correct the weights."
            )

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def sizes(self) -> Sequence[int]:
        return (len(self),)

    def load(self, _shard: int, /) -> Examples:
        return self

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
        """All examples of `parts`, which are of one kind, one after the other."""
        if len(parts) == 1:
            return parts[0]
        pairs = [part.text_pair for part in parts]
        return Examples(
            pa.chunked_array([part.texts for part in parts]),
            text_pair=None if pairs[0] is None else pa.chunked_array(pairs),
            weights=np.concatenate([part.weights for part in parts]),
            **{"logits" if parts[0].soft else "labels": np.concatenate([part.targets for part in parts])},
        )


def as_strings(texts: Texts, name: str = "texts") -> pa.Array:
    """`texts` as one Arrow array of large strings: their 64-bit offsets hold any number of bytes.

    A lone surrogate, which UTF-8 has no bytes for, becomes U+FFFD.

    Raises:
        InputError: A text is missing, or is not a string.
    """
    if isinstance(texts, np.ndarray):
        texts = texts.tolist()
    try:
        if isinstance(texts, pa.ChunkedArray):
            array = texts.cast(pa.large_string()).combine_chunks()
        elif isinstance(texts, pa.Array):
            array = texts.cast(pa.large_string())
        else:
            array = _from_python(texts)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError) as error:
        raise InputError(f"{name} holds something that is not text ({error}): convert or drop it.") from error
    if array.null_count:
        missing = array.is_null().index(True).as_py()
        raise InputError(f"Text {missing} of {name} is missing: give an empty text, or drop the example.")
    return array


def _from_python(texts: Sequence[str]) -> pa.Array:
    try:
        return pa.array(texts, pa.large_string())
    except UnicodeEncodeError:
        return pa.array([encodable(text) for text in texts], pa.large_string())


def _logits(values: NDArray[Any]) -> NDArray[np.float32]:
    logits = np.asarray(values, np.float32)
    if logits.ndim != 2:
        raise InputError(f"logits have {logits.ndim} dimensions: give an array of (texts, classes).")
    finite = np.isfinite(logits).all(axis=1)
    if not finite.all():
        raise InputError(
            f"The logits of text {int(np.argmin(finite))} are not finite: drop it, or score it again."
        )
    return logits


def _labels(values: NDArray[Any] | None) -> NDArray[np.int64] | NDArray[np.float32]:
    labels = np.asarray(values)
    if labels.ndim == 1 and np.issubdtype(labels.dtype, np.integer):
        if len(labels) and labels.min() < 0:
            raise InputError(f"Label {labels.min()} is below 0: labels are class indices from 0 on.")
        return labels.astype(np.int64)
    if labels.ndim == 2 and np.isin(labels, (0, 1)).all():
        return labels.astype(np.float32)
    raise InputError(
        "labels are neither whole numbers (texts,) nor 0 and 1 (texts, classes): give one of these."
    )
