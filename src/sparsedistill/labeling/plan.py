"""How a corpus is cut into shards, and shards into parts that a teacher scores at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..data.corpus import Corpus, TextBatch
from .scorer import SCORED_AT_ONCE


@dataclass(frozen=True)
class Part:
    """Consecutive rows of one shard.

    Attributes:
        rows: The rows, at most :data:`~sparsedistill.labeling.scorer.SCORED_AT_ONCE`.
        shard: Number of the shard.
        last: Whether they fill the shard. The last shard of a corpus may end without such a part.
    """

    rows: TextBatch
    shard: int
    last: bool


def parts_of(corpus: Corpus, shard_size: int) -> Iterator[Part]:
    """Cut a corpus into parts.

    Parts depend only on the corpus and `shard_size`, not on what is labelled already. A teacher whose
    rounding depends on the other texts of a part therefore gives the same scores after a resumption.

    Raises:
        InputError: The corpus cannot be read.
    """
    row = 0
    for batch in corpus.batches(SCORED_AT_ONCE):
        start = 0
        while start < len(batch):
            stop = min(len(batch), start + shard_size - row % shard_size)
            shard = row // shard_size
            row += stop - start
            yield Part(batch.slice(start, stop), shard, row % shard_size == 0)
            start = stop


def next_shard(parts: Iterator[Part]) -> Iterator[TextBatch]:
    """Take the parts of one shard from `parts`, and none of the shard after it."""
    for part in parts:
        yield part.rows
        if part.last:
            return
