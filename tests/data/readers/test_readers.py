"""Reading of all formats: round trips, and what is a row."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.rows import labels_of, put, texts_of, write

from sparsedistill.data import Columns, Corpus, FileOptions, read_labelled

CODECS = ("", ".gz", ".zst")
QUOTED, UNQUOTED = Columns(files=FileOptions(quoting=True)), Columns(files=FileOptions(quoting=False))
FILES = [form + codec for form in ("csv", "tsv", "jsonl", "txt") for codec in CODECS] + ["parquet"]


def line_text(unfit: str) -> st.SearchStrategy[str]:
    characters = st.characters(exclude_categories=["Cs"], exclude_characters=unfit)
    return st.text(characters).filter(lambda text: not text.endswith("\r") and not text.startswith("\ufeff"))


@pytest.mark.parametrize("name", FILES)
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_every_format_returns_the_written_texts(name: str, data: st.DataObject) -> None:
    unfit = {"tsv": "\n\t", "txt": "\n\r", "csv": "\0"}.get(name.split(".")[0], "")
    texts = data.draw(st.lists(line_text(unfit), min_size=1))
    size = data.draw(st.integers(1, 5))
    labels = [str(i % 3) for i in range(len(texts))]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"a.{name}"
        write(path, texts, labels)
        columns = Columns() if name.startswith("txt") else Columns(label="label")
        batches = list(Corpus(path, columns).batches(size))
    assert [text for batch in batches for text in batch.texts.to_pylist()] == texts
    assert [len(batch) for batch in batches[:-1]] == [size] * (len(batches) - 1)
    if columns.label:
        assert [label for batch in batches for label in labels_of(batch)] == labels


def test_lines_of_a_txt_file(tmp_path: Path) -> None:
    path = put(tmp_path / "a.txt", b"\xef\xbb\xbfone\r\n\r\n\n three\rtwo \nno end")
    assert texts_of(Corpus(path)) == ["one", "", "", " three", "two ", "no end"]
    assert texts_of(Corpus(put(tmp_path / "b.txt", "\n"))) == [""]


def test_blank_lines_between_rows_are_skipped(tmp_path: Path) -> None:
    assert texts_of(Corpus(put(tmp_path / "a.tsv", "id\ttext\n1\ta\n\n2\tb\n\n"))) == ["a", "b"]
    assert texts_of(Corpus(put(tmp_path / "a.csv", "id,text\n1,a\n\n2,b\n\n"))) == ["a", "b"]
    assert texts_of(Corpus(put(tmp_path / "a.jsonl", '{"text":"a"}\n\n \n{"text":"b"}\n\n'))) == ["a", "b"]
    assert texts_of(Corpus(put(tmp_path / "b.tsv", "text\na\n\nb\n"))) == ["a", "", "b"]


@pytest.mark.parametrize("form", ["csv", "tsv", "jsonl", "txt"])
def test_byte_order_mark_and_carriage_returns(tmp_path: Path, form: str) -> None:
    content = {
        "csv": "text,id\r\na,1\r\nb,2\r\n",
        "tsv": "text\tid\r\na\t1\r\nb\t2\r\n",
        "jsonl": '{"text":"a"}\r\n{"text":"b"}\r\n',
        "txt": "a\r\nb\r\n",
    }
    path = put(tmp_path / f"x.{form}.gz", "\ufeff" + content[form])
    assert texts_of(Corpus(path)) == ["a", "b"]


def test_quotes_in_csv_and_tsv(tmp_path: Path) -> None:
    quoted = 'text{0}n\n"a ""b""{0}\nc"{0}1\n'
    assert texts_of(Corpus(put(tmp_path / "a.csv", quoted.format(",")))) == ['a "b",\nc']
    assert texts_of(Corpus(put(tmp_path / "a.tsv", quoted.format("\t")), QUOTED)) == ['a "b"\t\nc']
    raw = put(tmp_path / "b.tsv", 'text\tn\n"a ""b\t1\n')
    assert texts_of(Corpus(raw)) == ['"a ""b']
    assert texts_of(Corpus(put(tmp_path / "b.csv", 'text,n\n"a,1\n'), UNQUOTED)) == ['"a']


def test_no_word_is_read_as_missing(tmp_path: Path) -> None:
    words = ["NA", "null", "NaN", "", "2020-01-01", "1.0", "true"]
    path = put(tmp_path / "a.csv", "text,label\n" + "".join(f"{word},x\n" for word in words))
    assert texts_of(Corpus(path)) == words
    path = put(tmp_path / "a.jsonl", "".join(json.dumps({"text": word}) + "\n" for word in words))
    assert texts_of(Corpus(path)) == words


@pytest.mark.parametrize("name", ["csv", "csv.gz", "tsv.zst", "jsonl", "txt.gz", "parquet"])
def test_texts_of_many_megabytes(tmp_path: Path, name: str) -> None:
    texts = ["a", "long " * 2_500_000, "b", "x" * 11_000_000, "c"]
    write(tmp_path / f"a.{name}", texts, ["0"] * 5)
    assert texts_of(Corpus(tmp_path / f"a.{name}")) == texts


def test_a_lone_surrogate_in_json_becomes_the_replacement_character(tmp_path: Path) -> None:
    path = put(tmp_path / "a.jsonl", '{"text":"a\\ud83d b"}\n{"text":"\\ud83d\\ude00"}\n')
    assert texts_of(Corpus(path)) == ["a\ufffd b", "😀"]


def test_labels_of_every_type_become_strings(tmp_path: Path) -> None:
    for values, names in (
        ([1, 0], ["1", "0"]),
        ([1.0, 2.5], ["1", "2.5"]),
        ([True, False], ["true", "false"]),
        (["x", "y"], ["x", "y"]),
    ):
        rows = "".join(json.dumps({"text": "t", "label": value}) + "\n" for value in values)
        put(tmp_path / "a.jsonl", rows)
        pyarrow.parquet.write_table(pa.table({"text": ["t", "t"], "label": values}), tmp_path / "a.parquet")
        for name in ("a.jsonl", "a.parquet"):
            (batch,) = Corpus(tmp_path / name, Columns(label="label")).batches()
            assert labels_of(batch) == names
    dictionary = pa.array(["x", "y"]).dictionary_encode()
    pyarrow.parquet.write_table(pa.table({"text": dictionary, "label": dictionary}), tmp_path / "a.parquet")
    (batch,) = Corpus(tmp_path / "a.parquet", Columns(label="label")).batches()
    assert batch.texts.to_pylist() == labels_of(batch) == ["x", "y"]


def test_several_labels_per_row(tmp_path: Path) -> None:
    put(tmp_path / "a.tsv", "text\tlabel\na\tx|y\nb\t\nc\ty| x |\n")
    put(
        tmp_path / "a.jsonl",
        '{"text":"a","label":["x","y"]}\n{"text":"b","label":[]}\n{"text":"c","label":["y","x"]}\n',
    )
    put(tmp_path / "b.jsonl", '{"text":"a","label":"x|y"}\n{"text":"b"}\n{"text":"c","label":["y","x"]}\n')
    table = pa.table({"text": ["a", "b", "c"], "label": [["x", "y"], None, ["y", "x"]]})
    pyarrow.parquet.write_table(table, tmp_path / "a.parquet")
    for name in ("a.tsv", "a.jsonl", "b.jsonl", "a.parquet"):
        read = read_labelled(tmp_path / name, Columns(label="label", label_separator="|"))
        assert read.classes == ("x", "y")
        assert read.problem == "multi_label"
        assert read.labels.dtype == np.float32
        assert read.labels.tolist() == [[1, 1], [0, 0], [1, 1]]


def test_pairs_weights_and_scores(tmp_path: Path) -> None:
    put(tmp_path / "a.csv", "text,b,w,no,yes\na,c,0.5,1,2\nb,d, 2 ,3,-4e1\n")
    put(
        tmp_path / "a.jsonl",
        '{"text":"a","b":"c","w":0.5,"s":[1,2]}\n{"text":"b","b":"d","w":2,"s":[3,-40]}\n',
    )
    for name, scores in (("a.csv", ("no", "yes")), ("a.jsonl", "s")):
        columns = Columns(text_pair="b", weight="w", scores=scores)
        (batch,) = Corpus(tmp_path / name, columns).batches()
        assert batch.text_pair is not None
        assert batch.weights is not None
        assert batch.scores is not None
        assert batch.text_pair.to_pylist() == ["c", "d"]
        assert batch.weights.dtype == batch.scores.dtype == np.float32
        assert batch.weights.tolist() == [0.5, 2]
        assert batch.scores.tolist() == [[1, 2], [3, -40]]
