"""``sparsedistill inspect``: what a directory holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from ..cascade import CascadeFile, is_cascade
from ..explain.render import shown
from ..model.compact import CompactWeights
from ..multi_head import MultiHeadStudent, is_multi_head
from ..problem import Problem
from ..student import Student
from ..vocabulary.config import TokenizerConfig
from ..vocabulary.tokenizer import is_characters, tokenize
from ..vocabulary.vocabulary import Vocabulary
from .facts import Facts, nested
from .options import check_top
from .results import Json, print_json
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
    verify: Annotated[
        bool | None,
        typer.Option(
            "--verify/--no-verify",
            help="Read all arrays and compare them with their digests. By default, if the file has less than "
            "1 GB.",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show what a directory holds: a student, a cascade, a vocabulary or soft targets.

    sparsedistill inspect student --text "What a film!"
    """
    check_top(top)
    parts = list(_parts(path, text, top, verify))
    if as_json:
        print_json(nested(parts))
        return
    out = Terminal(markup=False, highlight=False)  # texts can contain brackets and numbers
    for part in parts:
        out.print(part.table())


def _parts(path: Path, text: str | None, top: int, verify: bool | None) -> Iterator[Facts]:
    """What there is to say of a directory."""
    if (path / "manifest.json").exists():
        yield _about_soft_targets(path)
        return
    if is_cascade(path):
        yield _about_cascade(path)
        path = path / "student"
    if (path / "model.safetensors").exists():
        verified = _is_small(path / "model.safetensors") if verify is None else verify
        students = _students(path, verified=verified)
        for name, student in students.items():
            yield _about_student(student, name, verified=verified)
        vocabulary = next(iter(students.values())).vocabulary
    else:
        verified = _is_small(path / "vocabulary.safetensors") if verify is None else verify
        students, vocabulary = {}, Vocabulary.load(path, verify=verified)
    yield _about_vocabulary(vocabulary, top)
    for name, student in students.items():
        if vocabulary.ngrams is not None and not student.pair:
            yield _about_classes(student, top, name)
    if text is not None:
        yield _about_text(text, vocabulary, students)


def _students(path: Path, *, verified: bool) -> dict[str, Student]:
    """The student in a directory, or those of its heads by their names."""
    if not is_multi_head(path):
        return {"": Student.from_pretrained(path, verify=verified)}
    several = MultiHeadStudent.from_pretrained(path, verify=verified)
    return {head.name: several.head(head.name) for head in several.heads}


_LARGE = 10**9  # bytes

_LABELS: dict[Problem, str] = {
    "single_label": "one per text",
    "multi_label": "several per text",
    "regression": "a number per text",
}


def _is_small(file: Path) -> bool:
    """Whether reading a file takes about a second."""
    return file.is_file() and file.stat().st_size < _LARGE


def _about_student(student: Student, head: str, *, verified: bool) -> Facts:
    weights = student.weights
    facts: dict[str, Any] = {
        "classes": student.classes,
        "reads": "pairs of texts" if student.pair else "texts",
        "labels": _LABELS[student.problem],
        "form": "compact" if isinstance(weights, CompactWeights) else "trained",
        "parameters": weights.parameters,
        "embedding dimensions": weights.dim,
        "hidden units": len(weights.hidden_bias),
        "digests": "verified" if verified else "not verified (--verify reads the whole file)",
    }
    record = student.evaluation
    if record.compression is not None:
        facts["agreement with the trained student"] = record.compression.steps[-1].agreement
    if record.calibration is not None:
        facts["temperature"] = record.calibration.temperature
    for name, quality in (("teacher", record.teacher), ("student", record.student)):
        if quality is not None and quality.accuracy is not None:
            facts[f"{name} accuracy"] = quality.accuracy
        elif quality is not None and quality.spearman is not None:
            facts[f"{name} Spearman"] = quality.spearman
    if record.student is not None and record.student.retention is not None:
        facts["retention"] = record.student.retention
        facts["agreement"] = record.student.agreement
    facts |= {
        name: value
        for name, value in (
            ("test texts", record.texts),
            ("coverage", record.coverage),
            ("training texts left out", record.left_out),
        )
        if value is not None
    }
    path = ("heads", head) if head else ("student",)
    return Facts(f"Head {head}" if head else "Student", path, facts)


