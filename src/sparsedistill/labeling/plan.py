"""How a corpus is cut into shards, and the rows of a shard into what a teacher scores at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from ..data.corpus import Corpus, TextBatch, as_batch, rebatched
from .scorer import SCORED_AT_ONCE


@dataclass(frozen=True)
class ShardPlan:
    """The shards of a corpus.

    Attributes:
        shard_size: Texts per shard.
        rows: Number of texts of each file of the corpus.
    """

    shard_size: int
    rows: Sequence[int]

    @property
    def texts(self) -> int:
        """Number of texts."""
        return sum(self.rows)

    @property
    def shards(self) -> int:
        """Number of shards."""
        return -(-self.texts // self.shard_size)

    def size(self, number: int) -> int:
        """Number of texts of a shard."""
        return min(self.shard_size, self.texts - number * self.shard_size)


class ShardReader:
    """Reads the shards of a corpus, each in parts that a teacher scores at once.

    The parts of a shard depend on its rows only. A teacher whose rounding depends on the other texts of a
    part therefore gives the same scores in whatever order, and by which processes, shards are labelled.

    Args:
        corpus: The texts.
        plan: How they are cut.
    """

    def __init__(self, corpus: Corpus, plan: ShardPlan) -> None:
        self._corpus, self._plan = corpus, plan
        self._ends = np.cumsum(plan.rows)
        self._tables: Iterator[pa.Table] = iter(())
        self._held: pa.Table | None = None  # rows that were read and not given
        self._row = -1  # the next one; -1 if nothing was read yet

    def read(self, number: int) -> Iterator[TextBatch]:
        """The rows of a shard. Shards are read in ascending order; files before the first one are not.

        Raises:
            InputError: The corpus cannot be read.
        """
        first = number * self._plan.shard_size
        file = int(np.searchsorted(self._ends, first, "right"))
        begin = int(self._ends[file - 1]) if file else 0
        if self._row < begin:
            sources = self._corpus.sources[file:]
            self._tables = (block.table for block in Corpus.of(sources, self._corpus.columns).rows())
            self._held, self._row = None, begin
        for _ in self._take(first - self._row):
            pass
        return map(as_batch, rebatched(self._take(self._plan.size(number)), SCORED_AT_ONCE))

    def _take(self, rows: int) -> Iterator[pa.Table]:
        """The next rows; fewer if the corpus ends."""
        while rows:
            table = self._held if self._held is not None else next(self._tables, None)
            if table is None:
                return
            taken, rest = table.slice(0, rows), table.slice(rows)
            self._held = rest if len(rest) else None
            self._row += len(taken)
            rows -= len(taken)
            yield taken
