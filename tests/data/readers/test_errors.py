"""Invalid files: each error is one sentence with the file and the line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from support.rows import put, reading_error, write
from support.sentences import error

from sparsedistill.data import Columns


def test_missing_columns(tmp_path: Path) -> None:
    for name, content in (
        ("a.csv", 'body,"x, y"\na,b\n'),
        ("a.tsv", "body\tx, y\na\tb\n"),
        ("a.jsonl", '{"body":"a","x, y":"b"}\n'),
    ):
        message = reading_error(put(tmp_path / name, content))
        assert message == f"{tmp_path / name} has no column 'text': use one of 'body', 'x, y'."
    pyarrow.parquet.write_table(pa.table({"body": ["a"]}), tmp_path / "a.parquet")
    assert "no column 'text': use one of 'body'" in reading_error(tmp_path / "a.parquet")
    assert "no column 'label'" in reading_error(put(tmp_path / "a.txt", "x\n"), Columns(label="label"))
    assert "several columns 'text'" in reading_error(put(tmp_path / "b.csv", "text,text\na,b\n"))
    assert "used for two purposes" in error(lambda: Columns(text="a", label="a"))


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl", "a.txt", "a.txt.gz", "a.csv.zst", "a.parquet"])
def test_files_without_rows(tmp_path: Path, name: str) -> None:
    assert str(tmp_path / name) in reading_error(put(tmp_path / name, b""))
    (tmp_path / name).write_bytes(b"")
    message = reading_error(tmp_path / name)
    assert "no rows" in message or "has no header" in message


def test_headers_without_rows(tmp_path: Path) -> None:
    assert "no rows" in reading_error(put(tmp_path / "a.csv", "text\n"))
    assert "no rows" in reading_error(put(tmp_path / "b.csv", "text,x\n\n\n"))
    assert "no rows" in reading_error(put(tmp_path / "a.tsv", "text"))
    assert "no rows" in reading_error(put(tmp_path / "a.jsonl", "\n\n"))
    pyarrow.parquet.write_table(pa.table({"text": pa.array([], pa.string())}), tmp_path / "a.parquet")
    assert "no rows" in reading_error(tmp_path / "a.parquet")


@pytest.mark.parametrize("filler", [0, 100_000])
def test_bytes_that_are_not_utf8(tmp_path: Path, filler: int) -> None:
    line = 3 + filler
    for name, head, row, bad in (
        ("a.csv", b"text,n\n", b"a,1\n", b"\xff,1\n"),
        ("a.tsv.gz", b"text\tn\n", b"a\t1\n", b"\xff\t1\n"),
        ("a.jsonl", b'{"text":"x"}\n', b'{"text":"a"}\n', b'{"text":"\xff"}\n'),
        ("a.txt.zst", b"x\n", b"a\n", b"\xff\n"),
    ):
        path = put(tmp_path / name, head + row * (filler + 1) + bad + row)
        assert reading_error(path).startswith(f"{path}, line {line}: ")
        assert "UTF-8" in reading_error(path)
    assert "line 1: the header is not valid UTF-8" in reading_error(put(tmp_path / "b.csv", b"text\xff\n"))
    array = pa.array([b"a", b"\xff"])
    pyarrow.parquet.write_table(pa.table({"text": array}), tmp_path / "a.parquet")
    assert "a.parquet, row 2: 'text' is not valid UTF-8" in reading_error(tmp_path / "a.parquet")
    invalid = pa.Array.from_buffers(pa.string(), 2, [None, *array.buffers()[1:]])
    pyarrow.parquet.write_table(pa.table({"text": invalid}), tmp_path / "a.parquet")
    assert "a.parquet, row 2: 'text' is not valid UTF-8" in reading_error(tmp_path / "a.parquet")


def test_rows_with_the_wrong_number_of_fields(tmp_path: Path) -> None:
    path = put(tmp_path / "a.csv", 'text,n\n"a\nb",1\n\nc,2\nd,3,4\n')
    assert reading_error(path).startswith(f"{path}, line 6: 3 fields, but the header has 2 columns")
    path = put(tmp_path / "a.tsv", "text\tn\na\t1\n\nb\n")
    assert reading_error(path).startswith(f"{path}, line 4: 1 field, but")
    path = put(tmp_path / "b.tsv", "text\na\tb\n")
    assert reading_error(path).startswith(f"{path}, line 2: 2 fields, but the header has 1 column:")


def test_lines_that_are_not_json_objects(tmp_path: Path) -> None:
    good = '{"text":"a"}\n'
    for bad, reason in (
        ('{"text":}', "not valid JSON"),
        ('{"text":"a"', "not valid JSON"),
        (good.strip() * 2, "not valid JSON"),
        ('["a"]', "a list, not an object"),
        ("1", "a number, not an object"),
        ('{"text":1}', "'text' is a number: it must be a string"),
        ('{"text":["a"]}', "'text' is a list"),
        ('{"text":null}', "missing or null"),
        ('{"txt":"a"}', "missing or null"),
        ("[" * 100_000, "not valid JSON"),
        ('{"text":\n"a"}', "not valid JSON"),
    ):
        path = put(tmp_path / "a.jsonl", good * 2 + bad + "\n" + good)
        message = reading_error(path)
        assert message.startswith(f"{path}, line 3: ")
        assert reason in message
    assert "row 2: this is a number, not an object" in reading_error(
        put(tmp_path / "b.jsonl", '[{"text":"a"},1]')
    )


def test_missing_values_are_located(tmp_path: Path) -> None:
    pyarrow.parquet.write_table(pa.table({"text": ["a", None], "label": ["x", None]}), tmp_path / "a.parquet")
    assert "a.parquet, row 2: 'text' is missing or null" in reading_error(tmp_path / "a.parquet")
    message = reading_error(tmp_path / "a.parquet", Columns(text="label", label="text"))
    assert "a.parquet, row 2: 'label' is missing or null" in message
    path = put(tmp_path / "a.csv", 'text,label\n"a\n",x\nb,\n')
    assert f"{path}, line 4: 'label' is empty" in reading_error(path, Columns(label="label"))
    pyarrow.parquet.write_table(pa.table({"text": [1, 2]}), tmp_path / "b.parquet")
    assert "has type int64, not text" in reading_error(tmp_path / "b.parquet")
    pyarrow.parquet.write_table(pa.table({"text": ["a"], "label": [{"x": 1}]}), tmp_path / "c.parquet")
    assert "cannot be a label" in reading_error(tmp_path / "c.parquet", Columns(label="label"))


def test_weights_and_scores_must_be_numbers(tmp_path: Path) -> None:
    for value, reason in (
        ("heavy", "not a number"),
        ("", "not a number"),
        ("nan", "not a finite"),
        ("1e39", "not a finite"),
        ("-1", "negative"),
    ):
        path = put(tmp_path / "a.csv", f"text,w\na,1\nb,{value}\n")
        message = reading_error(path, Columns(weight="w"))
        assert message.startswith(f"{path}, line 3: ")
        assert reason in message
    for value, reason in (
        ("[1]", "has length 1"),
        ('"x"', "a list of numbers"),
        ("[1, null]", "missing or null"),
        ("null", "missing"),
        ("[1, NaN]", "not a finite"),
    ):
        path = put(tmp_path / "a.jsonl", f'{{"text":"a","s":[1,2]}}\n{{"text":"b","s":{value}}}\n')
        message = reading_error(path, Columns(scores="s"))
        assert message.startswith(f"{path}, line 2: ")
        assert reason in message
    assert "not a number" in reading_error(put(tmp_path / "b.csv", "text,s\na,x\n"), Columns(scores="s"))


@pytest.mark.parametrize(
    "name", ["a.csv.gz", "a.tsv.zst", "a.jsonl.gz", "a.txt.zst", "a.txt.gz", "a.parquet"]
)
@pytest.mark.parametrize("cut", [0.001, 0.5, 0.99])
def test_truncated_files(tmp_path: Path, name: str, cut: float) -> None:
    texts = np.random.default_rng(0).integers(0, 10**9, 50_000).astype(str).tolist()
    path = tmp_path / name
    write(path, texts, texts)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * cut)])
    message = reading_error(path)
    assert message.startswith(f"{path} is truncated or damaged")


def test_damaged_files(tmp_path: Path) -> None:
    for name in ("a.txt.gz", "a.csv.zst", "a.parquet"):
        (tmp_path / name).write_bytes(b"this is not what its name says")
        assert "truncated or damaged" in reading_error(tmp_path / name)
