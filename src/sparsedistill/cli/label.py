"""``sparsedistill label``: score a corpus with a teacher."""

from __future__ import annotations

from typing import Annotated

import typer

from ..data.columns import Columns
from ..data.corpus import Corpus
from .models import score_columns
from .options import (
    Format,
    Output,
    Pair,
    Sources,
    Text,
)
from .progress import console, progress_bars


def label(
    teacher: Annotated[
        str, typer.Argument(help="Teacher: a classifier's directory or Hub id.", show_default=False)
    ],
    corpus: Sources,
    output: Output,
    text: Text = "text",
    text_pair: Pair = None,
    format: Format = None,  # noqa: A002
    scores: Annotated[
        str | None,
        typer.Option(
            help="The corpus holds the scores already: their column (of lists), or columns with commas "
            "between. TEACHER is then the names of the classes, with commas between.",
            show_default=False,
        ),
    ] = None,
    outputs: Annotated[str, typer.Option(help="What such scores are: logits or probabilities.")] = "logits",
    multi_label: Annotated[
        bool, typer.Option(help="Such scores are of labels that may go together.")
    ] = False,
    max_length: Annotated[
        int | None, typer.Option(help="Longest text, in the teacher's tokens.", show_default=False)
    ] = None,
    shard_size: Annotated[int, typer.Option(help="Texts a shard: what an interruption can lose.")] = 20_000,
) -> None:
    """Have a teacher score a corpus: soft targets.

    Interrupted or killed, the same command goes on behind the last finished shard.

        sparsedistill label teacher 'reviews/*.jsonl.gz' -o labels
    """
    from ..labeling.labelling import label
    from ..teachers.precomputed import FileTeacher
    from ..teachers.transformers import TransformersTeacher

    if scores is None:
        source = Corpus(corpus, Columns(text, text_pair), format=format)
        targets = label(
            TransformersTeacher(teacher, max_length=max_length),
            source,
            output,
            shard_size=shard_size,
            progress=progress_bars,
        )
    else:
        source = Corpus(corpus, Columns(text, text_pair, scores=score_columns(scores)), format=format)
        known = FileTeacher(tuple(teacher.split(",")), multi_label=multi_label, outputs=outputs)
        targets = label(known, source, output, shard_size=shard_size, progress=progress_bars)
    console.print(f"The soft targets of {len(targets):,} texts are in {output}.")
