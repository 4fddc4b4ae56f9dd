"""Rows as signed bytes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .. import _core
from .difference import Floors
from .low_rank import LowRankHead, projected
from .sample import Floats, Sample

_LARGEST_BYTE = 127
_LARGEST_PAIR = 127 * 256 + 127  # of two signed bytes


@dataclass(frozen=True)
class QuantizedRows:
    """Rows as signed bytes; the first `wide` numbers have two bytes each.

    Attributes:
        values: int8 (rows, wide + dims).
        wide: Numbers with two bytes.
        scale: float64 (dims,), what the mean of rows is multiplied by.
        centre: float64 (dims,), what is added to it.
    """

    values: NDArray[np.int8]
    wide: int
    scale: Floats
    centre: Floats

    @property
    def bytes(self) -> int:
        """Bytes per row."""
        return int(self.values.shape[1])

    @classmethod
    def of(
        cls, head: LowRankHead, table: NDArray[np.float32], sample: Sample, floors: Floors
    ) -> QuantizedRows:
        """Quantize `table` to as few bytes as keep `floors`; the rest of a slot widens more numbers."""
        dims = head.projection.shape[1]
        counts = sample.items.weights(len(table))
        values = projected(table, head.projection)
        centre = counts @ values / max(counts.sum(), 1)
        narrow = [_in_one_byte(values[:, d] - centre[d], counts) for d in range(dims)]
        broad = [_in_two_bytes(values[:, d] - centre[d]) for d in range(dims)]
        shares = sample.shares[sample.fit]
        total = np.maximum(sample.items.counts.reshape(shares.shape).sum(axis=1, keepdims=True), 1)
        centres = sample.items.sums(np.ones((len(table), 1), np.int8)).reshape(shares.shape)

        def pooled(numbers: NDArray[np.int16], scale: float, d: int) -> Floats:
            sums = sample.items.sums(numbers[:, None]).reshape(shares.shape)
            restored: Floats = (sums * scale + centres * centre[d]) / total
            return restored

        def keeps_floor(features: Floats) -> bool:
            return floors.keep(head.logits(features, shares), sample.logits[sample.fit])

        features = np.stack([pooled(*narrow[d], d) for d in range(dims)], axis=2)
        wide = 0
        while not keeps_floor(features) and wide < dims:
            features[:, :, wide] = pooled(*broad[wide], wide)
            wide += 1
        if slots := _core.compact_slots(dims + wide):
            wide = min(dims, _core.compact_row_bytes(slots) - dims)
        lanes = []
        for d in range(dims):
            lanes.extend(_two_bytes(broad[d][0]) if d < wide else [narrow[d][0].astype(np.int8)])
        scale = np.array([(broad if d < wide else narrow)[d][1] for d in range(dims)])
        return cls(np.stack(lanes, axis=1), wide, scale, centre)


def _in_one_byte(values: NDArray[np.float32], counts: Floats) -> tuple[NDArray[np.int16], float]:
    """Integers up to 127, and their scale; clipped if that makes frequent n-grams more exact."""
    weights = counts + 1e-3
    best = (np.inf, np.zeros(len(values), np.int16), 1.0)
    for quantile in (1.0, 0.99999, 0.9999, 0.999, 0.99):
        scale = max(float(np.quantile(np.abs(values), quantile)) / _LARGEST_BYTE, 1e-30)
        numbers = np.clip(np.rint(values / scale), -_LARGEST_BYTE, _LARGEST_BYTE)
        error = float(weights @ (numbers * scale - values) ** 2)
        if error < best[0]:
            best = (error, numbers.astype(np.int16), scale)
    return best[1], best[2]


def _in_two_bytes(values: NDArray[np.float32]) -> tuple[NDArray[np.int16], float]:
    scale = max(float(np.abs(values).max()) / _LARGEST_PAIR, 1e-30)
    return np.rint(values / scale).astype(np.int16), scale


def _two_bytes(numbers: NDArray[np.int16]) -> list[NDArray[np.int8]]:
    """[first, second], both signed, with numbers = 256 * first + second."""
    wide = numbers.astype(np.int32)
    second = ((wide + 128) & 255) - 128
    return [((wide - second) >> 8).astype(np.int8), second.astype(np.int8)]
