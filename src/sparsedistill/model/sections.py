"""What was measured of a student, in sections with a table each, as the model card and the report show it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from ..problem import Problem
from .figures import comparison_columns, group_header, group_row, metric_title, notes, quality_columns
from .record import (
    Calibration,
    CompressionRecord,
    DeferralRecord,
    EvaluationRecord,
    LinearCalibration,
    LinearRecord,
)
from .tuning import TuningRecord

#: What a section is about.
SectionKind: TypeAlias = Literal[
    "settings", "compression", "linear", "calibration", "evaluation", "groups", "teacher"
]


@dataclass(frozen=True)
class Section:
    """A part of what was measured.

    Attributes:
        kind: What it is about.
        title: Its heading.
        warnings: What is wrong with the figures, first of all.
        text: A paragraph before the table.
        header: Header of the table.
        rows: Cells of the table; no table if there are none.
        chosen: Number of the row that was chosen among the others.
        notes: What follows the table.
    """

    kind: SectionKind
    title: str
    warnings: Sequence[str] = ()
    text: str = ""
    header: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    chosen: int | None = None
    notes: Sequence[str] = ()


def sections(evaluation: EvaluationRecord, problem: Problem) -> list[Section]:
    """All that was measured of a student with one question, in the order of the card."""
    found = (
        None if evaluation.tuning is None else _tuning(evaluation.tuning, problem),
        None if evaluation.compression is None else _compression(evaluation.compression, problem),
        None if evaluation.linear is None else _linear(evaluation.linear, problem),
        None if evaluation.calibration is None else _calibration(evaluation.calibration),
        None if evaluation.line is None else _line(evaluation.line),
        _measured(evaluation),
        _groups(evaluation),
        None if evaluation.deferral is None else _deferral(evaluation.deferral),
    )
    return [section for section in found if section is not None]


def _tuning(tuning: TuningRecord, problem: Problem) -> Section:
    """The settings that were tried, the best first."""
    ranked = sorted(enumerate(tuning.trials), key=lambda entry: -entry[1].score)
    names = list(dict.fromkeys(name for trial in tuning.trials for name in trial.settings))
    rows = []
    for _, trial in ranked:
        values = (str(trial.settings.get(name, "")).lower() for name in names)
        behind = f"{_number(trial.difference)} ± {_number(trial.error)}"
        rows.append([_number(trial.score), behind, f"{trial.lookups:.0f}", *values])
    folds = f", in {tuning.folds} folds" if tuning.folds > 1 else ""
    return Section(
        "settings",
        "Settings",
        text=f"Settings tried, scored on {tuning.texts:,} held-out texts{folds}. Chosen, in bold: the fewest "
        f"look-ups within {'half a' if problem == 'regression' else 'one'} standard error of the best.",
        header=["score", "behind the best", "look-ups per text", *(name.partition(".")[2] for name in names)],
        rows=rows,
        chosen=[position for position, _ in ranked].index(tuning.chosen),
    )


def _compression(compression: CompressionRecord, problem: Problem) -> Section:
    """What each step to the compact form changed, compared with the trained student."""
    rows = [
        [step.step, *map(_number, (step.agreement, step.mean_change, step.max_change))]
        for step in compression.steps
    ]
    header, unit = ["", "agreement", "mean change of a probability", "largest change"], ""
    if problem == "regression":
        header[1:3] = "Spearman", "mean change"
        unit = " (changes in standard deviations of its numbers)"
    text = f"Compared with the trained student, on {compression.texts:,} held-out texts{unit}:"
    return Section("compression", "Compression", text=text, header=header, rows=rows)


def _linear(linear: LinearRecord, problem: Problem) -> Section:
    """What a linear model on the same n-grams changed, on the texts that its share was fitted to."""
    kind, loss = "logistic", "log loss"
    if problem == "regression":
        kind, loss = "ridge", "mean squared error, in units of the variance of the labels,"
    return Section(
        "linear",
        "Linear part",
        text=f"The answer is {_number(linear.network)} times that of the network plus "
        f"{_number(linear.linear)} times that of a {kind} regression on the same n-grams, whose weights are "
        f"columns of the table. Fitted to {linear.texts:,} held-out texts: {loss} "
        f"{_number(linear.loss_before)} with the network alone and {_number(linear.loss_after)} with both.",
    )


def _calibration(calibration: Calibration) -> Section:
    """What the temperature changed, on the texts that it was fitted to."""
    return Section(
        "calibration",
        "Calibration",
        text=f"Temperature {_number(calibration.temperature)} in the output layer, fitted to the "
        f"{calibration.targets} of {calibration.texts:,} held-out texts:",
        header=["", "before", "after"],
        rows=[
            ["log_loss", _number(calibration.log_loss_before), _number(calibration.log_loss_after)],
            ["ece", _number(calibration.ece_before), _number(calibration.ece_after)],
        ],
    )


def _line(line: LinearCalibration) -> Section:
    """What the line of a regression changed, on the texts that it was fitted to."""
    return Section(
        "calibration",
        "Calibration",
        text=f"Slope {_number(line.slope)} and intercept {_number(line.intercept)} in the "
        f"output layer, fitted to the {line.targets} of {line.texts:,} held-out texts: root mean squared "
        f"error {_number(line.rmse_before)} before and {_number(line.rmse_after)} after.",
    )


def _measured(evaluation: EvaluationRecord) -> Section | None:
    """All classifiers that were measured, one row each, and what is wrong with the figures."""
    rows = evaluation.rows()
    if not rows:
        return None
    facts = {
        "texts": evaluation.texts,
        "metric": evaluation.metric,
        "threshold": evaluation.threshold,
        "coverage": evaluation.coverage,
        "threads": evaluation.threads,
        "left_out": evaluation.left_out,
    }
    columns = [*quality_columns(rows), *comparison_columns(rows)]
    known = [f"{name}: {_number(value)}" for name, value in facts.items() if value is not None]
    return Section(
        "evaluation",
        "Evaluation",
        warnings=evaluation.warnings or (),
        header=["", *(column.title for column in columns)],
        rows=[[name, *(column.cell(quality) for column in columns)] for name, quality in rows],
        notes=[*known, *notes(evaluation)],
    )


def _groups(evaluation: EvaluationRecord) -> Section | None:
    """Accuracy by language, domain or source."""
    if not evaluation.groups:
        return None
    figure = "Accuracy in %" if evaluation.metric != "spearman" else metric_title("spearman")
    return Section(
        "groups",
        f"By {evaluation.by}",
        text=f"{figure}, worst first:",
        header=group_header(evaluation),
        rows=[group_row(evaluation, group) for group in evaluation.groups],
    )


def _deferral(deferral: DeferralRecord) -> Section:
    """Student and teacher together."""
    names = list(deferral.points[0]) if deferral.points else []
    return Section(
        "teacher",
        "With the teacher",
        text="If the teacher scores the texts below a threshold of the student's confidence:",
        header=names,
        rows=[[_number(point.get(name)) for name in names] for point in deferral.points],
    )


def _number(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) else str(value)
