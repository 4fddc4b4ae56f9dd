"""Tables for the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table

from ..data.file_job import FileRecord, FilesDone
from ..evaluation.deferral import DeferralCurve
from ..evaluation.evaluate import Evaluation
from ..evaluation.metrics import METRICS
from ..evaluation.sizes import SizedStudent
from ..model.figures import (
    Column,
    comparison_columns,
    group_header,
    group_row,
    metric_title,
    notes,
    quality_columns,
)
from ..model.record import EvaluationRecord, Quality
from ..model.tuning import TuningRecord
from ..problem import Problem


def files_summary(done: FilesDone[FileRecord], output: str, contents: str) -> str:
    """What a job over files did, in a sentence or two."""
    found = f"{contents} in {len(done.records):,} files are in {output}."
    if done.skipped:
        found += f" {done.skipped:,} of the files were done before."
    if done.busy:
        found += f" {done.busy:,} more are left to other processes that work on them."
    return found


def sizes_table(found: Sequence[SizedStudent], problem: Problem) -> Table:
    """Compact students of several sizes, one row each."""
    metric = METRICS[problem]
    table = Table(box=box.SIMPLE_HEAD)
    for title in ("n-grams", "MB", metric_title(metric), "lost", "texts/s"):
        table.add_column(title, justify="right")
    for one in found:
        table.add_row(
            f"{one.rows:,}",
            f"{one.student.nbytes / 1e6:.2f}",
            f"{100 * one.value:.2f}",
            f"{100 * one.lost:+.2f}",
            f"{one.texts_per_second:,.0f}",
        )
    return table


def evaluation_table(evaluation: Evaluation, title: str) -> RenderableType:
    """Baselines, teacher, student and compact student, one row each; and the groups, if there are some.

    Two tables of figures follow each other, so that each fits into 80 columns.
    """
    record = evaluation.record()
    rows = record.rows()
    parts: list[RenderableType] = [_classifiers(title, rows, quality_columns(rows))]
    compared = [
        (name, quality)
        for name, quality in rows
        if any((quality.retention, quality.agreement, quality.texts_per_second, quality.megabytes))
    ]
    parts.append(_classifiers("", compared, comparison_columns(compared)))
    facts = f"Coverage {_percent(evaluation.coverage)}. Students timed on {evaluation.threads} thread"
    parts.append(f"{facts}{'s' if evaluation.threads > 1 else ''}. {' '.join(notes(record))}")
    if record.groups is not None:
        parts.append(_group_table(record))
    return Group(*parts)


def _classifiers(title: str, rows: Sequence[tuple[str, Quality]], columns: Sequence[Column]) -> Table:
    """One row per classifier."""
    table = Table(title=title or None, title_justify="left")
    table.add_column("", no_wrap=True)
    for column in columns:
        table.add_column(column.title, justify="right")
    for name, quality in rows:
        cells = (column.cell(quality) for column in columns)
        table.add_row(name, *cells, style="bold" if name == "student" else None)
    return table


def _group_table(record: EvaluationRecord) -> Table:
    """Accuracy, or Spearman's correlation, in each group, the worst first."""
    figure = "Accuracy in %" if record.metric != "spearman" else metric_title("spearman")
    table = Table(title=f"{figure}, by {record.by}", title_justify="left")
    name, *others = group_header(record)
    table.add_column(name)
    for other in others:
        table.add_column(other, justify="right")
    for group in record.groups or []:
        table.add_row(*group_row(record, group))
    return table


def deferral_table(curve: DeferralCurve, threshold: float | None = None) -> Table:
    """The points of `curve` at round shares, and that of `threshold`."""
    table = Table(title="If the teacher scores what the student is least sure of", title_justify="left")
    least = "below confidence" if curve.decision is None else f"nearer to {curve.decision:g} than"
    names = ["deferred", least, curve.metric.replace("_", " "), "retention", "agreement"]
    if curve.metric == "agreement":
        names.pop()
    for name in names:
        table.add_column(name, justify="right")
    chosen = None if threshold is None else curve.at(threshold)
    for i in sorted({*curve.marks(), *([] if chosen is None else [chosen])}):
        below = "" if i == 0 else f"{curve.thresholds[i]:.4f}"
        figures = [curve.values[i], curve.retention[i], curve.agreement[i]][: len(names) - 2]
        row = [_percent(curve.shares[i]), below, *map(_percent, figures)]
        table.add_row(*row, style="bold" if i == chosen else None)
    return table


def tuning_table(tuning: TuningRecord) -> Table:
    """The best students that the tuner tried; the chosen one is bold."""
    folds = f", {tuning.folds} folds" if tuning.folds > 1 else ""
    table = Table(
        title=f"The best of {len(tuning.trials)} students tried, on {tuning.texts:,} held-out texts{folds}",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    for name in (*_TUNED.values(), "steps", "score %", "behind"):
        table.add_column(name, justify="right", no_wrap=True)
    order = sorted(range(len(tuning.trials)), key=lambda i: -tuning.trials[i].score)
    shown = order[:_MOST_TRIALS]
    for position in [*shown, *({tuning.chosen} - {*shown})]:
        trial = tuning.trials[position]
        cells = [_setting(trial.settings, name) for name in _TUNED]
        behind = f"{100 * trial.difference:.1f} ± {100 * trial.error:.1f}" if trial.difference else ""
        style = "bold" if position == tuning.chosen else None
        table.add_row(*cells, f"{trial.steps:,}", f"{100 * trial.score:.1f}", behind, style=style)
    return table


def _setting(settings: Mapping[str, bool | int | float | str], name: str) -> str:
    value = settings.get(name, "")
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


_MOST_TRIALS = 8  # in the terminal; tuning.json has all

#: The settings in the columns of :func:`tuning_table`.
_TUNED = {
    "vocabulary.max_ngram": "n",
    "vocabulary.max_characters": "chars",
    "vocabulary.boundaries": "ends",
    "vocabulary.min_count": "count",
    "student.dim": "dim",
    "student.dropout": "drop",
    "student.row_dropout": "of rows",
    "training.table_learning_rate": "rate",
}


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"
