"""``sparsedistill cascade``: a student with its teacher behind it."""

from __future__ import annotations

from typing import Annotated

import typer

from .._internal.files import refuse_existing
from ..cascade import Cascade
from ..data.columns import Columns
from ..data.corpus import Corpus
from ..data.labelled import Labelled
from ..student import Student
from .models import first_texts, labelled_for, scores_of
from .options import (
    Format,
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


def cascade(
    student: StudentPath,
    validation: Annotated[
        list[str],
        typer.Argument(help="Files of texts that neither was trained on.", show_default=False),
    ],
    teacher: Annotated[str, typer.Option(help="Its teacher: directory or Hub id.", show_default=False)],
    output: Output,
    retention: Annotated[float, typer.Option(help="Share of the teacher's metric to keep.")] = 0.995,
    calls: Annotated[
        float | None,
        typer.Option(
            help="Instead: the share of texts that may go to the teacher, as 0.1.", show_default=False
        ),
    ] = None,
    labels: Annotated[
        bool, typer.Option(help="The files have labels; without, the target is the teacher's answers.")
    ] = True,
    scores: Scores = None,
    outputs: Outputs = "logits",
    text: Text = "text",
    text_pair: Pair = None,
    label: Label = "label",
    label_separator: Separator = None,
    format: Format = None,  # noqa: A002
    threads: Threads = None,
) -> None:
    """Put a teacher behind a student: it answers what the student is not sure of.

    The threshold of confidence is chosen on validation data. `predict` and `evaluate` take the result as they
    take a student.

    sparsedistill cascade student validation.csv --teacher teacher -o cascade
    """
    refuse_existing(output)
    loaded = Student.from_pretrained(student)
    columns = Columns(text, text_pair, label, None, label_separator)
    texts: Labelled | list[str]
    given = pairs = None
    if labels:
        texts = labelled_for(loaded, validation, columns, format)
    else:
        texts, pairs = first_texts(Corpus(validation, Columns(text, text_pair), format=format), None)
    if scores is not None:
        given = scores_of(loaded, validation, columns, format, scores, outputs)
    fitted = Cascade.fit(
        loaded,
        teacher,
        texts,
        pairs,
        retention=retention,
        calls=calls,
        scores=given,
        threads=threads,
        progress=progress_bars,
    )
    fitted.save_pretrained(output)
    evaluation = fitted.evaluation
    assert evaluation is not None and evaluation.chosen is not None  # noqa: S101, PT018 - fit has set them
    chosen, metric = evaluation.chosen, evaluation.metric
    console.print(
        f"{chosen['deferred']:.2%} of {len(texts):,} texts go to the teacher, those below a confidence of "
        f"{fitted.threshold:.4f}: {metric.replace('_', ' ')} {chosen[metric]:.2%}, which is "
        f"{chosen['retention']:.2%} of the teacher's. The cascade is in {output}."
    )
