"""``sparsedistill label``: score a corpus with a teacher."""

from __future__ import annotations

from typing import Annotated

import typer

from .._internal.part import Part
from ..data.columns import Columns
from ..data.corpus import Corpus
from ..data.file_options import FileOptions
from .models import score_columns
from .options import FILES, Output, Outputs, Pair, PartOption, Sources, Text
from .progress import console, progress_bars

TeacherOption = Annotated[
    str,
    typer.Argument(
        help="Teacher: a classifier (directory, Hub id, ONNX file), or the TOML file of an LLM.",
        show_default=False,
    ),
]
Scores = Annotated[
    str | None,
    typer.Option(
        help="Column of the corpus that holds the scores as lists, or one column per class separated by "
        "commas. TEACHER is then the class names, separated by commas.",
        show_default=False,
    ),
]
MultiLabel = Annotated[
    bool, typer.Option(help="The classes of the teacher, or of the scores, do not exclude each other.")
]
Revision = Annotated[
    str | None,
    typer.Option(help="Branch, tag or commit of a teacher on the Hub.", show_default=False),
]
MaxLength = Annotated[
    int | None,
    typer.Option(
        help="Maximum length of a text, in the teacher's tokens; by default what the model allows.",
        show_default=False,
    ),
]
ShardSize = Annotated[int, typer.Option(help="Texts per shard: the most that an interruption can lose.")]


def label(
    teacher: TeacherOption,
    corpus: Sources,
    output: Output,
    text: Text = "text",
    text_pair: Pair = None,
    files: FileOptions = FILES,
    scores: Scores = None,
    outputs: Outputs = "logits",
    multi_label: MultiLabel = False,
    revision: Revision = None,
    max_length: MaxLength = None,
    shard_size: ShardSize = 20_000,
    part: PartOption = "1/1",
) -> None:
    """Score a corpus with a teacher: the result is soft targets.

    If it is interrupted or killed, the same command resumes after the last finished shard.

        sparsedistill label teacher 'reviews/*.jsonl.gz' -o labels

    Parts can be labelled at the same time to one directory, which is complete when all are done.

        sparsedistill label teacher 'reviews/*.jsonl.gz' -o labels --part 3/16
    """
    from ..labeling.labelling import label_part
    from ..teachers.base import Teacher
    from ..teachers.precomputed import FileTeacher
    from ..teachers.registry import as_teacher

    scorer: Teacher | FileTeacher
    if scores is None:
        columns = Columns(text, text_pair, files=files)
        scorer = as_teacher(teacher, multi_label=multi_label, revision=revision, max_length=max_length)
    else:
        columns = Columns(text, text_pair, scores=score_columns(scores), files=files)
        classes = tuple(name.strip() for name in teacher.split(","))
        scorer = FileTeacher(classes, multi_label=multi_label, outputs=outputs)
    source = Corpus(corpus, columns)
    divided = Part.parse(part)
    found = label_part(scorer, source, output, divided, shard_size=shard_size, progress=progress_bars)
    if divided.whole:
        console.print(f"The soft targets of {found.texts:,} texts are in {output}.")
    else:
        rest = "all parts are done" if found.complete else "other parts are missing"
        console.print(f"Part {divided} has the soft targets of {found.texts:,} texts in {output}; {rest}.")
