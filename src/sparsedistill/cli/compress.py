"""``sparsedistill compress``: the compact form of a student."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated

import typer

from .._internal.files import reserved
from ..cascade import Cascade
from ..classifiers import load_model
from ..compression.difference import Floor
from ..data.columns import Columns
from ..data.corpus import Corpus, TextBatch
from ..data.file_options import FileOptions
from ..errors import InputError
from ..multi_head import MultiHeadStudent
from ..problem import Problem
from ..student import Student
from .models import read_texts
from .options import FILES, Output, Pair, StudentPath, Text, Threads
from .progress import console, progress_bars
from .results import Json, print_json


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
    files: FileOptions = FILES,
    threads: Threads = None,
    as_json: Json = False,
) -> None:
    """Make a trained student small and fast: a few bytes per n-gram, and the same answers.

    The compact student is fitted to half of the texts and measured on the other half. It is not written if
    its answers differ by more than the limits.

        sparsedistill compress distilled/student more.txt -o compact
    """
    if not 1 <= count < 1 << 31:
        raise InputError(f"--count is {count}: give 1 or more, and less than 2^31.")
    loaded = load_model(student)
    if isinstance(loaded, Cascade):
        raise InputError(f"{student} is a cascade: compress its student, which is in {student}/student.")
    limits = {"agreement": agreement, "change": change, "largest": largest}
    given = {name: limit for name, limit in limits.items() if limit is not None}
    with reserved(output):
        sample = read_texts(Corpus(texts, Columns(text, text_pair, files=files)), count)
        compact = _compressed(loaded, sample, dims, given, threads)
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
    dims: int | None,
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
            dims=dims,
            floors={head.name: floor_of(head.problem) for head in student.heads},
            threads=threads,
            progress=progress_bars,
        )
    return student.compress(
        sample.texts,
        sample.text_pair,
        dims=dims,
        floor=floor_of(student.problem),
        threads=threads,
        progress=progress_bars,
    )
