"""``sparsedistill cascade``: a student that defers to its teacher."""

from __future__ import annotations

from typing import Annotated

import typer

from .._internal.files import reserved
from ..cascade import Cascade
from ..data.columns import Columns
from ..data.corpus import Corpus, TextBatch
from ..data.file_options import FileOptions
from ..data.labelled import Labelled
from .models import labelled_for, load_student, read_texts, scores_of
from .options import (
    FILES,
    HeadName,
    Label,
    Output,
    Outputs,
    Pair,
    Scores,
    Separator,
    StudentPath,
    Text,
    Threads,
)
from .progress import console, progress_bars
from .results import Json, print_json

Validation = Annotated[
    list[str],
    typer.Argument(
        help="Files of texts that neither student nor teacher was trained on.", show_default=False
    ),
]
Teacher = Annotated[
    str,
    typer.Option(help="The teacher: a directory, a Hub id, or the TOML file of an LLM.", show_default=False),
]
Retention = Annotated[float, typer.Option(help="Share of the teacher's metric to retain.")]
Calls = Annotated[
    float | None,
    typer.Option(
        help="Instead of a retention: maximum share of texts that the teacher scores, such as 0.1.",
        show_default=False,
    ),
]
Threshold = Annotated[
    float | None,
    typer.Option(
        help="For a student that predicts numbers: the number that texts are told apart by. The teacher "
        "scores the texts that are close to it.",
        show_default=False,
    ),
]
Labels = Annotated[
    bool,
    typer.Option(help="The files have labels. Without labels, the target is the teacher's answers."),
]


def cascade(
    student: StudentPath,
    validation: Validation,
    teacher: Teacher,
    output: Output,
    retention: Retention = 0.995,
    calls: Calls = None,
    threshold: Threshold = None,
    labels: Labels = True,
    scores: Scores = None,
    outputs: Outputs = "logits",
    text: Text = "text",
    text_pair: Pair = None,
    label: Label = "label",
    label_separator: Separator = None,
    head: HeadName = None,
    files: FileOptions = FILES,
    threads: Threads = None,
    as_json: Json = False,
) -> None:
    """Combine a student with its teacher, which scores the texts that the student is not sure of.

    The confidence threshold is chosen on validation data. `predict` and `evaluate` accept the result like a
    student.

        sparsedistill cascade student validation.csv --teacher teacher -o cascade
    """
    with reserved(output):
        loaded = load_student(student, head)
        columns = Columns(text, text_pair, label, None, label_separator, files=files)
        data: Labelled | TextBatch
        if labels:
            data = labelled_for(loaded, validation, columns)
        else:
            data = read_texts(Corpus(validation, Columns(text, text_pair, files=files)))
        known = None if scores is None else scores_of(loaded, validation, columns, scores, outputs)
        fitted = Cascade.fit(
            loaded,
            teacher,
            data if isinstance(data, Labelled) else data.texts,
            None if isinstance(data, Labelled) else data.text_pair,
            retention=retention,
            calls=calls,
            decision=threshold,
            scores=known,
            threads=threads,
            progress=progress_bars,
        )
        fitted.save_pretrained(output)
    _report(fitted, len(data))
    console.print(f"The cascade is in {output}.")
    if as_json:
        found = {"cascade": str(output), "threshold": fitted.threshold, "texts": len(data)}
        print_json({**found, "evaluation": fitted.evaluation})


def _report(cascade: Cascade, texts: int) -> None:
    """Say what the threshold does on the validation data."""
    evaluation = cascade.evaluation
    assert evaluation is not None  # noqa: S101 - fit has set it
    assert evaluation.chosen is not None  # noqa: S101 - likewise
    chosen, metric = evaluation.chosen, evaluation.metric
    which = "those with a confidence below"
    if cascade.decision is not None:
        which = f"those whose number differs from {cascade.decision:g} by less than"
    console.print(
        f"The teacher scores {chosen['deferred']:.2%} of {texts:,} texts, {which} "
        f"{cascade.threshold:.4f}: {metric.replace('_', ' ')} {chosen[metric]:.2%}, "
        f"{chosen['retention']:.2%} of the teacher's."
    )
