"""The rows of answers."""

from __future__ import annotations

import pyarrow as pa

from ..cascade import CascadePredictions
from ..classifiers import Classifier
from ..data.columns import Columns
from ..data.corpus import TextBatch
from ..errors import InputError
from ..model.answers import answer_columns, by_head, probability_columns
from .config import PredictionConfig


def score_batch(
    classifier: Classifier, batch: TextBatch, config: PredictionConfig, threads: int | None
) -> pa.RecordBatch:
    """The rows of answers for one batch.

    Raises:
        InputError: A kept column has the name of one that is written.
    """
    predictions = classifier.score(batch.texts, batch.text_pair, threads=threads)
    columns: dict[str, pa.Array] = {}
    shares: dict[str, pa.Array] = {}
    found = by_head(predictions)
    for head in classifier.heads:
        columns |= answer_columns(head, found[head.name])
        shares |= probability_columns(head, found[head.name])
    if isinstance(predictions, CascadePredictions):
        columns["deferred"] = pa.array(predictions.deferred)
    if config.coverage:
        columns["coverage"] = pa.array(next(iter(found.values())).coverage)
    if config.probabilities:
        columns |= shares
    if config.with_text:
        columns["text"] = batch.texts
        if batch.text_pair is not None:
            columns["text_pair"] = batch.text_pair
    kept: dict[str, pa.Array] = {}
    carried = batch.kept or pa.table({})
    for name in carried.column_names:
        if name in columns:
            raise InputError(
                f"The column {name!r} cannot be kept, as predict writes a column of that name: leave it out"
                f"{' or add --no-with-text' if name in ('text', 'text_pair') else ''}."
            )
        kept[name] = carried.column(name).combine_chunks()
    return pa.record_batch(kept | columns)


def no_rows(columns: Columns) -> TextBatch:
    """A batch of no texts, for a file without rows."""
    none = pa.array([], pa.large_string())
    kept = pa.table(dict.fromkeys(columns.keep, none)) if columns.keep else None
    return TextBatch(none, None if columns.text_pair is None else none, kept=kept)
