"""The model card: what a student is, what was measured of it, and how to use it."""

from __future__ import annotations

from typing import Any

_USE_SINGLE = 'student(["First text", "Second text"])'
_USE_PAIR = 'student([{"text": "One text", "text_pair": "Another text"}])'


def model_card(config: dict[str, Any], name: str) -> str:
    """Markdown of a student's ``README.md``, with the header that the Hub reads.

    Args:
        config: What ``config.json`` holds.
        name: What the student is called: the name of its directory.
    """
    kind = "pairs of texts" if config["pair"] else "texts"
    labels = "any number of" if config["multi_label"] else "one of"
    rows, dim = config["vocabulary"]["rows"], config["dim"]
    size = f"{dim} dimensions, {rows * dim:,} parameters\nin the table"
    if config.get("compact") is not None:
        size = f"compact: {dim} dimensions of one or two bytes"
    return f"""---
library_name: sparsedistill
pipeline_tag: text-classification
tags: [sparsedistill, text-classification, distillation, n-grams]
---

# {name}

Gives {kind} {labels} {len(config["classes"])} labels: {", ".join(config["classes"])}.

A student distilled with sparsedistill: a deep averaging network over the embeddings of {rows:,}
n-grams of {_lengths(config["tokenizer"])} ({size}),
after Ye et al., "Sparse Distillation", NAACL 2022.

```python
from sparsedistill import Student

student = Student.from_pretrained("{name}")
{_USE_PAIR if config["pair"] else _USE_SINGLE}
```
{_evaluation(config["evaluation"])}"""


def _lengths(tokenizer: dict[str, Any]) -> str:
    tokens = f"1 to {tokenizer['max_ngram']} tokens"
    if not tokenizer.get("max_characters"):
        return tokens
    characters = f"{tokenizer['min_characters']} to {tokenizer['max_characters']} characters"
    return f"{tokens}, and of {characters} of a word"


def _evaluation(evaluation: dict[str, Any]) -> str:
    if not evaluation:
        return ""
    evaluation = dict(evaluation)
    compression, calibration = evaluation.pop("compression", None), evaluation.pop("calibration", None)
    deferral = evaluation.pop("deferral", None)
    return _compression(compression) + _calibration(calibration) + _measured(evaluation) + _deferral(deferral)


def _compression(compression: dict[str, Any] | None) -> str:
    """What each step to the compact form has changed, against the trained student."""
    if compression is None:
        return ""
    lines = ["| | agreement | mean change of a probability | largest |", "| --- | ---: | ---: | ---: |"]
    for step in compression["steps"]:
        changes = (step[name] for name in ("agreement", "mean_change", "max_change"))
        lines.append(f"| {step['step']} | {' | '.join(map(_number, changes))} |")
    texts = f"Against the trained student, on {compression['texts']:,} held-out texts:"
    return f"\n## Compression\n\n{texts}\n\n" + "\n".join(lines) + "\n"


def _calibration(calibration: dict[str, Any] | None) -> str:
    """What the temperature has changed, on the texts that it was fitted to."""
    if calibration is None:
        return ""
    lines = ["| | before | after |", "| --- | ---: | ---: |"]
    for metric in ("log_loss", "ece"):
        values = (calibration[f"{metric}_{when}"] for when in ("before", "after"))
        lines.append(f"| {metric} | {' | '.join(map(_number, values))} |")
    texts = (
        f"Temperature {_number(calibration['temperature'])} in the output layer, fitted to the "
        f"{calibration['targets']} of {calibration['texts']:,} held-out texts:"
    )
    return f"\n## Calibration\n\n{texts}\n\n" + "\n".join(lines) + "\n"


def _measured(evaluation: dict[str, Any]) -> str:
    columns = [name for name in ("teacher", "student") if name in evaluation]
    if not columns:
        return ""
    lines = [f"| | {' | '.join(columns)} |", "| --- |" + " ---: |" * len(columns)]
    for metric in evaluation[columns[-1]]:
        values = (evaluation[column].get(metric) for column in columns)
        lines.append(f"| {metric} | {' | '.join(_number(value) for value in values)} |")
    facts = [f"- {key}: {_number(value)}" for key, value in evaluation.items() if not isinstance(value, dict)]
    return "\n## Evaluation\n\n" + "\n".join([*lines, "", *facts]) + "\n"


def _deferral(deferral: dict[str, Any] | None) -> str:
    """What student and teacher are together."""
    if deferral is None:
        return ""
    names = list(deferral["points"][0])
    lines = [f"| {' | '.join(names)} |", "|" + " ---: |" * len(names)]
    lines += [f"| {' | '.join(_number(point[name]) for name in names)} |" for point in deferral["points"]]
    texts = "Where texts below a threshold of the student's confidence go to the teacher:"
    return f"\n## With the teacher\n\n{texts}\n\n" + "\n".join(lines) + "\n"


def _number(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) else str(value)
