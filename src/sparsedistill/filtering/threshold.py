"""The lowest score of the best texts, in memory that does not depend on their number."""

from __future__ import annotations

import math
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .order import ordered, values_of

_AT_ONCE = 1 << 20  # scores that are read at a time
_HALF = np.uint32(16)


class AllScores:
    """The scores of all texts, in a file without a name: four bytes per text.

    Args:
        folder: Where the file is; by default where temporary files are.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._file: Any = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - this is a context manager
        self.count = 0

    def __enter__(self) -> AllScores:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def add(self, scores: NDArray[np.float32]) -> None:
        """Append the scores of texts."""
        self._file.write(ordered(scores).tobytes())
        self.count += len(scores)

    def threshold(self, share: float) -> float:
        """The lowest of the highest `share` of the scores."""
        rank = _best(share, self.count)
        high, rank = _at_rank(self._counts(None), rank)
        low, _ = _at_rank(self._counts(high), rank)
        return float(values_of(np.array([high << 16 | low], np.uint32))[0])

    def _counts(self, high: int | None) -> NDArray[np.int64]:
        """How often each first half of a key occurs; or each second half, of the keys with the first half."""
        counts = np.zeros(1 << 16, np.int64)
        self._file.seek(0)
        while data := self._file.read(4 * _AT_ONCE):
            keys = np.frombuffer(data, np.uint32)
            halves = keys >> _HALF
            if high is not None:
                halves = keys[halves == high] & np.uint32(0xFFFF)
            counts += np.bincount(halves, minlength=len(counts))
        return counts


class SampledScores:
    """The scores of some texts, drawn at random. The draw depends on the seed and the number of texts only.

    Args:
        size: Number of texts to draw.
        seed: Seed of the draw.
    """

    def __init__(self, size: int, seed: int) -> None:
        self._size, self._random = size, np.random.default_rng(seed)
        self._keys = np.empty(0)
        self._scores = np.empty(0, np.float32)
        self._bound = 1.0
        self._drawn = np.empty(0)

    @property
    def count(self) -> int:
        """Number of drawn texts."""
        return len(self._best()[1])

    def drawn(self, count: int) -> NDArray[np.int64]:
        """Which of the next `count` texts may be among the drawn ones: their scores are to be added next."""
        keys = self._random.random(count)
        rows: NDArray[np.int64] = np.flatnonzero(keys < self._bound)
        self._drawn = keys[rows]
        return rows

    def add(self, scores: NDArray[np.float32]) -> None:
        """Append the scores of the texts that were drawn last."""
        self._keys = np.concatenate([self._keys, self._drawn])
        self._scores = np.concatenate([self._scores, scores])
        if len(self._keys) > 2 * self._size:
            self._keys, self._scores = self._best()
            self._bound = float(self._keys[-1])

    def threshold(self, share: float) -> float:
        """The lowest of the highest `share` of the drawn scores."""
        scores = np.sort(self._best()[1])
        return float(scores[len(scores) - _best(share, len(scores))])

    def _best(self) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        """The texts with the lowest keys: a sample without replacement."""
        order = np.argsort(self._keys, kind="stable")[: self._size]
        return self._keys[order], self._scores[order]


def _best(share: float, count: int) -> int:
    """How many of `count` texts are the best `share` of them; at least one."""
    return max(1, math.ceil(round(share * count, 6)))


def _at_rank(counts: NDArray[np.int64], rank: int) -> tuple[int, int]:
    """The position of the rank-th highest entry, and its rank among those at this position."""
    above = np.cumsum(counts[::-1])
    at = int(np.searchsorted(above, rank))
    return len(counts) - 1 - at, rank - (int(above[at - 1]) if at else 0)
