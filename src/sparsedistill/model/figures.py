"""Figures as tables show them, in the terminal and in the model card."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import floor, log10

from .record import EvaluationRecord, GroupRecord, Quality

_PRECISE = 0.05  # points of standard error below which a second decimal is shown


@dataclass(frozen=True)
class Column:
    """A column of a table of classifiers.

    Attributes:
        title: Its header.
        cell: Its text for one classifier; empty if it was not measured.
    """

    title: str
    cell: Callable[[Quality], str]


def percent(share: float | None, error: float | None = None) -> str:
    """A share and its standard error in percent, without the sign: ``91.2 ± 0.5``; empty for None."""
    if share is None:
        return ""
    if error is None:
        return f"{100 * share:.1f}"
    digits = 1 if error == 0 or 100 * error >= _PRECISE else 2
    return f"{100 * share:.{digits}f} ± {100 * error:.{digits}f}"


def count(number: float | None, digits: int = 0) -> str:
    """A number with separators; empty for None."""
    return "" if number is None else f"{number:,.{digits}f}"


def number(value: float | None, error: float | None = None) -> str:
    """A number and its standard error, with as many decimals as the error allows; empty for None."""
    if value is None:
        return ""
    if not error:
        return f"{value:.3f}"
    digits = min(max(1 - floor(log10(error)), 0), 6)
    return f"{value:,.{digits}f} ± {error:,.{digits}f}"


def metric_number(quality: Quality, metric: str) -> str:
    """A metric of :class:`~.record.StandardErrors` and its error, as numbers."""
    return number(getattr(quality, metric), None if quality.errors is None else _error(quality, metric))


def metric_percent(quality: Quality, metric: str) -> str:
    """A metric of :class:`~.record.StandardErrors` and its error, in percent."""
    return percent(getattr(quality, metric), None if quality.errors is None else _error(quality, metric))


def quality_columns(rows: Sequence[tuple[str, Quality]]) -> list[Column]:
    """How good a model is; what was measured only."""
    columns = [
        Column("accuracy %", lambda quality: metric_percent(quality, "accuracy")),
        Column("macro F1 %", lambda quality: metric_percent(quality, "macro_f1")),
        Column("log loss", _log_loss),
        Column("calibration error %", lambda quality: metric_percent(quality, "ece")),
        Column("Spearman", lambda quality: metric_number(quality, "spearman")),
        Column("Pearson", lambda quality: metric_number(quality, "pearson")),
        Column("RMSE", lambda quality: metric_number(quality, "rmse")),
        Column("R2", lambda quality: metric_number(quality, "r2")),
        Column("AUC %", lambda quality: metric_percent(quality, "auc")),
        Column("F1 %", lambda quality: metric_percent(quality, "f1")),
    ]
    return [column for column in columns if any(column.cell(quality) for _, quality in rows)]


def comparison_columns(rows: Sequence[tuple[str, Quality]]) -> list[Column]:
    """How a classifier compares with the teacher, how fast it is and how large; what was measured only."""
    teacher = dict(rows).get("teacher")
    slow = None if teacher is None else teacher.texts_per_second

    def speedup(quality: Quality) -> str:
        return f"{quality.texts_per_second / slow:,.0f}x" if slow and quality.texts_per_second else ""

    columns = [
        Column("retention %", lambda quality: percent(quality.retention)),
        Column("lead kept %", lambda quality: percent(quality.lead_kept)),
        Column("agreement %", lambda quality: percent(_agreement(quality))),
        Column("Spearman with teacher", lambda quality: number(_correlation(quality))),
        Column("texts/s", lambda quality: count(quality.texts_per_second)),
        Column("speed-up", speedup),
        Column("MB", lambda quality: count(quality.megabytes, 1)),
    ]
    return [column for column in columns if any(column.cell(quality) for _, quality in rows)]


def notes(record: EvaluationRecord) -> list[str]:
    """What the tables need to be understood, as sentences."""
    metric = metric_title(record.metric or "accuracy")
    qualities = [quality for _, quality in record.rows()]
    found = []
    if any(quality.errors is not None for quality in qualities):
        found.append("± is the standard error on these texts; it does not include chance in training.")
    if any(quality.retention is not None for quality in qualities):
        found.append(f"Retention: {metric} divided by the teacher's.")
    if any(quality.lead_kept is not None for quality in qualities):
        found.append(
            f"Lead kept: the share of the teacher's lead over {_title(record, 'tfidf')} in {metric} that is "
            "kept."
        )
    for baseline in (record.baselines or {}).values():
        settings = ", ".join(f"{name} = {value:g}" for name, value in baseline.settings.items())
        if facts := "; ".join(filter(None, [settings, baseline.note])):
            found.append(f"{baseline.title}: {facts}.")
    return found


def group_header(record: EvaluationRecord) -> list[str]:
    """Header of the table of groups."""
    return [record.by or "group", "texts", "coverage %", *(title for _, title in _group_names(record))]


def group_row(record: EvaluationRecord, group: GroupRecord) -> list[str]:
    """Cells of one group under :func:`group_header`: accuracies in percent, or correlations."""
    found = (group.accuracy.get(name) for name, _ in _group_names(record))
    shown = number if record.metric == "spearman" else percent
    cells = ("" if figure is None else shown(figure.accuracy, figure.error) for figure in found)
    return [group.name, count(group.texts), percent(group.coverage), *cells]


def _group_names(record: EvaluationRecord) -> list[tuple[str, str]]:
    """Classifiers in the table of groups, as (name, title)."""
    known = {name for group in record.groups or [] for name in group.accuracy}
    names = ("student", "compact", "teacher", "tfidf")
    return [(name, _title(record, name)) for name in names if name in known]


def _title(record: EvaluationRecord, name: str) -> str:
    baseline = (record.baselines or {}).get(name)
    return name if baseline is None else baseline.title


def metric_title(metric: str) -> str:
    """The name of a metric in sentences."""
    titles = {"macro_f1": "macro F1", "spearman": "Spearman's correlation"}
    return titles.get(metric, metric)


def _agreement(quality: Quality) -> float | None:
    return quality.agreement if quality.spearman is None else None


def _correlation(quality: Quality) -> float | None:
    return None if quality.spearman is None else quality.agreement


def _error(quality: Quality, metric: str) -> float | None:
    error: float | None = getattr(quality.errors, metric)
    return error


def _log_loss(quality: Quality) -> str:
    if quality.log_loss is None:
        return ""
    if quality.errors is None or quality.errors.log_loss is None:
        return f"{quality.log_loss:.3f}"
    return f"{quality.log_loss:.3f} ± {quality.errors.log_loss:.3f}"
