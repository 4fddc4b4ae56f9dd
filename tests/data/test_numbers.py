"""Labels that are numbers: which are, from files and in memory, and which are refused."""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.sentences import error

from sparsedistill import Columns, read_labelled
from sparsedistill.data.inputs import as_labelled
from sparsedistill.data.labelled import Labelled

DECIMALS = [f"{i / 7 - 2:.3f}" for i in range(40)]
WHOLE = [str(i % 6) for i in range(40)]


def put(path: Path, labels: list[str]) -> Path:
    path.write_text("text,label\n" + "".join(f"text {i},{label}\n" for i, label in enumerate(labels)))
    return path


def both(path: Path, labels: list[str], columns: Columns) -> tuple[Labelled, Labelled]:
    """The same labels from a file and from memory."""
    texts = [f"text {i}" for i in range(len(labels))]
    return read_labelled(put(path, labels), columns), as_labelled((texts, labels), columns, None)


@pytest.mark.parametrize(
    ("labels", "problem", "expected"),
    [
        (DECIMALS, None, "regression"),
        (WHOLE, None, "single_label"),
        (WHOLE, "regression", "regression"),
        (DECIMALS, "single_label", "single_label"),
        (["1.5", "2.5"] * 20, None, "single_label"),  # few different ones are classes
        ([*DECIMALS, "good"], None, "single_label"),
        ([str(i) for i in range(40)], None, "single_label"),
    ],
)
def test_numbers_and_classes_are_told_apart_by_one_rule(
    tmp_path: Path, labels: list[str], problem: Any, expected: str
) -> None:
    for found in both(tmp_path / "a.csv", labels, Columns(label="label", problem=problem)):
        assert found.problem == expected
        if expected == "regression":
            assert found.classes == ("score",)
            assert found.labels == pytest.approx(np.array(labels, np.float32))


def test_arrays_of_floats_are_numbers_too() -> None:
    texts = [f"text {i}" for i in range(40)]
    labels = np.linspace(-1, 1, 40)
    found = as_labelled((texts, labels), Columns(), None)
    assert found.problem == "regression"
    assert found.labels == pytest.approx(labels)
    whole = as_labelled((texts, np.arange(40) % 3), Columns(problem="regression"), None)
    assert whole.labels.tolist() == [i % 3 for i in range(40)]


@pytest.mark.parametrize("label", ["nan", "inf", "", "high"])
@pytest.mark.parametrize("problem", ["regression", None])
def test_a_label_that_is_not_a_finite_number_is_named_with_its_row(
    tmp_path: Path, label: str, problem: Any
) -> None:
    labels = [*DECIMALS[:30], label, *DECIMALS[30:]]
    columns = Columns(label="label", problem=problem)
    if label == "high" and problem is None:
        assert read_labelled(put(tmp_path / "a.csv", labels), columns).problem == "single_label"
        return
    message = error(lambda: read_labelled(put(tmp_path / "a.csv", labels), columns))
    assert message.startswith(f"{tmp_path / 'a.csv'}, line 32: ")
    if label:
        texts = [f"text {i}" for i in range(len(labels))]
        assert "text 30" in error(lambda: as_labelled((texts, labels), columns, None))


def test_a_problem_excludes_other_settings(tmp_path: Path) -> None:
    assert "leave out one" in error(lambda: Columns(label_separator=",", problem="regression"))
    assert "separates labels" in error(lambda: Columns(problem="multi_label"))
    columns = Columns(label="label", problem="regression")
    path = put(tmp_path / "a.csv", WHOLE)
    assert "leave out one" in error(lambda: read_labelled(path, columns, ["low", "high"]))
    for given in (columns, Columns(label="label")):  # the outputs of a student say it too
        assert read_labelled(path, given, ["score"]).problem == "regression"
    classes = read_labelled(path, Columns(label="label"))
    assert "single_label" in error(lambda: as_labelled(classes, columns, None))


def test_low_and_high_numbers_are_held_out_in_proportion() -> None:
    labels = np.concatenate([np.zeros(180), np.linspace(5, 10, 20)]).astype(np.float32)
    data = as_labelled(([f"text {i}" for i in range(200)], labels), Columns(problem="regression"), None)
    rest, held_out = data.split(0.1, seed=0)
    assert len(rest) + len(held_out) == 200
    assert (held_out.labels >= 5).sum() == pytest.approx(2, abs=1)
    folds = [held_out.texts.to_pylist() for _, held_out in data.folds(5, seed=0)]
    assert sorted(chain.from_iterable(folds)) == sorted(data.texts.to_pylist())
