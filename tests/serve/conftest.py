"""Servers for the tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from support.server import RunningServer, serving
from support.students import good_or_bad, rating, three_questions

from sparsedistill import Student, TokenizerConfig, Vocabulary
from sparsedistill.model.weights import StudentWeights


def same_or_not() -> Student:
    """Compares two texts by the words good and bad, at random."""
    random = np.random.default_rng(0)
    vocabulary = Vocabulary.from_ngrams(["good", "bad"], TokenizerConfig(1))
    weights = StudentWeights(
        table=random.standard_normal((2, 2), np.float32),
        hidden_weight=random.standard_normal((2, 13), np.float32),
        hidden_bias=np.zeros(2, np.float32),
        output_weight=random.standard_normal((2, 2), np.float32),
        output_bias=np.zeros(2, np.float32),
    )
    return Student(vocabulary, weights, ("same", "different"), "single_label", pair=True)


@pytest.fixture(scope="session")
def students(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a student of each kind."""
    folder = tmp_path_factory.mktemp("students")
    good_or_bad().save_pretrained(folder / "films")
    good_or_bad(("good", "bad"), "multi_label").save_pretrained(folder / "tags")
    rating(["bad", "fine", "good"]).save_pretrained(folder / "rating")
    three_questions().save_pretrained(folder / "three")
    same_or_not().save_pretrained(folder / "pairs")
    return folder


@pytest.fixture(scope="session")
def server(students: Path) -> Iterator[RunningServer]:
    """A server of all kinds of students, of which films has the paths without a name."""
    named = [f"{name}={students / name}" for name in ("films", "tags", "rating", "three", "pairs")]
    with serving(*named) as running:
        yield running
