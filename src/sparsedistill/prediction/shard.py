"""Scoring one file."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass

import pyarrow as pa

from .._internal.background import InBackground, in_background, read_ahead
from .._internal.progress import Advance
from ..classifiers import Classifier
from ..data.columns import Columns
from ..data.corpus import Corpus, TextBatch
from ..data.readers import Source
from ..data.writer import RowWriter
from .config import PredictionConfig
from .rows import no_rows, score_batch


@dataclass(frozen=True)
class ScoreTask:
    """A file to score.

    Attributes:
        source: The file to read.
        columns: Its columns.
        output: The file to write.
        format: Format of the output; by default from its name.
        config: What is written for each text.
        threads: All cores by default. The result does not depend on it.
    """

    source: Source
    columns: Columns
    output: str
    format: str | None
    config: PredictionConfig
    threads: int | None = None


@dataclass(frozen=True)
class ScoredFile:
    """A file that was scored.

    Attributes:
        output: The file that was written.
        texts: Number of texts.
    """

    output: str
    texts: int


def score_shard(classifier: Classifier, task: ScoreTask, advance: Advance | None = None) -> ScoredFile:
    """Score one file, and write the answers to another, which appears when it is complete.

    The result depends on the arguments only. Classifier and task can be pickled: a student that was opened
    from a directory travels as its path.

    Args:
        classifier: Scores the texts.
        task: What to read and to write.
        advance: Is called with the number of texts, batch after batch.

    Raises:
        InputError: A file cannot be read or written.
    """
    corpus = Corpus.of((task.source,), task.columns)
    texts = 0
    with RowWriter(task.output, task.format) as writer:
        batches = read_ahead(corpus.batches_of(task.source))
        with closing(write_scored(classifier, batches, writer, task.config, task.threads)) as counts:
            for count in counts:
                texts += count
                if advance is not None:
                    advance(count)
        if not texts:
            writer.write(score_batch(classifier, no_rows(task.columns), task.config, task.threads))
    return ScoredFile(task.output, texts)


def write_scored(
    classifier: Classifier,
    batches: Iterable[TextBatch],
    writer: RowWriter,
    config: PredictionConfig,
    threads: int | None,
) -> InBackground[int]:
    """Score batches here, while the answers of the last ones are written in a background thread.

    Returns:
        The number of texts of each batch that is written. Close it before the writer.
    """

    def write(rows: pa.RecordBatch) -> int:
        writer.write(rows)
        return len(rows)

    scored = (score_batch(classifier, batch, config, threads) for batch in batches)
    return in_background(write, scored)
