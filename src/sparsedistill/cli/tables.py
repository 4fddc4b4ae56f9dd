"""Tables for the terminal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields

from rich.table import Table

from ..evaluation.deferral import DeferralCurve
from ..evaluation.evaluate import Evaluation
from ..model.record import Quality
from ..pipeline.tuning.record import TuningRecord


def facts_table(title: str, facts: Mapping[str, object]) -> Table:
    """One row per fact."""
    table = Table(title=title, title_justify="left", show_header=False)
    for name, value in facts.items():
        table.add_row(name, f"{value:,}" if isinstance(value, int) and value is not True else str(value))
    return table


def evaluation_table(evaluation: Evaluation, title: str) -> Table:
    """Teacher, student and compact student side by side."""
    columns = {
        name: quality
        for name, quality in (
            ("teacher", evaluation.teacher),
            ("student", evaluation.student),
            ("compact", evaluation.compact),
        )
        if quality is not None
    }
    table = Table(title=title, title_justify="left")
    table.add_column("")
    for name in columns:
        table.add_column(name, justify="right")
    names = _ROW_NAMES | {"retention": f"retention of {evaluation.metric.replace('_', ' ')}"}
    for field in fields(Quality):
        values = [getattr(quality, field.name) for quality in columns.values()]
        if any(value is not None for value in values):
            as_text = _FORMATS[field.name]
            cells = ("" if value is None else as_text(value) for value in values)
            table.add_row(names.get(field.name, field.name.replace("_", " ")), *cells)
    if evaluation.teacher is not None and (slow := evaluation.teacher.texts_per_second):
        speedups = (quality.texts_per_second for quality in columns.values())
        table.add_row("speed-up", *("" if fast is None else f"{fast / slow:,.0f}x" for fast in speedups))
    table.add_row(
        "coverage", *("" if name == "teacher" else _percent(evaluation.coverage) for name in columns)
    )
    return table


def deferral_table(curve: DeferralCurve, threshold: float | None = None) -> Table:
    """The points of `curve` at round shares, and that of `threshold`."""
    table = Table(title="If the teacher scores what the student is least sure of", title_justify="left")
    names = ["deferred", "below confidence", curve.metric.replace("_", " "), "retention", "agreement"]
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
    """The students that the tuner tried, the best first; the chosen one is bold."""
    folds = f", {tuning.folds} folds" if tuning.folds > 1 else ""
    table = Table(title=f"Settings tried, on {tuning.texts:,} held-out texts{folds}", title_justify="left")
    for name in (*_TUNED.values(), "steps", "score", "behind"):
        table.add_column(name, justify="right")
    order = sorted(range(len(tuning.trials)), key=lambda i: -tuning.trials[i].score)
    for position in order:
        trial = tuning.trials[position]
        cells = [_setting(trial.settings, name) for name in _TUNED]
        behind = f"{100 * trial.difference:.2f} ± {100 * trial.error:.2f}" if trial.difference else ""
        style = "bold" if position == tuning.chosen else None
        table.add_row(*cells, f"{trial.steps:,}", _percent(trial.score), behind, style=style)
    return table


def _setting(settings: Mapping[str, bool | int | float], name: str) -> str:
    value = settings.get(name, "")
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


#: The settings in the columns of :func:`tuning_table`.
_TUNED = {
    "vocabulary.max_ngram": "n-grams",
    "vocabulary.max_characters": "characters",
    "vocabulary.boundaries": "ends",
    "vocabulary.min_count": "count",
    "student.dim": "dim",
    "student.dropout": "dropout",
    "training.table_learning_rate": "rate",
}


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"


_ROW_NAMES = {"texts_per_second": "texts/s", "megabytes": "MB", "ece": "calibration error"}

_FORMATS: dict[str, Callable[[float], str]] = {
    "accuracy": _percent,
    "macro_f1": _percent,
    "log_loss": "{:.4f}".format,
    "ece": _percent,
    "texts_per_second": "{:,.0f}".format,
    "megabytes": "{:,.1f}".format,
    "retention": _percent,
    "agreement": _percent,
}
