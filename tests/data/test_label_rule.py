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
        ([-0.0, 0.0, 1.0], ("0", "1"), [0, 0, 1]),
        (["-0.0", "0.0", "-0", "1"], ("0", "1"), [0, 0, 0, 1]),
        ([12345678901.0, 1.0], ("1", "12345678901"), [1, 0]),
        ([1e22, 2.0**60, 1.0], ("1", str(2**60), str(10**22)), [2, 1, 0]),
        (["1e+20", "1E+02", "1.25e+01", "1e5"], ("100", str(10**20), "12.5", "1e5"), [1, 0, 2, 3]),
        (["é", "e\u0301", "x"], ("x", "é"), [1, 1, 0]),
        (["\ufeff a", "a\u200b", "a", "\u200eb\u200d \ufeff"], ("a", "b"), [0, 0, 0, 1]),
    ],
)
def test_names(
    read: Any, labels: list[Any], classes: tuple[str, ...], indices: list[int], tmp_path: Path
) -> None:
    found = read(tmp_path, labels)
    assert (found.classes, found.labels.tolist()) == (classes, indices)


@pytest.mark.parametrize("read", [from_csv, from_jsonl, from_parquet, from_memory])
@pytest.mark.parametrize(
    "labels", [["x", None, "y"], ["x", "", "y"], ["x", "  ", "y"], ["x", "\ufeff\u200b", "y"]]
)
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


SEVERAL = (("a", "b"), [[1, 0], [1, 1]])


def classes_and_labels(labels: Any, classes: Any = None) -> tuple[tuple[str, ...], list[Any]]:
    rows = labels.shape[0] if hasattr(labels, "shape") else len(labels)
    found = as_labelled((["t"] * rows, labels), Columns(), classes)
    return found.classes, found.labels.tolist()


@pytest.mark.parametrize(
    "labels",
    [
        np.array([0.1, 2], np.float32),
        np.array([0.1, 2], np.float16),
        np.array([0.1, 2], ">f4"),
        np.array([0.1, 2], np.longdouble),
        [np.float32(0.1), 2.0],
        [np.float16(0.1), np.int8(2)],
        pa.array([0.1, 2], pa.float32()),
        pa.chunked_array([np.array([0.1, 2], np.float32)]),
        [0.1, 2],
        ["0.1", "2.0"],
    ],
    ids=lambda labels: str(getattr(labels, "dtype", getattr(labels, "type", labels))),
)
def test_floats_of_any_width_have_one_name(labels: Any) -> None:
    assert classes_and_labels(labels) == (("0.1", "2"), [0, 1])


def test_whole_floats_are_the_integer_of_their_value() -> None:
    for kind in (np.float32, np.float64, np.int64):
        numbers = np.array([123456792, 1], kind)
        for labels in (numbers, list(numbers), pa.array(numbers)):
            assert classes_and_labels(labels) == (("1", "123456792"), [1, 0])
    assert classes_and_labels(pa.array([1, None, 0.5], pa.float32()).drop_null())[0] == ("0.5", "1")
    assert "Label 1: 'label' is empty" in error(lambda: classes_and_labels(pa.array([1, None], pa.float32())))
    assert classes_and_labels([1e-05, "x"])[0] == ("0.00001", "x")  # as from a parquet file
    assert classes_and_labels(["1e+999", "x"])[0] == ("1e+999", "x")


def test_masked_labels_are_empty() -> None:
    masked = np.ma.array([1, 2, 3], mask=[False, True, False])
    for labels in (masked, masked.astype(np.float32), masked.astype(str), [1, np.ma.masked, 3]):
        assert "Label 1: 'label' is empty" in error(lambda labels=labels: classes_and_labels(labels))  # type: ignore[misc]
    assert classes_and_labels(np.ma.array([1, 2])) == (("1", "2"), [0, 1])
    matrix = np.ma.array([[1, 0], [0, 1]], mask=[[False, False], [True, False]])
    assert "Label 1 is masked in column 0" in error(lambda: classes_and_labels(matrix, ("a", "b")))
    assert "has an empty label" in error(lambda: classes_and_labels(list(matrix), ("a", "b")))


