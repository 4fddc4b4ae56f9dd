"""``sparsedistill compress``: the compact form of a student."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from .._internal.files import refuse_existing
from ..compression.difference import Floor
from ..data.columns import Columns
from ..data.corpus import Corpus
from ..student import Student
from .models import read_texts
from .options import Format, Output, Pair, StudentPath, Text, Threads
from .progress import console, progress_bars


def compress(
    student: StudentPath,
    texts: Annotated[
        list[str],
        typer.Argument(
            help="Files with some thousand texts of the kind that the student reads, without labels.",
            show_default=False,
        ),
    ],
    output: Output,
    dims: Annotated[
        int | None,
        typer.Option(
            help="Dimensions of the compact table; by default as few as keep the limits below.",
            show_default=False,
        ),
    ] = None,
    agreement: Annotated[
        float | None,
        typer.Option(
            help="Minimum share of held-out texts with the same label; for a student that predicts numbers, "
            "minimum of Spearman's correlation [default: 0.999].",
            show_default=False,
        ),
    ] = None,
    change: Annotated[
        float | None,
        typer.Option(
            help="Maximum mean change of a probability [default: 0.001], or of a number, in standard "
            "deviations of the student's numbers [default: 0.01].",
            show_default=False,
        ),
    ] = None,
    largest: Annotated[
        float | None,
        typer.Option(
            help="Maximum of the largest change [default: none, and 0.05 standard deviations for numbers].",
            show_default=False,
        ),
    ] = None,
    count: Annotated[int, typer.Option(help="Maximum number of texts to read.")] = 20_000,
    text: Text = "text",
    text_pair: Pair = None,
    format: Format = None,  # noqa: A002
    threads: Threads = None,
) -> None:
    """Make a trained student small and fast: a few bytes per n-gram, and the same answers.

    The compact student is fitted to half of the texts and measured on the other half. It is not written if
    its answers differ by more than the limits.

        sparsedistill compress distilled/student more.txt -o compact
    """
    refuse_existing(output)
    loaded = Student.from_pretrained(student)
    limits = {"agreement": agreement, "change": change, "largest": largest}
    given = {name: limit for name, limit in limits.items() if limit is not None}
    sample = read_texts(Corpus(texts, Columns(text, text_pair), format=format), count)
    compact = loaded.compress(
        sample.texts,
        sample.text_pair,
        dims=dims,
        floor=replace(Floor.of(loaded.problem), **given),
        threads=threads,
        progress=progress_bars,
    )
    compact.save_pretrained(output)
    console.print(f"The compact student is in {output}: {compact.nbytes / 1e6:,.1f} MB.")
