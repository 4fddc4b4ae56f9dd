"""``sparsedistill predict``: classify text as a stream."""

from __future__ import annotations

from typing import Annotated

import numpy as np
import pyarrow as pa
import typer

from .._internal.progress import no_progress
from ..cascade import Cascade, CascadePredictions
from ..data.columns import Columns
from ..data.corpus import Corpus, TextBatch
from ..data.writer import RowWriter
from ..errors import InputError
from ..model.predictions import Predictions
from ..student import Student
from .models import load_model
from .options import COLUMNS, Pair, StudentPath, Text, Threads
from .progress import progress_bars


def predict(
    student: StudentPath,
    inputs: Annotated[
        list[str] | None,
        typer.Argument(
            help="Text files, directories or quoted patterns; standard input by default.", show_default=False
        ),
    ] = None,
    output: Annotated[str, typer.Option("--output", "-o", help="File to write; - is standard output.")] = "-",
    text: Text = "text",
    text_pair: Pair = None,
    format: Annotated[  # noqa: A002
        str | None,
        typer.Option(
            "--format",
            help="Format of the input, if the names do not show it [default for standard input: txt].",
            rich_help_panel=COLUMNS,
            show_default=False,
        ),
    ] = None,
    output_format: Annotated[
        str | None,
        typer.Option(
            help="Format of the output, if its name does not show it [default for standard output: tsv].",
            rich_help_panel=COLUMNS,
            show_default=False,
        ),
    ] = None,
    probabilities: Annotated[bool, typer.Option(help="Add a column with each class's probability.")] = False,
    coverage: Annotated[
        bool, typer.Option(help="Add a column with the share of tokens that the student knows.")
    ] = False,
    with_text: Annotated[bool, typer.Option(help="Copy the text to the output.")] = True,
    threads: Threads = None,
) -> None:
    """Classify text as a stream: one row of output per row of input, in the same order.

    echo "What a film!" | sparsedistill predict student

    sparsedistill predict student 'crawl/*.jsonl.zst' -o labels.parquet --coverage
    """
    loaded = load_model(student)
    if probabilities and loaded.problem == "regression":
        raise InputError(
            "The student predicts numbers, which have no probabilities: leave out --probabilities."
        )
    paths = inputs or ["-"]
    if "-" in paths and format is None:
        format = "txt"  # noqa: A001
    corpus = Corpus(paths, Columns(text, text_pair), format=format)
    if output == "-" and output_format is None:
        output_format = "tsv"
    bar = no_progress if output == "-" else progress_bars
    with RowWriter(output, output_format) as writer, bar("Predicting", None, "texts") as advance:
        for batch in corpus.batches():
            predictions = loaded.score(batch.texts, batch.text_pair, threads=threads)
            writer.write(_rows(loaded, batch, predictions, probabilities, coverage, with_text))
            advance(len(batch))


def _rows(
    student: Student | Cascade,
    batch: TextBatch,
    predictions: Predictions,
    probabilities: bool,
    coverage: bool,
    with_text: bool,
) -> pa.RecordBatch:
    """The rows of output for one batch."""
    shares = predictions.answers
    columns: dict[str, pa.Array] = {}
    if student.problem == "regression":
        columns["score"] = pa.array(shares[:, 0])
    elif student.multi_label:
        chosen = [[student.classes[c] for c in np.flatnonzero(row)] for row in predictions.logits >= 0]
        columns["labels"] = pa.array(chosen, pa.list_(pa.string()))
    else:
        best = predictions.logits.argmax(axis=1)
        columns["label"] = pa.array(student.classes).take(pa.array(best))
        columns["score"] = pa.array(shares[np.arange(len(best)), best])
    if isinstance(predictions, CascadePredictions):
        columns["deferred"] = pa.array(predictions.deferred)
    if coverage:
        columns["coverage"] = pa.array(predictions.coverage)
    if probabilities:
        columns |= {f"p_{name}": pa.array(shares[:, c]) for c, name in enumerate(student.classes)}
    if with_text:
        columns["text"] = batch.texts
        if batch.text_pair is not None:
            columns["text_pair"] = batch.text_pair
    return pa.record_batch(columns)
