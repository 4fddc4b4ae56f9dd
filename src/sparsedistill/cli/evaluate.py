"""``sparsedistill evaluate``: measure a student."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray

from .._internal.files import atomic_write
from .._internal.records import write_record
from ..cascade import Cascade
from ..data.columns import Columns
from ..data.labelled import Labelled
from ..errors import InputError
from ..evaluation.baselines import FittedBaseline, fit_baselines
from ..evaluation.evaluate import evaluate as evaluate_student
from ..labeling.scorer import Scorer
from .models import labelled_for, load_model, scores_of
from .options import Format, Label, LabelledFiles, Outputs, Pair, Scores, Separator, StudentPath, Text
from .progress import progress_bars
from .tables import deferral_table, evaluation_table
from .terminal import Terminal

By = Annotated[
    str | None,
    typer.Option(
        help="Column of groups, such as languages: show the accuracy in each, the worst first.",
        show_default=False,
    ),
]
Training = Annotated[
    list[str] | None,
    typer.Option(
        "--labelled",
        help="Labelled files to fit baselines to (TF-IDF with logistic regression, and fastText if it is "
        "installed): the labels that the student was trained on.",
        show_default=False,
    ),
]
Threshold = Annotated[
    float | None,
    typer.Option(
        help="For a student that predicts numbers: also show how well texts with a label of at least this "
        "number are found (AUC, and F1 of the texts that are predicted to have at least it).",
        show_default=False,
    ),
]
Plot = Annotated[
    Path | None,
    typer.Option(
        help="Write a plot of quality against the share of deferred texts to this file, as SVG.",
        show_default=False,
    ),
]


def evaluate(
    student: StudentPath,
    labelled: LabelledFiles,
    teacher: Annotated[
        str | None,
        typer.Option(help="The teacher to compare with: a directory or a Hub id.", show_default=False),
    ] = None,
    scores: Scores = None,
    outputs: Outputs = "logits",
    plot: Plot = None,
    text: Text = "text",
    text_pair: Pair = None,
    label: Label = "label",
    label_separator: Separator = None,
    by: By = None,
    training: Training = None,
    format: Format = None,  # noqa: A002
    json_file: Annotated[
        Path | None,
        typer.Option("--json", help="Write the figures to this file as JSON.", show_default=False),
    ] = None,
    threshold: Threshold = None,
    threads: Annotated[int, typer.Option(help="Threads that the student is timed on.")] = 1,
) -> None:
    """Measure a student on labelled text, and how much of its teacher it retains.

    With a teacher, it also shows the quality of both together: the teacher scores the texts that the student
    is least sure of. A cascade names its teacher itself. With --labelled, it also shows what a linear model
    makes of the same labels, and warns if the student is no better.

        sparsedistill evaluate student test.csv --teacher teacher --labelled train.csv --by language
    """
    loaded, below = load_model(student), None
    if isinstance(loaded, Cascade):
        teacher, below, loaded = teacher or loaded.teacher_name, loaded.threshold, loaded.student
    columns = Columns(text, text_pair, label, None, label_separator)
    data = labelled_for(loaded, labelled, replace(columns, group=by), format)
    target: Scorer | NDArray[np.float32] | None = None
    if scores is not None:
        target = scores_of(loaded, labelled, columns, format, scores, outputs)
    elif teacher is not None:
        from ..labeling.scorer import batch_scorer
        from ..teachers.transformers import TransformersTeacher

        target = batch_scorer(TransformersTeacher(teacher), progress_bars)
    elif plot is not None:
        raise InputError("The plot shows student and teacher together: give --teacher or --scores.")
    baselines = _baselines(labelled_for(loaded, training, columns, format), data) if training else []
    evaluation = evaluate_student(
        loaded,
        data,
        target,
        baselines=baselines,
        by=by or "group",
        threads=threads,
        threshold=threshold,
    )
    out = Terminal()
    out.print(evaluation_table(evaluation, f"{evaluation.texts:,} texts"))
    if evaluation.deferral is not None:
        out.print(deferral_table(evaluation.deferral, below))
        if plot is not None:
            from ..evaluation.plots import deferral_plot

            with atomic_write(plot) as partial:
                partial.write_text(deferral_plot(evaluation.deferral, below), "utf-8")
    if json_file is not None:
        write_record(json_file, evaluation.record())


def _baselines(train: Labelled, test: Labelled) -> list[FittedBaseline]:
    """Baselines on labelled texts, without those that are in the test data."""
    from ..pipeline.material import gather

    material = gather(
        train, None, test, classes=train.classes, columns=Columns(), validation_share=0.1, seed=0
    )
    assert material.train is not None  # noqa: S101 - gather has checked that texts are left
    assert material.validation is not None  # noqa: S101 - it was held out
    return fit_baselines(material.train, material.validation)
