"""Labels become classes by one rule, in files and in memory."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from support.rows import put
from support.sentences import error

from sparsedistill.data import Columns, Labelled, read_labelled
from sparsedistill.data.inputs import as_labelled

NAN = float("nan")


def from_csv(folder: Path, labels: list[Any]) -> Labelled:
    rows = "".join(f't,"{"" if label is None else label}"\n' for label in labels)
    return read_labelled(put(folder / "a.csv", "text,label\n" + rows), Columns(label="label"))


def from_jsonl(folder: Path, labels: list[Any]) -> Labelled:
    rows = "".join(json.dumps({"text": "t", "label": label}) + "\n" for label in labels)
    return read_labelled(put(folder / "a.jsonl", rows), Columns(label="label"))


def from_parquet(folder: Path, labels: list[Any]) -> Labelled:
    pyarrow.parquet.write_table(
        pa.table({"text": ["t"] * len(labels), "label": labels}), folder / "a.parquet"
    )
    return read_labelled(folder / "a.parquet", Columns(label="label"))


def from_memory(folder: Path, labels: list[Any]) -> Labelled:
    return as_labelled((["t"] * len(labels), labels), Columns(), None)


@pytest.mark.parametrize("read", [from_csv, from_jsonl, from_parquet, from_memory])
@pytest.mark.parametrize(
    ("labels", "classes", "indices"),
    [
        (["pos", " pos", "pos ", "neg"], ("neg", "pos"), [1, 1, 1, 0]),
        ([1.0, 0.0, 1.0], ("0", "1"), [1, 0, 1]),
        (["1.0", "1", "0"], ("0", "1"), [1, 1, 0]),
        ([True, False], ("false", "true"), [1, 0]),
        (["True", "true", "False"], ("false", "true"), [1, 1, 0]),
        ([2.5, 1.0], ("1", "2.5"), [1, 0]),
    ],
)
def test_names(
    read: Any, labels: list[Any], classes: tuple[str, ...], indices: list[int], tmp_path: Path
) -> None:
    found = read(tmp_path, labels)
    assert (found.classes, found.labels.tolist()) == (classes, indices)


@pytest.mark.parametrize("read", [from_csv, from_jsonl, from_parquet, from_memory])
@pytest.mark.parametrize("labels", [["x", None, "y"], ["x", "", "y"], ["x", "  ", "y"]])
def test_no_label(read: Any, labels: list[Any], tmp_path: Path) -> None:
    assert "is empty: give every row a label" in error(lambda: read(tmp_path, labels))


@pytest.mark.parametrize("read", [from_jsonl, from_parquet, from_memory])
def test_not_a_number_is_no_label(read: Any, tmp_path: Path) -> None:
    assert "is empty" in error(lambda: read(tmp_path, [1.0, NAN, 0.0]))


@pytest.mark.parametrize("read", [from_csv, from_jsonl, from_parquet, from_memory])
def test_numbers_that_are_not_finite_are_no_classes(read: Any, tmp_path: Path) -> None:
    for value in (float("inf"), float("-inf")):
        assert "inf" in error(lambda value=value: read(tmp_path, [1.0, value, 0.0]))  # type: ignore[misc]
    for name in ("nan", "NaN", "-inf"):
        message = error(lambda name=name: read(tmp_path, ["1", "0", name]))  # type: ignore[misc]
        assert f"the label is {name!r} and the others are numbers" in message
    assert read(tmp_path, ["nan", "pita"]).classes == ("nan", "pita")


def test_empty_labels_in_lists() -> None:
    for labels in ([["x", None], ["y"]], [[1.0, NAN], [0.0]]):
        message = error(lambda labels=labels: from_memory(Path(), labels))  # type: ignore[misc]
        assert "Label 0: 'label' has an empty label: leave it out" in message


def test_labels_that_are_no_list() -> None:
    assert "The labels are a ndarray" in error(lambda: as_labelled((["t"], np.array(1)), Columns(), None))
    assert from_memory(Path(), ["\ud800", "x"]).classes == ("x", "\ufffd")


def test_labels_in_memory_only() -> None:
    for labels in (["x", NAN, "y"], pa.array(["x", None, "y"]), np.array(["x", None, "y"], object)):
        assert "Label 1: 'label' is empty" in error(lambda labels=labels: from_memory(Path(), labels))  # type: ignore[misc]
    categories = pa.array(["x", "y", "x"]).dictionary_encode()
    assert from_memory(Path(), categories).classes == ("x", "y")
    assert as_labelled((["a", "b"], [1, 0]), Columns(), ("neg", "pos")).labels.tolist() == [1, 0]
    assert as_labelled((["a", "b"], [True, False]), Columns(), ("False", "True")).labels.tolist() == [1, 0]
    several = as_labelled((["a", "b", "c"], [{"x"}, ["x", "y"], []]), Columns(), None)
    assert (several.classes, several.labels.tolist()) == (("x", "y"), [[1, 0], [1, 1], [0, 0]])
    matrix = np.array([[1, -1], [0, 1]])
    assert "Label 0 is -1 for the class 'y'" in error(
        lambda: as_labelled((["a", "b"], matrix), Columns(), ("x", "y"))
    )
    assert "has type dict" in error(lambda: from_memory(Path(), [{"x": 1}, {"y": 1}]))
