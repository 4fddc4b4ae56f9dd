"""``sparsedistill compress``: the compact form of a student."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from .._internal.files import atomic_write, reserved
from ..cascade import Cascade
from ..classifiers import load_model
from ..compression.difference import Floor
from ..data.columns import Columns
from ..data.corpus import Corpus, TextBatch
from ..data.file_options import FileOptions
from ..data.labelled import Labelled
from ..errors import InputError
from ..evaluation.metrics import METRICS
from ..evaluation.run_plots import size_plot
from ..evaluation.sizes import size_curve, smallest_within
from ..multi_head import MultiHeadStudent
from ..problem import Problem
from ..student import Student
from .models import labelled_for, read_texts
from .options import FILES, Label, Output, Pair, Separator, StudentPath, Text, Threads
from .progress import console, progress_bars
from .results import Json, print_json
from .tables import sizes_table
from .units import parse_size

Texts = Annotated[
    list[str],
    typer.Argument(
        help="Files with some thousand texts of the kind that the student reads. Labels are needed for "
        "--accuracy-loss only.",
        show_default=False,
    ),
]
Dims = Annotated[
    int | None,
    typer.Option(
        help="Dimensions of the compact table; by default as few as keep the limits below.",
        show_default=False,
    ),
]
Rows = Annotated[
    int | None,
    typer.Option(
        help="Keep this number of n-grams, those that the answers need most; by default all.",
        show_default=False,
    ),
]
Size = Annotated[
    str | None,
    typer.Option(
        help="Keep as many n-grams as fit into this size, such as 1MB or 300KB.", show_default=False
    ),
]
AccuracyLoss = Annotated[
    float | None,
    typer.Option(
        help="Keep as few n-grams as lose at most this many points of accuracy (of macro F1 with several "
        "labels per text, of Spearman's correlation for numbers) on the labels of the texts, which the "
        "student must not have been trained on.",
        show_default=False,
    ),
]
SizesPlot = Annotated[
    Path | None,
    typer.Option(help="With --accuracy-loss: draw the sizes tried to this SVG file.", show_default=False),
]
Agreement = Annotated[
    float | None,
    typer.Option(
        help="Minimum share of held-out texts with the same label; for a student that predicts numbers, "
        "minimum of Spearman's correlation [default: 0.999].",
        show_default=False,
    ),
]
Change = Annotated[
    float | None,
    typer.Option(
        help="Maximum mean change of a probability [default: 0.001], or of a number, in standard "
        "deviations of the student's numbers [default: 0.01].",
        show_default=False,
    ),
]
Largest = Annotated[
    float | None,
    typer.Option(
        help="Maximum of the largest change [default: none, and 0.05 standard deviations for numbers].",
        show_default=False,
    ),
]
Count = Annotated[int, typer.Option(help="Maximum number of texts to read.")]


def compress(
    student: StudentPath,
    texts: Texts,
    output: Output,
    dims: Dims = None,
    rows: Rows = None,
    size: Size = None,
    accuracy_loss: AccuracyLoss = None,
    plot: SizesPlot = None,
    agreement: Agreement = None,
    change: Change = None,
    largest: Largest = None,
    count: Count = 20_000,
    text: Text = "text",
    text_pair: Pair = None,
    label: Label = "label",
    label_separator: Separator = None,
    files: FileOptions = FILES,
    threads: Threads = None,
    as_json: Json = False,
) -> None:
    """Make a trained student small and fast: a few bytes per n-gram, and the same answers.

    The compact student is fitted to half of the texts and measured on the other half. It is not written if
    its answers differ by more than the limits.

        sparsedistill compress distilled/student more.txt -o compact

    --rows, --size and --accuracy-loss remove n-grams first. The change from that is measured too, but the
    limits apply to the steps after it.

        sparsedistill compress distilled/student validation.csv --accuracy-loss 0.3 -o small
    """
    if not 1 <= count < 1 << 31:
        raise InputError(f"--count is {count}: give 1 or more, and less than 2^31.")
    if sum(one is not None for one in (rows, size, accuracy_loss)) > 1:
        raise InputError("--rows, --size and --accuracy-loss exclude each other: give one of them.")
    if plot is not None and accuracy_loss is None:
        raise InputError("--plot draws the sizes that --accuracy-loss tries: give both.")
    loaded = load_model(student)
    if isinstance(loaded, Cascade):
        raise InputError(f"{student} is a cascade: compress its student, which is in {student}/student.")
    limits = {"agreement": agreement, "change": change, "largest": largest}
    given = {name: limit for name, limit in limits.items() if limit is not None}
    smaller = {"dims": dims, "rows": rows, "size": None if size is None else parse_size(size)}
    with reserved(output):
        if accuracy_loss is None:
            sample = read_texts(Corpus(texts, Columns(text, text_pair, files=files)), count)
            compact = _compressed(loaded, sample, smaller, given, threads)
        elif isinstance(loaded, Student):
            columns = Columns(text, text_pair, label, None, label_separator, files=files)
            labelled = labelled_for(loaded, texts, columns)
            labelled = labelled.select(range(min(count, len(labelled))))
            options = {"dims": dims, "floor": replace(Floor.of(loaded.problem), **given), "threads": threads}
            compact = _smallest(loaded, labelled, accuracy_loss, plot, options)
        else:
            raise InputError("--accuracy-loss is of one question: use --rows or --size.")
        compact.save_pretrained(output)
    console.print(f"The compact student is in {output}: {compact.nbytes / 1e6:,.1f} MB.")
    if as_json:
        print_json({"student": str(output), "bytes": compact.nbytes, "compression": _record(compact)})


def _record(compact: Student | MultiHeadStudent) -> object:
    """What was measured in the compression, for several questions by head."""
    if isinstance(compact, MultiHeadStudent):
        return {name: record.compression for name, record in compact.evaluations.items()}
    return compact.evaluation.compression


def _compressed(
    student: Student | MultiHeadStudent,
    sample: TextBatch,
    smaller: Mapping[str, int | None],
    limits: Mapping[str, float],
    threads: int | None,
) -> Student | MultiHeadStudent:
    """The compact student, of which each head keeps the limits."""

    def floor_of(problem: Problem) -> Floor:
        return replace(Floor.of(problem), **limits)

    if isinstance(student, MultiHeadStudent):
        return student.compress(
            sample.texts,
            sample.text_pair,
            **smaller,
            floors={head.name: floor_of(head.problem) for head in student.heads},
            threads=threads,
            progress=progress_bars,
        )
    return student.compress(
        sample.texts,
        sample.text_pair,
        **smaller,
        floor=floor_of(student.problem),
        threads=threads,
        progress=progress_bars,
    )


def _smallest(
    student: Student, labelled: Labelled, loss: float, plot: Path | None, options: Mapping[str, Any]
) -> Student:
    """The smallest compact student that loses at most `loss` points; all that were tried are shown."""
    found = size_curve(student, labelled, progress=progress_bars, **options)
    console.print(sizes_table(found, student.problem))
    if plot is not None:
        with atomic_write(plot) as partial:
            partial.write_text(size_plot(found, METRICS[student.problem]), encoding="utf-8")
    return smallest_within(found, loss / 100).student