def test_containers_without_order_are_refused() -> None:
    for labels in ({0: "a", 1: "b"}, {"a": 0}.items(), {"a", "b"}, frozenset("ab")):
        assert "pass a list with one label per text" in error(
            lambda labels=labels: classes_and_labels(labels)  # type: ignore[misc]
        )
    ordered = {"a": "x", "b": "y"}
    assert classes_and_labels(ordered.keys()) == (("a", "b"), [0, 1])
    assert classes_and_labels(ordered.values()) == (("x", "y"), [0, 1])


def test_rows_that_are_arrays_are_lists() -> None:
    rows = [np.array(["a"]), np.array(["a", "b"])]
    objects = np.empty(2, object)
    objects[:] = rows
    for labels in (rows, objects, [np.array(row, object) for row in rows], [["a"], rows[1]]):
        assert classes_and_labels(labels) == SEVERAL
    assert classes_and_labels([np.array([5]), np.array([5, 7])]) == (("5", "7"), SEVERAL[1])
    assert classes_and_labels([["\ud800"], ["b"]])[0] == ("b", "\ufffd")


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_columns_of_lists(library: str) -> None:
    series: Any = pytest.importorskip(library).Series
    rows = [["a"], ["a", "b"]]
    assert classes_and_labels([series(row) for row in rows]) == SEVERAL
    assert classes_and_labels(series(rows)) == SEVERAL
    assert classes_and_labels(series(np.array([0.1, 2], np.float32))) == (("0.1", "2"), [0, 1])


def test_a_pandas_column_of_arrays_as_parquet_files_give_it() -> None:
    pandas = pytest.importorskip("pandas")
    column = pandas.Series([np.array(["a"], object), np.array(["a", "b"], object)])
    assert classes_and_labels(column) == SEVERAL
    assert classes_and_labels(pandas.Series(["a", "b"], dtype="category")) == (("a", "b"), [0, 1])
    for column in (pandas.Series([1, None, 2], dtype="Int64"), pandas.Series(["a", None, "b"])):
        assert "Label 1: 'label' is empty" in error(lambda column=column: classes_and_labels(column))  # type: ignore[misc]


def test_tensors() -> None:
    torch = pytest.importorskip("torch")
    assert classes_and_labels(torch.tensor([0.1, 2.0], requires_grad=True)) == (("0.1", "2"), [0, 1])
    assert classes_and_labels([torch.tensor(3), torch.tensor(2)]) == (("2", "3"), [1, 0])
    assert classes_and_labels([torch.tensor([5]), torch.tensor([5, 7])]) == (("5", "7"), SEVERAL[1])
    assert classes_and_labels(torch.eye(2), ("a", "b"))[1] == [[1, 0], [0, 1]]
    assert "NumPy cannot take" in error(lambda: classes_and_labels(torch.zeros(2, dtype=torch.bfloat16)))
    assert "array of 3 dimensions" in error(lambda: classes_and_labels(torch.zeros(2, 2, 2)))


def test_polars_types_that_arrow_has_not() -> None:
    polars = pytest.importorskip("polars")
    column = polars.Series([1, 2], dtype=polars.Int128)
    assert "convert it to strings or int64" in error(lambda: classes_and_labels(column))
    assert "cannot be a label" in error(
        lambda: classes_and_labels(polars.Series([object()], dtype=polars.Object))
    )
    assert "pass one of its columns" in error(lambda: classes_and_labels(polars.DataFrame({"a": [1, 2]})))


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.zeros((2, 2, 2)), "The labels are an array of 3 dimensions"),
        ([np.zeros((2, 2))], "Label 0 is an array of 2 dimensions"),
        (np.array([(1, 2)], [("x", int), ("y", int)]), "The labels are an array of [('x', "),
        ([np.array([(1, 2)], [("x", int), ("y", int)])[0]], "Label 0 is an array of [('x', "),
        (np.array([1, 2], "M8[ns]"), "The labels are an array of datetime64[ns]"),
        (np.array([1j, 2]), "Label 0 has type complex"),
        ([[b"a"], [b"b"]], "Label 0 has type bytes"),
        ([["a"], [float("inf")]], "Label 1 is inf: give a finite number"),
        (pa.table({"a": [1, 2]}), "The labels are a Table: pass one of its columns"),
        ([["a"], "b"], "of different types, some of them lists"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_is_no_label_is_refused_with_a_sentence(labels: Any, message: str) -> None:
    assert message in error(lambda: classes_and_labels(labels, ("a", "b")))
