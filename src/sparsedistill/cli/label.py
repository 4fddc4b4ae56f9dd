"""``sparsedistill label``: score a corpus with a teacher."""

from __future__ import annotations

from typing import Annotated

import typer

from ..data.columns import Columns
from ..data.corpus import Corpus
from .models import score_columns
from .options import Format, Output, Outputs, Pair, Sources, Text
from .progress import console, progress_bars


def label(
    teacher: Annotated[
        str, typer.Argument(help="Teacher: a classifier's directory or a Hub id.", show_default=False)
    ],
    corpus: Sources,
    output: Output,
    text: Text = "text",
    text_pair: Pair = None,
    format: Format = None,  # noqa: A002
    scores: Annotated[
        str | None,
        typer.Option(
            help="Column of the corpus that holds the scores as lists, or one column per class separated by "
            "commas. TEACHER is then the class names, separated by commas.",
            show_default=False,
        ),
    ] = None,
    outputs: Outputs = "logits",
    multi_label: Annotated[
        bool, typer.Option(help="The classes of the teacher, or of the scores, do not exclude each other.")
    ] = False,
    revision: Annotated[
        str | None,
        typer.Option(help="Branch, tag or commit of a teacher on the Hub.", show_default=False),
    ] = None,
    max_length: Annotated[
        int | None,
        typer.Option(
            help="Maximum length of a text, in the teacher's tokens; by default what the model allows.",
            show_default=False,
        ),
    ] = None,
    shard_size: Annotated[
        int, typer.Option(help="Texts per shard: the most that an interruption can lose.")
    ] = 20_000,
) -> None:
    """Score a corpus with a teacher: the result is soft targets.

    If it is interrupted or killed, the same command resumes after the last finished shard.

        sparsedistill label teacher 'reviews/*.jsonl.gz' -o labels
    """
    from ..labeling.labelling import label
    from ..teachers.base import Teacher
    from ..teachers.precomputed import FileTeacher
    from ..teachers.transformers import TransformersTeacher

    scorer: Teacher | FileTeacher
    if scores is None:
        columns = Columns(text, text_pair)
        scorer = TransformersTeacher(
            teacher, max_length=max_length, revision=revision, multi_label=multi_label
        )
    else:
        columns = Columns(text, text_pair, scores=score_columns(scores))
        scorer = FileTeacher(tuple(teacher.split(",")), multi_label=multi_label, outputs=outputs)
    source = Corpus(corpus, columns, format=format)
    targets = label(scorer, source, output, shard_size=shard_size, progress=progress_bars)
    console.print(f"The soft targets of {len(targets):,} texts are in {output}.")
