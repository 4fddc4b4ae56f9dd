"""Filtering one file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .._internal.background import in_background
from .._internal.progress import Advance
from ..cascade import CascadePredictions
from ..data.columns import KEPT
from ..data.fields import strings_of
from ..data.readers import RowBlock
from ..data.readers.records import Records
from ..data.record_writer import RecordWriter
from ..data.targets import Target
from ..model.answers import answer_columns, probability_columns
from ..model.heads import Head
from .config import FilterConfig
from .expression import Mask
from .names import Answers, ScoreName
from .report import Tally


@dataclass(frozen=True)
class Rule:
    """Which texts are kept.

    Attributes:
        by: The score that the report shows.
        threshold: The value of this score around which examples are taken.
        mask: Which of n texts are kept, bool (n,).
    """

    by: ScoreName
    threshold: float
    mask: Callable[[Answers], Mask]


@dataclass(frozen=True)
class Found:
    """What there was in a file.

    Attributes:
        texts: Number of texts.
        kept: Number of texts that were kept.
    """

    texts: int
    kept: int


@dataclass(frozen=True)
class _Rows:
    """Scored rows, to be written."""

    records: Records
    added: pa.RecordBatch
    kept: NDArray[np.bool_]


@dataclass(frozen=True)
class FileFilter:
    """Filters the rows of one file.

    Attributes:
        score: Scores a table of texts.
        heads: What the scores answer.
        rule: Which rows are kept.
        config: What is written of them.
        classes: The classes whose probabilities are added, by the name of the head.
    """

    score: Callable[[pa.Table], Answers]
    heads: tuple[Head, ...]
    rule: Rule
    config: FilterConfig
    classes: Mapping[str, tuple[str, ...]]

    def __call__(
        self, blocks: Iterator[RowBlock], places: list[Target], tally: Tally, advance: Advance
    ) -> Found | None:
        """Filter the rows of a file. Rows are scored here, while the last ones are written in the background.

        Args:
            blocks: The rows, with their records.
            places: Where to write those that are kept, and the others if that is wanted.
            tally: Counts them.
            advance: Is called with numbers of texts.

        Returns:
            How many there were; None if the file is damaged from its beginning.
        """
        first = next(blocks, None)
        if first is None:
            return None
        assert first.source is not None  # noqa: S101 - rows of files have one
        assert first.records is not None  # noqa: S101 - they were asked for
        scored = self.config.scores
        if scored is None:  # lines without columns stay as they are
            scored = first.source.reader.named
        none = self._added(self.score(first.table), scored).schema
        texts = count = 0
        with ExitStack() as stack:
            writers = [
                stack.enter_context(RecordWriter(place.name, place.codec, first.source, first.records, none))
                for place in places
            ]

            def write(rows: _Rows) -> tuple[int, int]:
                kept, rest = np.flatnonzero(rows.kept), np.flatnonzero(~rows.kept)
                for writer, chosen in zip(writers, (kept, rest), strict=False):
                    writer.write(rows.records.take(chosen), rows.added.take(pa.array(chosen)))
                return len(rows.kept), len(kept)

            scores = (self._scored(block, scored, tally) for block in blocks)
            for seen, kept in stack.enter_context(closing(in_background(write, scores))):
                texts, count = texts + seen, count + kept
                advance(seen)
        return Found(texts, count)

    def _scored(self, block: RowBlock, scored: bool, tally: Tally) -> _Rows:
        assert block.records is not None  # noqa: S101 - they were asked for
        answers = self.score(block.table)
        kept = self.rule.mask(answers)
        tally.add(block.table.column("text"), self.rule.by.values(answers), kept, self._sources(block))
        return _Rows(block.records, self._added(answers, scored), kept)

    def _added(self, answers: Answers, scored: bool) -> pa.RecordBatch:
        """The columns that are added to n rows: those of ``predict``, in its order."""
        columns: dict[str, pa.Array] = {}
        shares: dict[str, pa.Array] = {}
        if scored:
            for head in self.heads:
                found = answers[head.name]
                columns |= answer_columns(head, found)
                shares |= probability_columns(head, found, self.classes[head.name])
                if isinstance(found, CascadePredictions):
                    columns["deferred"] = pa.array(found.deferred)
            columns |= shares
        return pa.record_batch({self.config.prefix + name: column for name, column in columns.items()})

    def _sources(self, block: RowBlock) -> pa.Array | None:
        if self.config.by_source is None:
            return None
        return strings_of(block.table.column(KEPT + self.config.by_source).combine_chunks())