def _about_cascade(path: Path) -> Facts:
    config = CascadeFile.read(path)
    facts: dict[str, Any] = {
        "teacher": config.teacher or "(given when it is loaded)",
        "threshold": config.threshold,
    }
    if config.decision is not None:
        facts["number that texts are told apart by"] = config.decision
    chosen = None if config.evaluation is None else config.evaluation.chosen
    return Facts("Cascade", ("cascade",), {**facts, **(chosen or {})})


def _about_vocabulary(vocabulary: Vocabulary, top: int) -> Facts:
    facts: dict[str, Any] = {
        "n-grams": len(vocabulary),
        "maximum length, in tokens": vocabulary.tokenizer.max_ngram,
        "text boundaries": "tokens" if vocabulary.tokenizer.boundaries else "no tokens",
        "character n-grams": _characters_of(vocabulary.tokenizer),
        "closed under prefixes": vocabulary.closed,
        "counts are too low by at most": vocabulary.error_bound,
    }
    if vocabulary.ngrams is not None:
        # Character n-grams contain no space; they are counted as 0 tokens.
        orders = np.bincount(
            [0 if is_characters(each) else each.count(" ") + 1 for each in vocabulary.ngrams]
        )
        facts |= {f"n-grams of {order} tokens": int(orders[order]) for order in range(1, len(orders))}
        facts |= {"character n-grams in the vocabulary": int(orders[0])} if orders[0] else {}
        facts["most frequent"] = [shown(each) for each in vocabulary.ngrams[:top]]
        facts["least frequent"] = [shown(each) for each in vocabulary.ngrams[-top:]]
    return Facts("Vocabulary", ("vocabulary",), facts)


def _characters_of(tokenizer: TokenizerConfig) -> str:
    if not tokenizer.max_characters:
        return "none"
    return f"{tokenizer.min_characters} to {tokenizer.max_characters} characters"


def _about_classes(student: Student, top: int, head: str) -> Facts:
    from ..explain.strongest import strongest_ngrams

    found = strongest_ngrams(student, top)
    return Facts(
        f"Strongest n-grams of {head}" if head else "Strongest n-grams",
        ("strongest n-grams", head) if head else ("strongest n-grams",),
        {label: [shown(ngram) for ngram, _ in ngrams] for label, ngrams in found.items()},
    )


def _about_soft_targets(path: Path) -> Facts:
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
        facts["mean and standard deviation in the first shard"] = (float(logits.mean()), float(logits.std()))
    else:
        shares = np.bincount(logits.argmax(axis=1), minlength=len(targets.classes))
        facts["classes (share in the first shard)"] = dict(
            zip(targets.classes, (shares / shares.sum()).tolist(), strict=True)
        )
    return Facts("Soft targets", ("soft targets",), facts)


def _about_text(text: str, vocabulary: Vocabulary, students: Mapping[str, Student]) -> Facts:
    tokens = tokenize(text, boundaries=vocabulary.tokenizer.boundaries)
    facts: dict[str, Any] = {"tokens": " ".join(map(shown, tokens))}
    if vocabulary.ngrams is not None and vocabulary.buckets is not None:
        rows = vocabulary.extract([text]).rows
        facts["number of known n-grams"] = len(rows)
        facts["known n-grams"] = [shown(vocabulary.ngrams[row]) for row in rows]
    for head, student in students.items():
        if student.pair:
            break
        answers = student([text], top_k=None, coverage=True)[0]
        facts[head or "classes"] = {answer["label"]: answer["score"] for answer in answers}
        facts["coverage"] = answers[0]["coverage"]
    return Facts(repr(text), ("text",), facts)
