"""The model card: what a student is, what was measured of it, and how to use it."""

from __future__ import annotations

from ..problem import Problem
from .config import ModelConfig
from .figures import comparison_columns, group_header, group_row, metric_title, notes, quality_columns
from .record import Calibration, CompressionRecord, DeferralRecord, EvaluationRecord, LinearCalibration
from .tuning import TuningRecord

_USE_SINGLE = 'student(["First text", "Second text"])'
_USE_PAIR = 'student([{"text": "One text", "text_pair": "Another text"}])'


def model_card(config: ModelConfig, name: str) -> str:
    """The Markdown of a student's ``README.md``, with the YAML header that the Hub reads.

    Args:
        config: What ``config.json`` holds.
        name: The student's name: that of its directory.
    """
    kind = "pairs of texts" if config.pair else "texts"
    rows = config.vocabulary.rows
    dimensions = "1 dimension" if config.dim == 1 else f"{config.dim} dimensions"
    size = f"{dimensions}, {rows * config.dim:,} parameters in the table"
    if config.compact is not None:
        size = f"compact: {dimensions} of one or two bytes"
    return f"""---
library_name: sparsedistill
pipeline_tag: text-classification
tags: [sparsedistill, text-classification, distillation, n-grams]
---

# {name}

{_answers(config, kind)}

A student distilled with sparsedistill: a deep averaging network over the embeddings of {rows:,} n-grams
({_lengths(config)}; {size}), after Ye et al., "Sparse Distillation", NAACL 2022.

```python
from sparsedistill import Student

student = Student.from_pretrained("{name}")
{_USE_PAIR if config.pair else _USE_SINGLE}
```
{_evaluation(config)}"""


def _answers(config: ModelConfig, kind: str) -> str:
    """What the student says of a text, a sentence."""
    if config.problem == "regression":
        return f"Predicts a number for {kind}, in the unit of the labels that it was trained on."
    labels = "any number of" if config.problem == "multi_label" else "one of"
    return f"Classifies {kind}: {labels} {len(config.classes)} labels ({', '.join(config.classes)})."


def _lengths(config: ModelConfig) -> str:
    tokenizer = config.tokenizer
    tokens = f"1 to {tokenizer.max_ngram} tokens"
    if not tokenizer.max_characters:
        return tokens
    return f"{tokens}, and {tokenizer.min_characters} to {tokenizer.max_characters} characters of a word"


def _evaluation(config: ModelConfig) -> str:
    evaluation = config.evaluation
    sections = (
        None if evaluation.tuning is None else _tuning(evaluation.tuning, config.problem),
        None if evaluation.compression is None else _compression(evaluation.compression, config.problem),
        None if evaluation.calibration is None else _calibration(evaluation.calibration),
        None if evaluation.line is None else _line(evaluation.line),
        _measured(evaluation),
        _groups(evaluation),
        None if evaluation.deferral is None else _deferral(evaluation.deferral),
    )
    return "".join(section for section in sections if section is not None)


def _tuning(tuning: TuningRecord, problem: Problem) -> str:
    """The settings that were tried, the best first."""
    ranked = sorted(enumerate(tuning.trials), key=lambda entry: -entry[1].score)
    names = list(dict.fromkeys(name for trial in tuning.trials for name in trial.settings))
    rows = []
    for position, trial in ranked:
        marks = "**" if position == tuning.chosen else ""
        values = (str(trial.settings.get(name, "")).lower() for name in names)
        behind = f"{_number(trial.difference)} ± {_number(trial.error)}"
        rows.append([f"{marks}{_number(trial.score)}{marks}", behind, f"{trial.lookups:.0f}", *values])
    header = ["score", "behind the best", "look-ups per text", *(name.partition(".")[2] for name in names)]
    folds = f", in {tuning.folds} folds" if tuning.folds > 1 else ""
    about = (
        f"Settings tried, scored on {tuning.texts:,} held-out texts{folds}. Chosen, in bold: the fewest "
        f"look-ups within {'half a' if problem == 'regression' else 'one'} standard error of the best."
    )
    return f"\n## Settings\n\n{about}\n\n{_table(header, rows)}\n"


def _compression(compression: CompressionRecord, problem: Problem) -> str:
    """What each step to the compact form changed, compared with the trained student."""
    rows = [
        [step.step, *map(_number, (step.agreement, step.mean_change, step.max_change))]
        for step in compression.steps
    ]
    header, unit = ["", "agreement", "mean change of a probability", "largest change"], ""
    if problem == "regression":
        header[1:3] = "Spearman", "mean change"
        unit = " (changes in standard deviations of its numbers)"
    table = _table(header, rows)
    texts = f"Compared with the trained student, on {compression.texts:,} held-out texts{unit}:"
    return f"\n## Compression\n\n{texts}\n\n{table}\n"


def _calibration(calibration: Calibration) -> str:
    """What the temperature changed, on the texts that it was fitted to."""
    rows = [
        ["log_loss", _number(calibration.log_loss_before), _number(calibration.log_loss_after)],
        ["ece", _number(calibration.ece_before), _number(calibration.ece_after)],
    ]
    texts = (
        f"Temperature {_number(calibration.temperature)} in the output layer, fitted to the "
        f"{calibration.targets} of {calibration.texts:,} held-out texts:"
    )
    return f"\n## Calibration\n\n{texts}\n\n{_table(['', 'before', 'after'], rows)}\n"


def _line(line: LinearCalibration) -> str:
    """What the line of a regression changed, on the texts that it was fitted to."""
    return (
        f"\n## Calibration\n\nSlope {_number(line.slope)} and intercept {_number(line.intercept)} in the "
        f"output layer, fitted to the {line.targets} of {line.texts:,} held-out texts: root mean squared "
        f"error {_number(line.rmse_before)} before and {_number(line.rmse_after)} after.\n"
    )


def _measured(evaluation: EvaluationRecord) -> str | None:
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
    cells = [[name, *(column.cell(quality) for column in columns)] for name, quality in rows]
    table = _table(["", *(column.title for column in columns)], cells)
    lines = [f"- {name}: {_number(value)}" for name, value in facts.items() if value is not None]
    parts = [table, "\n".join([*lines, *(f"- {note}" for note in notes(evaluation))])]
    if evaluation.warnings:
        parts.insert(0, "\n".join(f"- **Warning:** {warning}" for warning in evaluation.warnings))
    return "\n## Evaluation\n\n" + "\n\n".join(parts) + "\n"


def _groups(evaluation: EvaluationRecord) -> str | None:
    """Accuracy by language, domain or source."""
    if not evaluation.groups:
        return None
    rows = [group_row(evaluation, group) for group in evaluation.groups]
    table = _table(group_header(evaluation), rows)
    figure = "Accuracy in %" if evaluation.metric != "spearman" else metric_title("spearman")
    return f"\n## By {evaluation.by}\n\n{figure}, worst first:\n\n{table}\n"


def _deferral(deferral: DeferralRecord) -> str:
    """Student and teacher together."""
    names = list(deferral.points[0]) if deferral.points else []
    rows = [[_number(point.get(name)) for name in names] for point in deferral.points]
    texts = "If the teacher scores the texts below a threshold of the student's confidence:"
    return f"\n## With the teacher\n\n{texts}\n\n{_table(names, rows)}\n"


def _table(header: list[str], rows: list[list[str]]) -> str:
    lines = [f"| {' | '.join(header)} |", "| --- |" + " ---: |" * (len(header) - 1)]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def _number(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) else str(value)
