"""``sparsedistill inspect``: what a directory holds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.table import Table

from ..cascade import CascadeFile, is_cascade
from ..explain.render import shown
from ..model.compact import CompactWeights
from ..problem import Problem
from ..student import Student
from ..vocabulary.config import TokenizerConfig
from ..vocabulary.tokenizer import is_characters, tokenize
from ..vocabulary.vocabulary import Vocabulary
from .tables import facts_table
from .terminal import Terminal


def inspect(
    path: Annotated[
        Path,
        typer.Argument(help="A student, a cascade, a vocabulary or soft targets.", show_default=False),
    ],
    text: Annotated[
        str | None,
        typer.Option("--text", help="Show the tokens, n-grams and classes of this text.", show_default=False),
    ] = None,
    top: Annotated[int, typer.Option(help="Number of n-grams to list of each kind.")] = 10,
) -> None:
    """Show what a directory holds: a student, a cascade, a vocabulary or soft targets.

    sparsedistill inspect student --text "What a film!"
    """
    out = Terminal(markup=False, highlight=False)  # texts can contain brackets and numbers
    if (path / "manifest.json").exists():
        out.print(_about_soft_targets(path))
        return
    if is_cascade(path):
        out.print(_about_cascade(path))
        path = path / "student"
    if (path / "model.safetensors").exists():
        student = Student.from_pretrained(path)
        out.print(_about_student(student))
        vocabulary = student.vocabulary
    else:
        student, vocabulary = None, Vocabulary.load(path)
    out.print(_about_vocabulary(vocabulary, top))
    if student is not None and vocabulary.ngrams is not None and not student.pair:
        out.print(_about_classes(student, top))
    if text is not None:
        out.print(_about_text(text, vocabulary, student))


_LABELS: dict[Problem, str] = {
    "single_label": "one per text",
    "multi_label": "several per text",
    "regression": "a number per text",
}


def _about_student(student: Student) -> Table:
    weights = student.weights
    facts: dict[str, Any] = {
        "classes": ", ".join(student.classes),
        "reads": "pairs of texts" if student.pair else "texts",
        "labels": _LABELS[student.problem],
        "form": "compact" if isinstance(weights, CompactWeights) else "trained",
        "parameters": weights.parameters,
        "embedding dimensions": weights.dim,
        "hidden units": len(weights.hidden_bias),
    }
    record = student.evaluation
    if record.compression is not None:
        facts["agreement with the trained student"] = f"{record.compression.steps[-1].agreement:.4f}"
    if record.calibration is not None:
        facts["temperature"] = f"{record.calibration.temperature:.4f}"
    for name, quality in (("teacher", record.teacher), ("student", record.student)):
        if quality is not None and quality.accuracy is not None:
            facts[f"{name} accuracy"] = f"{quality.accuracy:.4f}"
        elif quality is not None and quality.spearman is not None:
            facts[f"{name} Spearman"] = f"{quality.spearman:.4f}"
    if record.student is not None and record.student.retention is not None:
        facts["retention"] = f"{record.student.retention:.4f}"
        facts["agreement"] = f"{record.student.agreement:.4f}"
    facts |= {
        name: value
        for name, value in (
            ("test texts", record.texts),
            ("coverage", None if record.coverage is None else f"{record.coverage:.4f}"),
            ("training texts left out", record.left_out),
        )
        if value is not None
    }
    return facts_table("Student", facts)


def _about_cascade(path: Path) -> Table:
    config = CascadeFile.read(path)
    facts: dict[str, Any] = {
        "teacher": config.teacher or "(given when it is loaded)",
        "threshold": config.threshold,
    }
    if config.decision is not None:
        facts["number that texts are told apart by"] = config.decision
    chosen = None if config.evaluation is None else config.evaluation.chosen
    return facts_table("Cascade", {**facts, **(chosen or {})})


def _about_vocabulary(vocabulary: Vocabulary, top: int) -> Table:
    facts: dict[str, Any] = {
        "n-grams": len(vocabulary),
        "maximum length, in tokens": vocabulary.tokenizer.max_ngram,
        "text boundaries": "tokens" if vocabulary.tokenizer.boundaries else "no tokens",
        "character n-grams": _characters_of(vocabulary.tokenizer),
        "closed under prefixes": "yes" if vocabulary.closed else "no",
        "counts are too low by at most": vocabulary.error_bound,
    }
    if vocabulary.ngrams is not None:
        # Character n-grams contain no space; they are counted as 0 tokens.
        orders = np.bincount(
            [0 if is_characters(each) else each.count(" ") + 1 for each in vocabulary.ngrams]
        )
        facts |= {f"n-grams of {order} tokens": int(orders[order]) for order in range(1, len(orders))}
        facts |= {"character n-grams in the vocabulary": int(orders[0])} if orders[0] else {}
        facts["most frequent"] = " | ".join(map(shown, vocabulary.ngrams[:top]))
        facts["least frequent"] = " | ".join(map(shown, vocabulary.ngrams[-top:]))
    return facts_table("Vocabulary", facts)


def _characters_of(tokenizer: TokenizerConfig) -> str:
    if not tokenizer.max_characters:
        return "none"
    return f"{tokenizer.min_characters} to {tokenizer.max_characters} characters"


def _about_classes(student: Student, top: int) -> Table:
    from ..explain.strongest import strongest_ngrams

    found = strongest_ngrams(student, top)
    return facts_table(
        "Strongest n-grams",
        {label: " | ".join(shown(ngram) for ngram, _ in ngrams) for label, ngrams in found.items()},
    )


def _about_soft_targets(path: Path) -> Table:
    from ..labeling.soft_targets import SoftTargets

    targets = SoftTargets.open(path)
    facts: dict[str, Any] = {
        "teacher": targets.teacher,
        "texts": len(targets),
        "shards": len(targets.shards),
        "labels": _LABELS[targets.problem],
        "reads": "pairs of texts" if targets.pair else "texts",
    }
    logits = targets.logits(0)
    if targets.problem == "regression":
        facts["mean and standard deviation in the first shard"] = f"{logits.mean():.4f}, {logits.std():.4f}"
    else:
        shares = np.bincount(logits.argmax(axis=1), minlength=len(targets.classes))
        facts["classes (share in the first shard)"] = ", ".join(
            f"{name} ({share / shares.sum():.1%})"
            for name, share in zip(targets.classes, shares, strict=True)
        )
    return facts_table("Soft targets", facts)


def _about_text(text: str, vocabulary: Vocabulary, student: Student | None) -> Table:
    tokens = tokenize(text, boundaries=vocabulary.tokenizer.boundaries)
    facts: dict[str, Any] = {"tokens": " ".join(map(shown, tokens))}
    if vocabulary.ngrams is not None and vocabulary.buckets is not None:
        rows = vocabulary.extract([text]).rows
        facts[f"{len(rows)} known n-grams"] = " | ".join(shown(vocabulary.ngrams[row]) for row in rows)
    if student is not None and not student.pair:
        answers = student([text], top_k=None, coverage=True)[0]
        facts["classes"] = ", ".join(f"{answer['label']} {answer['score']:.4f}" for answer in answers)
        facts["coverage"] = f"{answers[0]['coverage']:.2f}"
    return facts_table(repr(text), facts)
