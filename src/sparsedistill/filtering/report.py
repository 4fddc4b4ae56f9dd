"""What a filter did: how many texts it kept of which source, their scores, and examples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from .._internal.texts import encodable
from ..data.file_job import FileRecord
from .distribution import Distribution, DistributionRecord, ScoreSummary, even_edges

#: Sources that are counted one by one; the ones after them are counted together.
MOST_SOURCES = 200
#: What these are called.
OTHERS = "(others)"

_BINS = 10
_EXAMPLES = 5  # texts on either side of the threshold
_CHARACTERS = 200  # of an example


@dataclass(frozen=True)
class Example:
    """A text near the threshold.

    Attributes:
        score: Its score.
        kept: It was kept.
        text: Its beginning, on one line.
    """

    score: float
    kept: bool
    text: str


@dataclass(frozen=True)
class FilteredFile:
    """One file.

    Attributes:
        input: The file that was read.
        output: The file with the kept texts.
        texts: Number of texts.
        kept: Number of texts that were kept.
    """

    input: str
    output: str
    texts: int
    kept: int


@dataclass(frozen=True)
class FilterReport:
    """What a filter did.

    Attributes:
        keep: The expression, if there was one.
        share: The share of texts to keep, if there was one.
        sample: Number of texts that the threshold was found in, if that was a sample.
        by: The score that the figures are about.
        threshold: The value of this score that texts were kept from; for an expression the first number that
            it is compared with, and 0.5 for a class that is compared as a label.
        total: All texts.
        edges: Edges of the bins of the histograms.
        by_source: Column of the sources.
        sources: The texts of each source, the most texts first. Texts without a source have the name "".
        examples: Texts near the threshold: those that were kept, nearest first, then those that were not.
        files: The files.
    """

    keep: str | None
    share: float | None
    sample: int | None
    by: str
    threshold: float
    total: ScoreSummary
    edges: Sequence[float]
    by_source: str | None
    sources: Mapping[str, ScoreSummary]
    examples: Sequence[Example]
    files: Sequence[FilteredFile]


@dataclass(frozen=True)
class TallyRecord:
    """The state of a :class:`Tally`, to add it to another one.

    Attributes:
        total: All texts.
        sources: The sources, in the order in which they were found.
        examples: Texts near the threshold, with their distance from it.
    """

    total: DistributionRecord
    sources: dict[str, DistributionRecord]
    examples: list[tuple[float, Example]]


@dataclass(frozen=True)
class FilteredRecord(FileRecord):
    """The record of a file that was filtered to a directory.

    Attributes:
        kept: Number of texts that were kept.
        tally: What was counted.
    """

    kept: int
    tally: TallyRecord


class Tally:
    """Counts texts as they are filtered.

    Args:
        threshold: Where examples are taken from.
        probabilities: Scores are between 0 and 1.
    """

    def __init__(self, threshold: float, *, probabilities: bool) -> None:
        self.total = Distribution()
        self._threshold, self._probabilities = np.float32(threshold), probabilities
        self._sources: dict[str, Distribution] = {}
        self._examples: dict[bool, list[tuple[float, Example]]] = {True: [], False: []}

    def add(
        self,
        texts: pa.Array,
        scores: NDArray[np.float32],
        kept: NDArray[np.bool_],
        sources: pa.Array | None = None,
    ) -> None:
        """Count n texts: their scores, which of them are kept, and the names of their sources."""
        self.total.add(scores, kept)
        if sources is not None:
            self._add_sources(scores, kept, sources)
        distances = np.abs(scores - self._threshold)
        for side in (True, False):
            self._add_examples(texts, scores, distances, np.flatnonzero(kept == side), side)

    def record(self) -> TallyRecord:
        """What was counted."""
        sources = {name: one.record() for name, one in self._sources.items()}
        return TallyRecord(self.total.record(), sources, self._examples[True] + self._examples[False])

    def add_record(self, record: TallyRecord) -> None:
        """Count what another tally has counted of other texts, which follow those of this one."""
        self.total.add_record(record.total)
        for name, found in record.sources.items():
            self._source(name).add_record(found)
        for distance, example in record.examples:
            self._examples[example.kept].append((distance, example))
        for side in self._examples.values():
            _shorten(side)

    def edges(self) -> list[float]:
        """Edges of the bins of the histograms."""
        if self._probabilities or not self.total.texts:
            return [i / _BINS for i in range(_BINS + 1)]
        return even_edges(self.total.lowest, self.total.highest, _BINS)

    def sources(self) -> dict[str, ScoreSummary]:
        """The sources, the most texts first."""
        edges = self.edges()
        found = sorted(self._sources.items(), key=lambda item: (-item[1].texts, item[0]))
        return {name: distribution.summary(edges) for name, distribution in found}

    def examples(self) -> list[Example]:
        """Texts near the threshold."""
        return [example for side in (True, False) for _, example in self._examples[side]]

    def _source(self, name: str) -> Distribution:
        """The distribution of a source; the most sources are counted one by one, the others together."""
        if name not in self._sources and len(self._sources) >= MOST_SOURCES:
            name = OTHERS
        return self._sources.setdefault(name, Distribution())

    def _add_sources(self, scores: NDArray[np.float32], kept: NDArray[np.bool_], sources: pa.Array) -> None:
        encoded = pc.fill_null(sources, "").dictionary_encode()
        names = encoded.dictionary.to_pylist()
        for name in names:
            self._source(name)
        known = {name: i for i, name in enumerate(self._sources)}
        others = known.get(OTHERS, -1)
        places = np.array([known.get(name, others) for name in names], np.int64)
        rows_of = places[encoded.indices.to_numpy()]
        order = np.argsort(rows_of, kind="stable")
        found, begins = np.unique(rows_of[order], return_index=True)
        distributions = list(self._sources.values())
        for place, rows in zip(found.tolist(), np.split(order, begins[1:]), strict=True):
            distributions[place].add(scores[rows], kept[rows])

    def _add_examples(
        self,
        texts: pa.Array,
        scores: NDArray[np.float32],
        distances: NDArray[np.float32],
        rows: NDArray[np.int64],
        side: bool,
    ) -> None:
        found = self._examples[side]
        if len(found) == _EXAMPLES:
            rows = rows[distances[rows] < found[-1][0]]
        for row in rows[np.argsort(distances[rows], kind="stable")[:_EXAMPLES]].tolist():
            example = Example(float(scores[row]), side, _beginning(texts[row].as_py()))
            found.append((float(distances[row]), example))
        _shorten(found)


def _shorten(examples: list[tuple[float, Example]]) -> None:
    """Leave the nearest examples."""
    examples.sort(key=lambda item: item[0])  # stable: of equal distances the first stays first
    del examples[_EXAMPLES:]


def _beginning(text: str) -> str:
    return encodable(" ".join(text[: 10 * _CHARACTERS].split())[:_CHARACTERS])
