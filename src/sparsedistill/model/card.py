"""The model card: what a student is, what was measured of it, and how to use it."""

from __future__ import annotations

from collections.abc import Sequence

from ..problem import Problem
from .config import HeadRecord, ModelConfig, MultiHeadConfig
from .record import EvaluationRecord
from .sections import Section, sections

_USE_SINGLE = 'student(["First text", "Second text"])'
_USE_PAIR = 'student([{"text": "One text", "text_pair": "Another text"}])'


def model_card(config: ModelConfig | MultiHeadConfig, name: str) -> str:
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
    if isinstance(config, MultiHeadConfig):
        opener, about = "MultiHeadStudent", _questions(config.heads, kind)
        figures = "".join(_of_head(head) for head in config.heads)
    else:
        opener, about = "Student", _answers(config.problem, config.classes, kind)
        figures = _evaluation(config.evaluation, config.problem)
    return f"""---
library_name: sparsedistill
pipeline_tag: text-classification
tags: [sparsedistill, text-classification, distillation, n-grams]
---

# {name}

{about}

A student distilled with sparsedistill: a deep averaging network over the embeddings of {rows:,} n-grams
({_lengths(config)}; {size}), after Ye et al., "Sparse Distillation", NAACL 2022.

```python
from sparsedistill import {opener}

student = {opener}.from_pretrained("{name}")
{_USE_PAIR if config.pair else _USE_SINGLE}
```
{figures}"""


def _answers(problem: Problem, classes: Sequence[str], kind: str) -> str:
    """What the student says of a text, a sentence."""
    if problem == "regression":
        return f"Predicts a number for {kind}, in the unit of the labels that it was trained on."
    labels = "any number of" if problem == "multi_label" else "one of"
    return f"Classifies {kind}: {labels} {len(classes)} labels ({', '.join(classes)})."


def _questions(heads: Sequence[HeadRecord], kind: str) -> str:
    """What a student of several questions says of a text."""
    lines = [f"- **{head.name}**: {_answers(head.problem, head.classes, kind)}" for head in heads]
    return "\n".join([f"Answers {len(heads)} questions about {kind} in one pass:", "", *lines])


def _of_head(head: HeadRecord) -> str:
    """What was measured of a head, under a heading with its name."""
    sections = _evaluation(head.evaluation, head.problem).replace("\n## ", "\n### ")
    return f"\n## {head.name}\n{sections}" if sections else ""


def _lengths(config: ModelConfig | MultiHeadConfig) -> str:
    tokenizer = config.tokenizer
    tokens = f"1 to {tokenizer.max_ngram} tokens"
    if not tokenizer.max_characters:
        return tokens
    return f"{tokens}, and {tokenizer.min_characters} to {tokenizer.max_characters} characters of a word"


def _evaluation(evaluation: EvaluationRecord, problem: Problem) -> str:
    return "".join(map(_section, sections(evaluation, problem)))


def _section(section: Section) -> str:
    parts = ["\n".join(f"- **Warning:** {warning}" for warning in section.warnings), section.text]
    if section.rows:
        rows = [list(row) for row in section.rows]
        if section.chosen is not None:
            rows[section.chosen][0] = f"**{rows[section.chosen][0]}**"
        parts.append(_table(section.header, rows))
    parts.append("\n".join(f"- {note}" for note in section.notes))
    return f"\n## {section.title}\n\n" + "\n\n".join(filter(None, parts)) + "\n"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(header)} |", "| --- |" + " ---: |" * (len(header) - 1)]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])
