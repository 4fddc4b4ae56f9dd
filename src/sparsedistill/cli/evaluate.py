"""``sparsedistill evaluate``: measure a student."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray

from .._internal.files import atomic_write
from ..cascade import Cascade
from ..classifiers import load_model
from ..data.columns import Columns
from ..data.corpus import Corpus
from ..data.file_options import FileOptions
from ..data.labelled import Labelled
from ..data.outputs import check_output_files
from ..errors import InputError
from ..evaluation.baselines import FittedBaseline, fit_baselines
from ..evaluation.evaluate import Evaluation
from ..evaluation.evaluate import evaluate as evaluate_student
from ..labeling.scorer import Scorer
from ..multi_head import MultiHeadStudent
from ..student import Student
from .models import labelled_for, model_files, scores_of
from .options import (
    FILES,
    HeadName,
    Label,
    LabelledFiles,
    Outputs,
    Pair,
    Scores,
    Separator,
    StudentPath,
    Text,
    named_values,
)
from .progress import progress_bars
from .results import Json, print_json
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
    files: FileOptions = FILES,
    as_json: Json = False,
    threshold: Threshold = None,
    head: HeadName = None,
    threads: Annotated[int, typer.Option(help="Threads that the student is timed on.")] = 1,
) -> None:
    """Measure a student on labelled text, and how much of its teacher it retains.

    With a teacher, it also shows the quality of both together: the teacher scores the texts that the student
    is least sure of. A cascade names its teacher itself. With --labelled, it also shows what a linear model
    makes of the same labels, and warns if the student is no better.

    A student of several questions is measured head by head, on the columns with their names, or on those of
    --label quality=score,toxicity=toxic. Rows without a label of a head are left out for it.

        sparsedistill evaluate student test.csv --teacher teacher --labelled train.csv --by language
    """
    loaded, below = load_model(student, head), None
    columns = Columns(text, text_pair, label, None, label_separator, group=by, files=files)
    read = [source.path for source in Corpus([*labelled, *(training or [])], columns).sources]
    written = [] if plot is None else [plot]
    check_output_files(written, [*read, *model_files(student)])
    if isinstance(loaded, MultiHeadStudent):
        if teacher is not None or scores is not None or plot is not None or training:
            raise InputError("--teacher, --scores, --plot and --labelled are of one question: add --head.")
        _show_heads(_of_heads(loaded, labelled, columns, threads), as_json=as_json)
        return
    if isinstance(loaded, Cascade):
        teacher, below, loaded = teacher or loaded.teacher_name, loaded.threshold, loaded.student
    data = labelled_for(loaded, labelled, columns)
    columns = replace(columns, group=None)
    target = _target(loaded, labelled, columns, teacher, scores, outputs)
    if target is None and plot is not None:
        raise InputError("The plot shows student and teacher together: give --teacher or --scores.")
    baselines = _baselines(labelled_for(loaded, training, columns), data) if training else []
    evaluation = evaluate_student(
        loaded,
        data,
        target,
        baselines=baselines,
        by=by or "group",
        threads=threads,
        threshold=threshold,
    )
    _show(evaluation, below, as_json=as_json)
    if plot is not None and evaluation.deferral is not None:
        from ..evaluation.plots import deferral_plot

        with atomic_write(plot) as partial:
            partial.write_text(deferral_plot(evaluation.deferral, below), "utf-8")


def _show(evaluation: Evaluation, below: float | None, *, as_json: bool) -> None:
    """Print the tables, or the figures as JSON."""
    if as_json:
        print_json(evaluation.record())
        return
    out = Terminal()
    out.print(evaluation_table(evaluation, f"{evaluation.texts:,} texts"))
    if evaluation.deferral is not None:
        out.print(deferral_table(evaluation.deferral, below))


def _show_heads(evaluations: Mapping[str, Evaluation], *, as_json: bool) -> None:
    """Print a table per head, or the figures by head as JSON."""
    if as_json:
        print_json({name: evaluation.record() for name, evaluation in evaluations.items()})
        return
    for name, evaluation in evaluations.items():
        Terminal().print(evaluation_table(evaluation, f"{name}: {evaluation.texts:,} texts"))


def _target(
    student: Student,
    labelled: list[str],
    columns: Columns,
    teacher: str | None,
    scores: str | None,
    outputs: str,
) -> Scorer | NDArray[np.float32] | None:
    """The teacher to compare with, or its scores."""
    if scores is not None:
        return scores_of(student, labelled, columns, scores, outputs)
    if teacher is None:
        return None
    from ..labeling.scorer import batch_scorer
    from ..teachers.registry import as_teacher

    return batch_scorer(as_teacher(teacher), progress_bars)


def _of_heads(
    student: MultiHeadStudent,
    labelled: list[str],
    columns: Columns,
    threads: int,
) -> dict[str, Evaluation]:
    """Measure each head that has labels."""
    names = {head.name: head.name for head in student.heads}
    if columns.label != "label":
        given = named_values(columns.label or "")
        if given is None:
            raise InputError(
                f"--label is {columns.label!r}: give HEAD=COLUMN for each head, separated by commas, or use "
                "--head."
            )
        names = given
    found = {}
    for name, column in names.items():
        one = student.head(name)
        separator = columns.label_separator if one.multi_label else None
        own = replace(columns, label=column, label_separator=separator, sparse=True)
        data = labelled_for(one, labelled, own)
        found[name] = evaluate_student(one, data, by=columns.group or "group", threads=threads)
    return found


def _baselines(train: Labelled, test: Labelled) -> list[FittedBaseline]:
    """Baselines on labelled texts, without those that are in the test data."""
    from ..pipeline.material import gather

    material = gather(
        train, None, test, classes=train.classes, columns=Columns(), validation_share=0.1, seed=0
    )
    assert material.train is not None  # noqa: S101 - gather has checked that texts are left
    assert material.validation is not None  # noqa: S101 - it was held out
    return fit_baselines(material.train, material.validation)
