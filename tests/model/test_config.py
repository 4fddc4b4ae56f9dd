"""A student's config.json: what is read, and what is rejected."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.sentences import error

from sparsedistill import Student, TokenizerConfig, Vocabulary
from sparsedistill.model.weights import StudentWeights

Change = Callable[[dict[str, Any]], object]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A saved student of 3 n-grams and 2 classes."""
    vocabulary = Vocabulary.from_ngrams(["good", "bad", "good film"], TokenizerConfig(2))
    random = np.random.default_rng(0)
    shapes = ((3, 8), (4, 8), (4,), (2, 4), (2,))
    weights = StudentWeights(*(random.standard_normal(shape, dtype=np.float32) for shape in shapes))
    Student(vocabulary, weights, ("no", "yes")).save_pretrained(tmp_path / "student")
    return tmp_path / "student"


def change(folder: Path, how: Change) -> None:
    path = folder / "config.json"
    config = json.loads(path.read_text())
    how(config)
    path.write_text(json.dumps(config))


@pytest.mark.parametrize(
    ("how", "message"),
    [
        (lambda config: config.update(format="other"), "format version 3"),
        (lambda config: config.update(format_version=4), "format version 3"),
        (lambda config: config.update(format_version="1"), "format_version"),
        (lambda config: config.pop("classes"), "classes"),
        (lambda config: config.update(classes="no,yes"), "classes"),
        (lambda config: config.update(classes=["no", 1]), "classes"),
        (
            lambda config: config.update(classes=["no"]),
            "shape (2, 4), and config.json says (1, 4)",
        ),
        (lambda config: config.update(problem="ranking"), "problem"),
        (lambda config: config.pop("problem"), "problem"),
        (lambda config: config.update(problem="regression"), "name its only output score"),
        (lambda config: config.update(format_version=1), "format version 3"),
        (lambda config: config.update(pair=None), "pair"),
        (lambda config: config.update(tokenizer=[]), "tokenizer"),
        (lambda config: config["tokenizer"].update(version=99), "tokenizer version"),
        (lambda config: config["tokenizer"].update(max_ngram=2.5), "max_ngram"),
        (lambda config: config["tokenizer"].update(max_ngram=99), "max_ngram"),
        (lambda config: config["vocabulary"].update(rows=-1), "table has the shape"),
        (lambda config: config["vocabulary"].update(rows=2**40), "table has the shape"),
        (lambda config: config["vocabulary"].update(error_bound="low"), "error_bound"),
        (lambda config: config.update(compact={"layout": 1, "slots": 10, "wide": 0}), "another version"),
        (lambda config: config.update(compact={"layout": 4, "slots": "10", "wide": 0}), "slots"),
        (lambda config: config.update(compact={"layout": 4, "slots": 10, "wide": 0}), "lines"),
        (lambda config: config.update(evaluation={"student": {"accuracy": "high"}}), "evaluation"),
    ],
)
def test_a_damaged_config_is_one_sentence(folder: Path, how: Change, message: str) -> None:
    change(folder, how)
    assert message in error(lambda: Student.from_pretrained(folder))


@pytest.mark.parametrize("content", ["", "{", "[]", "\xff", "[" * 100_000, '{"format": NaN}'])
def test_a_config_that_is_not_json_is_one_sentence(folder: Path, content: str) -> None:
    (folder / "config.json").write_text(content, encoding="latin-1")
    assert "config.json" in error(lambda: Student.from_pretrained(folder))


def test_unknown_keys_are_ignored(folder: Path) -> None:
    before = Student.from_pretrained(folder).score(["good film"]).logits
    change(folder, lambda config: config.update(license="MIT", tags=["a"]))
    assert (Student.from_pretrained(folder).score(["good film"]).logits == before).all()
