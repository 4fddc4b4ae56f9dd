"""The report of a job: one HTML page with the figures of its records, and plots.

The page loads nothing and runs nothing, and its content security policy forbids both: it can be sent by mail,
or kept next to the student. All texts in it are escaped.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path

from .._internal.files import atomic_write
from .._internal.records import write_record
from .._internal.terminal import harmless
from .._internal.texts import encodable
from ..evaluation.run_plots import (
    Curve,
    cascade_plot,
    curves_plot,
    reliability_plot,
    speed_plot,
    tuning_plot,
)
from ..model.figures import metric_title
from ..model.record import EvaluationRecord
from ..model.sections import Section, SectionKind, sections
from ..multi_head import MultiHeadStudent
from ..problem import Problem
from ..student import Student
from .curves import TrainingCurve

_MOST_CLASSES = 50  # that are listed
_ORDER: tuple[SectionKind, ...] = (
    "evaluation",
    "groups",
    "teacher",
    "settings",
    "calibration",
    "compression",
    "linear",
)

_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 64rem; padding: 0 1rem; }
h1, h2, h3 { line-height: 1.2; }
figure { display: inline-block; margin: 0 1rem 1rem 0; max-width: 40rem; width: 100%; }
div { overflow-x: auto; }
table { border-collapse: collapse; font-size: 0.9rem; }
td, th { border-bottom: 1px solid #8884; padding: 0.25rem 0.6rem; text-align: right; white-space: nowrap; }
td:first-child, th:first-child { text-align: left; }
tr.chosen { background: #1a985033; font-weight: bold; }
p.warning { border-left: 4px solid #d73027; padding-left: 0.8rem; }
pre { background: #8882; overflow-x: auto; padding: 1rem; }
"""


def write_report(
    folder: Path,
    student: Student | MultiHeadStudent,
    records: Mapping[str, EvaluationRecord],
    curves: Sequence[TrainingCurve],
) -> None:
    """Write ``training.json`` and ``report.html`` of a job.

    Args:
        folder: Output directory of the job, with its ``recipe.toml``.
        student: The student as trained.
        records: What was measured, by question; the only question of a student has no name.
        curves: The training runs.
    """
    write_record(folder / "training.json", list(curves))
    page = report_page(
        folder.resolve().name, student, records, curves, (folder / "recipe.toml").read_text("utf-8")
    )
    with atomic_write(folder / "report.html") as partial:
        partial.write_text(page, encoding="utf-8")


def report_page(
    name: str,
    student: Student | MultiHeadStudent,
    records: Mapping[str, EvaluationRecord],
    curves: Sequence[TrainingCurve],
    recipe: str,
) -> str:
    """The page. See :func:`write_report`; `recipe` is what repeats the job."""
    digest = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    parts = [f"<h1>{_text(name)}</h1>", *_facts(student)]
    for head, record in records.items():
        if head:
            parts.append(f"<h2>{_text(head)}</h2>")
        problem, classes = _question(student, head)
        parts += _classes(problem, classes)
        parts += _of_question(record, problem, "h3" if head else "h2")
    parts += _training(curves)
    parts.append(f"<h2>Recipe</h2><p>This repeats the job:</p><pre>{_text(recipe)}</pre>")
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{_text(name)}</title><style>{_STYLE}</style></head>\n"
        f"<body>{''.join(f'{part}{chr(10)}' for part in parts)}</body></html>\n"
    )


def _question(student: Student | MultiHeadStudent, head: str) -> tuple[Problem, tuple[str, ...]]:
    one = student.head(head) if isinstance(student, MultiHeadStudent) else student
    return one.problem, one.classes


def _facts(student: Student | MultiHeadStudent) -> Iterator[str]:
    rows, megabytes = len(student.vocabulary), student.nbytes / 1e6
    tokens = student.vocabulary.tokenizer.max_ngram
    yield f"<p>{rows:,} n-grams of 1 to {tokens} tokens; {megabytes:,.1f} MB as trained.</p>"


def _classes(problem: Problem, classes: Sequence[str]) -> Iterator[str]:
    if problem == "regression":
        yield "<p>Predicts a number.</p>"
        return
    more = len(classes) - _MOST_CLASSES
    shown = ", ".join(map(_text, classes[:_MOST_CLASSES])) + (f" and {more:,} more" if more > 0 else "")
    labels = "any number of" if problem == "multi_label" else "one of"
    yield f"<p>Predicts {labels} {len(classes):,} classes: {shown}.</p>"


def _of_question(record: EvaluationRecord, problem: Problem, heading: str) -> Iterator[str]:
    """Warnings first, then what was measured in the end, and how it came about."""
    found = sections(record, problem)
    for section in sorted(found, key=lambda one: _ORDER.index(one.kind)):
        yield _section(section, heading, _plots(record, section.kind))


def _plots(record: EvaluationRecord, kind: SectionKind) -> list[str]:
    """The plots that belong to a section."""
    found: list[str | None] = []
    if kind == "evaluation":
        found.append(speed_plot(record))
        found.append(reliability_plot(record.reliability) if record.reliability else None)
    elif kind == "settings" and record.tuning is not None:
        found.append(tuning_plot(record.tuning))
    elif kind == "teacher" and record.deferral is not None:
        found.append(cascade_plot(record.deferral))
    return [plot for plot in found if plot is not None]


def _section(section: Section, heading: str, plots: Sequence[str]) -> str:
    parts = [f"<{heading}>{_text(section.title)}</{heading}>"]
    parts += [f'<p class="warning">{_text(warning)}</p>' for warning in section.warnings]
    if section.text:
        parts.append(f"<p>{_text(section.text)}</p>")
    parts += [f"<figure>{plot}</figure>" for plot in plots]
    if section.rows:
        parts.append(_table(section))
    if section.notes:
        parts.append(f"<ul>{''.join(f'<li>{_text(note)}</li>' for note in section.notes)}</ul>")
    return "".join(parts)


def _table(section: Section) -> str:
    header = "".join(f'<th scope="col">{_text(cell)}</th>' for cell in section.header)
    rows = []
    for i, row in enumerate(section.rows):
        cells = "".join(f"<td>{_text(cell)}</td>" for cell in row)
        chosen = ' class="chosen"' if i == section.chosen else ""
        rows.append(f"<tr{chosen}>{cells}</tr>")
    return f"<div><table><thead><tr>{header}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"


def _training(curves: Sequence[TrainingCurve]) -> Iterator[str]:
    """A plot of the metric and one of the losses."""
    if not curves:
        return
    yield "<h2>Training</h2><p>The dot is where the validation data chose the weights.</p>"
    metric = curves[0].metric
    plots = [
        curves_plot(
            [_curve(curve, curve.metric) for curve in curves],
            f"{metric_title(metric)} on the validation data",
            percent=metric != "spearman",
        ),
        curves_plot(
            [_curve(curve, "validation_loss") for curve in curves],
            "loss on the validation data",
            percent=False,
        ),
        curves_plot([_curve(curve, "loss") for curve in curves], "loss in training", percent=False),
    ]
    yield "".join(f"<figure>{plot}</figure>" for plot in plots if plot is not None)


def _curve(curve: TrainingCurve, figure: str) -> Curve:
    points = curve.points(figure)
    best = next((point for point in points if point[0] == curve.best_step), None)
    return Curve(curve.name, points, best)


def _text(text: str) -> str:
    """A text as HTML, in which control characters are U+FFFD."""
    return escape(harmless(encodable(text)))
