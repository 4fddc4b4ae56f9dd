"""Files in which some rows have no label of a question."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from support.rows import put
from support.sentences import error

from sparsedistill import Columns, read_labelled

SPARSE = Columns(label="label", sparse=True)


@pytest.mark.parametrize("name", ["rows.csv", "rows.jsonl", "rows.parquet"])
def test_rows_without_a_label_are_left_out(tmp_path: Path, name: str) -> None:
    texts, labels = ["one", "two", "three", "four"], ["a", None, " ", "b"]
    if name.endswith("csv"):
        content = "".join(f"{t},{v or ''}\n" for t, v in zip(texts, labels, strict=True))
        path = put(tmp_path / name, "text,label\n" + content)
    elif name.endswith("jsonl"):
        rows = [{"text": t, "label": v} for t, v in zip(texts, labels, strict=True)]
        path = put(tmp_path / name, "".join(json.dumps(row) + "\n" for row in rows))
    else:
        path = tmp_path / name
        pyarrow.parquet.write_table(pa.table({"text": texts, "label": labels}), path)
    found = read_labelled(path, SPARSE)
    assert found.texts.to_pylist() == ["one", "four"]
    assert found.classes == ("a", "b")
    assert "is empty" in error(lambda: read_labelled(path, replace(SPARSE, sparse=False)))


def test_numbers_that_are_missing_or_nan_are_left_out(tmp_path: Path) -> None:
    table = pa.table({"text": ["a", "b", "c"], "label": [1.5, np.nan, None]})
    pyarrow.parquet.write_table(table, tmp_path / "rows.parquet")
    found = read_labelled(tmp_path / "rows.parquet", replace(SPARSE, problem="regression"))
    assert found.labels.tolist() == [1.5]


def test_an_empty_list_of_labels_is_an_answer(tmp_path: Path) -> None:
    rows = [{"text": "a", "label": ["x", "y"]}, {"text": "b", "label": []}, {"text": "c", "label": None}]
    path = put(tmp_path / "rows.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    found = read_labelled(path, replace(SPARSE, label_separator=","))
    assert found.texts.to_pylist() == ["a", "b"]
    assert found.labels.tolist() == [[1, 1], [0, 0]]


def test_errors_name_the_line_in_the_file(tmp_path: Path) -> None:
    path = put(tmp_path / "rows.csv", "text,label\na,1.5\nb,\nc,2.5\nd,many\n")
    message = error(lambda: read_labelled(path, replace(SPARSE, problem="regression")))
    assert "line 5" in message
    assert "'many', not a number" in message
