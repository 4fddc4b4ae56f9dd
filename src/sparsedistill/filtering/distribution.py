"""The distribution of scores, counted in bounded memory."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .order import ordered, values_of

#: Scores are counted by their first 18 bits: quantiles are rounded down by at most 0.2 %.
_DROPPED = np.uint32(14)
#: The quantiles of a report.
QUANTILES = (0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99)


@dataclass(frozen=True)
class ScoreSummary:
    """The scores of some texts.

    Attributes:
        texts: Number of texts.
        kept: Number of texts that were kept.
        share: `kept` / `texts`; 0 without texts.
        mean: Mean of the scores; None without texts, as the next three.
        lowest: Lowest score.
        highest: Highest score.
        quantiles: Scores by their quantile, such as ``"0.5"``; exact to 0.2 %.
        histogram: Number of texts in each bin of the report.
    """

    texts: int
    kept: int
    share: float
    mean: float | None
    lowest: float | None
    highest: float | None
    quantiles: Mapping[str, float]
    histogram: Sequence[int]


@dataclass(frozen=True)
class DistributionRecord:
    """The state of a :class:`Distribution`, to add it to another one.

    Attributes:
        texts: Number of texts.
        kept: Number of texts that were kept.
        sum: Sum of the scores.
        counts: Number of texts by the first bits of their score, in the order of these.
        lowest: Lowest score; None without texts, as `highest`.
        highest: Highest score.
    """

    texts: int
    kept: int
    sum: float
    counts: list[tuple[int, int]]
    lowest: float | None = None
    highest: float | None = None


class Distribution:
    """Counts scores, and how many of them were kept."""

    def __init__(self) -> None:
        self.texts = self.kept = 0
        self.lowest, self.highest = np.inf, -np.inf
        self._sum = 0.0
        self._counts: Counter[int] = Counter()

    def add(self, scores: NDArray[np.float32], kept: NDArray[np.bool_]) -> None:
        """Count the scores of texts (n,), and which of them were kept."""
        if not len(scores):
            return
        self.texts += len(scores)
        self.kept += int(np.count_nonzero(kept))
        self._sum += float(scores.sum(dtype=np.float64))
        self.lowest = min(self.lowest, float(scores.min()))
        self.highest = max(self.highest, float(scores.max()))
        keys, counts = np.unique(ordered(scores) >> _DROPPED, return_counts=True)
        self._counts.update(dict(zip(keys.tolist(), counts.tolist(), strict=True)))

    def record(self) -> DistributionRecord:
        """What was counted."""
        lowest, highest = (self.lowest, self.highest) if self.texts else (None, None)
        counts = sorted(self._counts.items())
        return DistributionRecord(self.texts, self.kept, self._sum, counts, lowest, highest)

    def add_record(self, record: DistributionRecord) -> None:
        """Count what another distribution has counted."""
        self.texts += record.texts
        self.kept += record.kept
        self._sum += record.sum
        if record.lowest is not None and record.highest is not None:
            self.lowest, self.highest = min(self.lowest, record.lowest), max(self.highest, record.highest)
        self._counts.update(dict(record.counts))

    def summary(self, edges: Sequence[float]) -> ScoreSummary:
        """The figures, with a histogram between `edges`."""
        if not self.texts:
            return ScoreSummary(0, 0, 0.0, None, None, None, {}, [0] * (len(edges) - 1))
        keys = np.array(sorted(self._counts), np.uint32)
        counts = np.array([self._counts[key] for key in keys.tolist()], np.int64)
        values = values_of(keys << _DROPPED).astype(np.float64).clip(self.lowest, self.highest)
        below = np.cumsum(counts)
        ranks = [math.ceil(round(quantile * self.texts, 6)) - 1 for quantile in QUANTILES]
        found = values[np.searchsorted(below, ranks, "right")].tolist()
        bins = np.clip(np.searchsorted(edges, values, "right") - 1, 0, len(edges) - 2)
        return ScoreSummary(
            texts=self.texts,
            kept=self.kept,
            share=self.kept / self.texts,
            mean=self._sum / self.texts,
            lowest=self.lowest,
            highest=self.highest,
            quantiles={f"{quantile:g}": value for quantile, value in zip(QUANTILES, found, strict=True)},
            histogram=np.bincount(bins, counts, len(edges) - 1).astype(int).tolist(),
        )


def even_edges(lowest: float, highest: float, bins: int) -> list[float]:
    """Edges of `bins` bins of equal width, at round numbers if possible."""
    if not lowest < highest:
        lowest, highest = lowest - 0.5, lowest + 0.5
    step = (highest - lowest) / bins
    power = 10.0 ** np.floor(np.log10(step))
    step = float(next(round_ * power for round_ in (1, 2, 2.5, 5, 10) if round_ * power >= step))
    first = int(np.floor(lowest / step))
    count = int(np.floor(highest / step)) + 1 - first
    return [round((first + i) * step, 12) for i in range(count + 1)]
