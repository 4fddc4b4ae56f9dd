"""Files in and out: what is written is what is read, and every fault is named with its place."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.sentences import error

from sparsedistill._internal.files import atomic_directory, atomic_write
from sparsedistill._internal.records import as_json
from sparsedistill.data import corpus as data_module
from sparsedistill.data.columns import Columns
from sparsedistill.data.corpus import Corpus, TextBatch
from sparsedistill.data.labelled import Labelled, read_labelled
from sparsedistill.data.writer import RowWriter
from sparsedistill.errors import InputError

CODECS = ("", ".gz", ".zst")
TEXT_FORMATS = ("csv", "tsv", "jsonl", "txt")
FILES = [form + codec for form in TEXT_FORMATS for codec in CODECS] + ["parquet"]


def put(path: Path, content: bytes | str) -> Path:
    """Write a file, compressed as its name says."""
    raw = content.encode() if isinstance(content, str) else content
    if path.suffix == ".gz":
        raw = gzip.compress(raw)
    if path.suffix == ".zst":
        raw = pa.Codec("zstd").compress(raw, asbytes=True)
    path.write_bytes(raw)
    return path


def texts_of(corpus: Corpus, size: int = 8192) -> list[str]:
    return [text for batch in corpus.batches(size) for text in batch.texts.to_pylist()]


def labels_of(batch: TextBatch) -> list[str]:
    assert batch.labels is not None
    labels: list[str] = batch.labels.to_pylist()
    return labels


def inside(folder: str | Path) -> list[str]:
    return [path.name for path in Path(folder).iterdir()]


def reading(path: Path, columns: Columns | None = None, **options: Any) -> str:
    return error(lambda: list(Corpus(path, columns, **options).batches()))


# --- Round trips ---


def line_text(unfit: str) -> st.SearchStrategy[str]:
    characters = st.characters(exclude_categories=["Cs"], exclude_characters=unfit)
    return st.text(characters).filter(lambda text: not text.endswith("\r") and not text.startswith("\ufeff"))


def write(path: Path, texts: Sequence[str], labels: Sequence[str]) -> None:
    """With what other people write their files with."""
    form = path.name.split(".")[1]
    if form == "parquet":
        pyarrow.parquet.write_table(pa.table({"label": labels, "text": texts}), path)
    elif form == "jsonl":
        rows = zip(texts, labels, strict=True)
        put(path, "".join(json.dumps({"text": text, "label": label}) + "\n" for text, label in rows))
    elif form == "csv":
        buffer = io.StringIO(newline="")
        csv.writer(buffer).writerows([("label", "text"), *zip(labels, texts, strict=True)])
        put(path, buffer.getvalue())
    elif form == "tsv":
        put(path, "label\ttext\n" + "".join(f"{b}\t{a}\n" for a, b in zip(texts, labels, strict=True)))
    else:
        put(path, "".join(text + "\n" for text in texts))


@pytest.mark.parametrize("name", FILES)
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_every_format_gives_back_its_texts(name: str, data: st.DataObject) -> None:
    unfit = {"tsv": "\n\t", "txt": "\n", "csv": "\0"}.get(name.split(".")[0], "")
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


@pytest.mark.parametrize("name", [file for file in FILES if not file.startswith("txt")])
@settings(max_examples=15, deadline=None)
@given(
    rows=st.lists(
        st.tuples(
            st.text(st.characters(exclude_categories=["Cs"])),
            st.floats(width=32, allow_nan=False, allow_infinity=False),
        ),
        min_size=1,
    )
)
def test_what_the_writer_writes_is_read_back(name: str, rows: list[tuple[str, float]]) -> None:
    texts = [text for text, _ in rows]
    scores = np.array([score for _, score in rows], dtype=np.float32)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"a.{name}"
        with RowWriter(path) as writer:
            writer.write(pa.record_batch({"text": texts[:1], "score": scores[:1]}))
            writer.write(
                pa.record_batch(
                    {"text": texts[1:], "score": scores[1:]},
                    schema=pa.schema([("text", pa.string()), ("score", pa.float32())]),
                )
            )
        assert inside(folder) == [path.name]
        (batch,) = Corpus(path, Columns(weight=None, scores=("score",))).batches()
    if name.startswith("tsv"):
        texts = [re.sub(r"[\t\r\n]", " ", text) for text in texts]
    assert batch.texts.to_pylist() == texts
    assert batch.scores is not None
    np.testing.assert_array_equal(batch.scores[:, 0], scores)


def test_the_writer_to_standard_output(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    for form in ("jsonl", "tsv"):
        with RowWriter("-", form) as writer:
            writer.write(pa.record_batch({"text": ["é\t"], "score": pa.array([0.1], pa.float32())}))
    assert capfdbinary.readouterr().out == '{"text": "é\\t", "score": 0.1}\ntext\tscore\né \t0.1\n'.encode()


def test_lists_are_written_as_json(tmp_path: Path) -> None:
    scores = pa.array([[0.1, 2], None], pa.list_(pa.float32()))
    for name, expected in (
        ("a.jsonl", '{"s": [0.1, 2.0]}\n{"s": null}\n'),
        ("a.tsv", "s\n[0.1, 2.0]\nnull\n"),
    ):
        with RowWriter(tmp_path / name) as writer:
            writer.write(pa.record_batch({"s": scores}))
        assert (tmp_path / name).read_text() == expected


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "a.tsv.zst", "a.jsonl", "a.parquet"])
def test_a_writer_that_fails_leaves_nothing(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("before")

    def interrupted() -> None:
        with RowWriter(tmp_path / name) as writer:
            writer.write(pa.record_batch({"text": ["a"]}))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert inside(tmp_path) == [name]
    assert (tmp_path / name).read_text() == "before"


def test_formats_that_cannot_be_written(tmp_path: Path) -> None:
    assert "no columns" in error(lambda: RowWriter(tmp_path / "a.txt"))
    assert "known format" in error(lambda: RowWriter(tmp_path / "a.xls"))
    assert "Standard output" in error(lambda: RowWriter("-", "parquet"))
    assert "Standard output" in error(lambda: RowWriter("-", "jsonl.gz"))
    assert "format of standard input or output" in error(lambda: RowWriter("-"))


# --- What counts as a row ---


def test_lines_of_a_txt_file(tmp_path: Path) -> None:
    path = put(tmp_path / "a.txt", b"\xef\xbb\xbfone\r\n\r\n\n three\rtwo \nno end")
    assert texts_of(Corpus(path)) == ["one", "", "", " three\rtwo ", "no end"]
    assert texts_of(Corpus(put(tmp_path / "b.txt", "\n"))) == [""]


def test_blank_lines_between_rows_are_no_rows(tmp_path: Path) -> None:
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
    assert texts_of(Corpus(put(tmp_path / "a.tsv", quoted.format("\t")), quoting=True)) == ['a "b"\t\nc']
    raw = put(tmp_path / "b.tsv", 'text\tn\n"a ""b\t1\n')
    assert texts_of(Corpus(raw)) == ['"a ""b']
    assert texts_of(Corpus(put(tmp_path / "b.csv", 'text,n\n"a,1\n'), quoting=False)) == ['"a']


def test_words_that_other_readers_take_for_missing(tmp_path: Path) -> None:
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


def test_batches_are_cut_by_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_module, "_BATCH_BYTES", 10)
    path = put(tmp_path / "a.txt", "\n".join(["x" * 4, "x" * 6, "x" * 30, "", "x" * 3, "y"]))
    assert [len(batch) for batch in Corpus(path).batches(3)] == [2, 1, 3]
    assert texts_of(Corpus(path)) == ["x" * 4, "x" * 6, "x" * 30, "", "x" * 3, "y"]


def test_half_a_surrogate_pair_in_json_becomes_the_replacement_character(tmp_path: Path) -> None:
    path = put(tmp_path / "a.jsonl", '{"text":"a\\ud83d b"}\n{"text":"\\ud83d\\ude00"}\n')
    assert texts_of(Corpus(path)) == ["a\ufffd b", "😀"]


def test_labels_of_any_type_become_their_string(tmp_path: Path) -> None:
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


def test_several_labels_a_row(tmp_path: Path) -> None:
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
        assert read.multi_label
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


# --- Which files ---


def test_files_patterns_and_directories(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in ("b.txt", "a.txt.gz", "in/c.txt", ".hidden.txt", "[x].txt"):
        put(tmp_path / name, name + "\n")
    (tmp_path / "notes.md").write_text("no corpus")
    assert texts_of(Corpus(tmp_path / "*.txt")) == ["[x].txt", "b.txt"]
    assert texts_of(Corpus(tmp_path / "[x].txt")) == ["[x].txt"]
    assert texts_of(Corpus(tmp_path)) == ["[x].txt", "a.txt.gz", "b.txt", "in/c.txt"]
    assert texts_of(Corpus([tmp_path / "b.txt", str(tmp_path / "**" / "c.txt")])) == ["b.txt", "in/c.txt"]
    assert texts_of(Corpus(tmp_path / "notes.md", format="txt")) == ["no corpus"]
    corpus = Corpus(tmp_path)
    assert texts_of(corpus, 3) == texts_of(corpus, 1)


def test_names_that_are_hard_to_spell(tmp_path: Path) -> None:
    for name in ("ä b'\"\n.txt", "x" * 250 + ".txt", os.fsdecode(b"\xff.txt.gz")):
        path = put(tmp_path / name, "a\n")
        assert texts_of(Corpus(path)) == ["a"]
        as_json(Corpus(path).fingerprint())
        with atomic_write(path) as partial:
            partial.write_text("b")
        assert path.read_text() == "b"


def test_paths_that_lead_nowhere(tmp_path: Path) -> None:
    assert "does not exist" in reading(tmp_path / "a.txt")
    assert "No file matches" in error(lambda: Corpus(tmp_path / "*.txt"))
    assert "without text files" in error(lambda: Corpus(tmp_path))
    assert "No input file" in error(lambda: Corpus([]))
    assert "known format" in error(lambda: Corpus(put(tmp_path / "a.json", "{}")))
    assert "known format" in error(lambda: Corpus(put(tmp_path / "a", "{}")))
    assert "'x'" not in error(lambda: Corpus(put(tmp_path / "a.txt", "x"), format="word"))
    assert "decompress" in error(lambda: Corpus(put(tmp_path / "a.parquet.gz", "x")))


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    def feed(content: bytes) -> None:
        stream = io.TextIOWrapper(io.BufferedReader(io.BytesIO(content)))
        monkeypatch.setattr(sys, "stdin", stream)

    for form, content in (
        ("tsv", b"id\ttext\n1\ta\n2\tb\n"),
        ("csv", b"id,text\n1,a\n2,b\n"),
        ("jsonl", b'{"text":"a"}\n{"text":"b"}'),
        ("txt.gz", gzip.compress(b"a\nb\n")),
    ):
        feed(content)
        corpus = Corpus("-", format=form)
        assert texts_of(corpus) == ["a", "b"]
        assert "only once" in error(lambda corpus=corpus: list(corpus.batches()))  # type: ignore[misc]
    assert "format of standard input or output" in error(lambda: Corpus("-"))
    assert "parquet" in error(lambda: Corpus("-", format="parquet"))
    assert "read twice" in error(lambda: Corpus("-", format="txt").fingerprint())
    feed(b"id,text\n1,a\n2\n")
    assert "standard input is not valid csv" in error(lambda: list(Corpus("-", format="csv").batches()))
    feed(b"id\ttext\n1\ta\n2\n")
    assert "standard input, line 3" in error(lambda: list(Corpus("-", format="tsv").batches()))


def test_fingerprint_follows_the_content(tmp_path: Path) -> None:
    path = put(tmp_path / "a.txt", "one\n")
    (before,) = Corpus(path).fingerprint()
    assert before.name == str(path)
    assert before.size == 4
    put(path, "two\n")
    (after,) = Corpus(path).fingerprint()
    assert after.hash != before.hash
    put(path, "one\n")
    assert Corpus(path).fingerprint() == [before]
    path.unlink()
    assert "does not exist" in error(lambda: Corpus(path).fingerprint())
    path.mkdir()
    os.mkfifo(tmp_path / "b.txt")
    assert "read twice" in error(lambda: Corpus(tmp_path / "b.txt").fingerprint())


# --- Faults ---


def test_missing_columns(tmp_path: Path) -> None:
    for name, content in (
        ("a.csv", 'body,"x, y"\na,b\n'),
        ("a.tsv", "body\tx, y\na\tb\n"),
        ("a.jsonl", '{"body":"a","x, y":"b"}\n'),
    ):
        message = reading(put(tmp_path / name, content))
        assert message == f"{tmp_path / name} has no column 'text': use one of 'body', 'x, y'."
    pyarrow.parquet.write_table(pa.table({"body": ["a"]}), tmp_path / "a.parquet")
    assert "no column 'text': use one of 'body'" in reading(tmp_path / "a.parquet")
    assert "no column 'label'" in reading(put(tmp_path / "a.txt", "x\n"), Columns(label="label"))
    assert "several columns 'text'" in reading(put(tmp_path / "b.csv", "text,text\na,b\n"))
    assert "used for two purposes" in error(lambda: Columns(text="a", label="a"))


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl", "a.txt", "a.txt.gz", "a.csv.zst", "a.parquet"])
def test_files_without_rows(tmp_path: Path, name: str) -> None:
    assert str(tmp_path / name) in reading(put(tmp_path / name, b""))
    (tmp_path / name).write_bytes(b"")
    message = reading(tmp_path / name)
    assert "no rows" in message or "has no header" in message


def test_headers_without_rows(tmp_path: Path) -> None:
    assert "no rows" in reading(put(tmp_path / "a.csv", "text\n"))
    assert "no rows" in reading(put(tmp_path / "b.csv", "text,x\n\n\n"))
    assert "no rows" in reading(put(tmp_path / "a.tsv", "text"))
    assert "no rows" in reading(put(tmp_path / "a.jsonl", "\n\n"))
    pyarrow.parquet.write_table(pa.table({"text": pa.array([], pa.string())}), tmp_path / "a.parquet")
    assert "no rows" in reading(tmp_path / "a.parquet")


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
        assert reading(path).startswith(f"{path}, line {line}: ")
        assert "UTF-8" in reading(path)
    assert "line 1: the header is not valid UTF-8" in reading(
        put(tmp_path / "b.csv", "text\n".encode("utf-16"))
    )
    array = pa.array([b"a", b"\xff"])
    pyarrow.parquet.write_table(pa.table({"text": array}), tmp_path / "a.parquet")
    assert "a.parquet, row 2: 'text' is not valid UTF-8" in reading(tmp_path / "a.parquet")
    invalid = pa.Array.from_buffers(pa.string(), 2, [None, *array.buffers()[1:]])
    pyarrow.parquet.write_table(pa.table({"text": invalid}), tmp_path / "a.parquet")
    assert "a.parquet, row 2: 'text' is not valid UTF-8" in reading(tmp_path / "a.parquet")


def test_rows_with_the_wrong_number_of_fields(tmp_path: Path) -> None:
    path = put(tmp_path / "a.csv", 'text,n\n"a\nb",1\n\nc,2\nd,3,4\n')
    assert reading(path).startswith(f"{path}, line 6: 3 fields, but the header has 2 columns")
    path = put(tmp_path / "a.tsv", "text\tn\na\t1\n\nb\n")
    assert reading(path).startswith(f"{path}, line 4: 1 field, but")
    path = put(tmp_path / "b.tsv", "text\na\tb\n")
    assert reading(path).startswith(f"{path}, line 2: 2 fields, but the header has 1 column:")


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
        message = reading(path)
        assert message.startswith(f"{path}, line 3: ")
        assert reason in message
    assert "not an object" in reading(put(tmp_path / "b.jsonl", '[{"text":"a"}]'))


def test_missing_values_have_a_place(tmp_path: Path) -> None:
    pyarrow.parquet.write_table(pa.table({"text": ["a", None], "label": ["x", None]}), tmp_path / "a.parquet")
    assert "a.parquet, row 2: 'text' is missing or null" in reading(tmp_path / "a.parquet")
    message = reading(tmp_path / "a.parquet", Columns(text="label", label="text"))
    assert "a.parquet, row 2: 'label' is missing or null" in message
    path = put(tmp_path / "a.csv", 'text,label\n"a\n",x\nb,\n')
    assert f"{path}, line 4: 'label' is empty" in reading(path, Columns(label="label"))
    pyarrow.parquet.write_table(pa.table({"text": [1, 2]}), tmp_path / "b.parquet")
    assert "has type int64, not text" in reading(tmp_path / "b.parquet")
    pyarrow.parquet.write_table(pa.table({"text": ["a"], "label": [{"x": 1}]}), tmp_path / "c.parquet")
    assert "cannot be a label" in reading(tmp_path / "c.parquet", Columns(label="label"))


def test_weights_and_scores_have_to_be_numbers(tmp_path: Path) -> None:
    for value, reason in (
        ("heavy", "not a number"),
        ("", "not a number"),
        ("nan", "not a finite"),
        ("1e39", "not a finite"),
        ("-1", "negative"),
    ):
        path = put(tmp_path / "a.csv", f"text,w\na,1\nb,{value}\n")
        message = reading(path, Columns(weight="w"))
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
        message = reading(path, Columns(scores="s"))
        assert message.startswith(f"{path}, line 2: ")
        assert reason in message
    assert "lists of numbers" in reading(put(tmp_path / "b.csv", "text,s\na,1\n"), Columns(scores="s"))


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
    message = reading(path)
    assert message.startswith(f"{path} is truncated or damaged")


def test_damaged_files(tmp_path: Path) -> None:
    for name in ("a.txt.gz", "a.csv.zst", "a.parquet"):
        (tmp_path / name).write_bytes(b"this is not what its name says")
        assert "truncated or damaged" in reading(tmp_path / name)


# --- Labelled sets ---


def labelled(rows: int = 100) -> Labelled:
    texts = pa.array([f"text {i}" for i in range(rows)], pa.large_string())
    labels = np.array([0 if i % 10 else 1 for i in range(rows)], dtype=np.int64)
    return Labelled(texts, labels, ("no", "yes"), text_pair=texts, weights=np.arange(rows, dtype=np.float32))


def test_classes_are_sorted(tmp_path: Path) -> None:
    path = put(tmp_path / "a.tsv", "text\tlabel\n" + "".join(f"t\t{label}\n" for label in (10, 9, -1, 9)))
    read = read_labelled(path, Columns(label="label"))
    assert read.classes == ("-1", "9", "10")
    assert read.labels.tolist() == [2, 1, 0, 1]
    assert read.labels.dtype == np.int64
    path = put(tmp_path / "a.tsv", "text\tlabel\nt\tb\nt\t10\nt\t9\n")
    assert read_labelled(path, Columns(label="label")).classes == ("10", "9", "b")
    assert read_labelled(path, Columns(label="label"), ("b", "9", "10", "c")).labels.tolist() == [0, 2, 1]


def test_labels_that_are_wrong(tmp_path: Path) -> None:
    path = put(tmp_path / "a.csv", 'text,label\n"a\nb",x\nc,z\n')
    columns = Columns(label="label")
    message = error(lambda: read_labelled(path, columns, ("x", "y")))
    assert message == f"{path}, line 4: the label 'z' is unknown: use one of 'x', 'y'."
    several = Columns(label="label", label_separator="/")
    path = put(tmp_path / "b.csv", "text,label\na,x/y\nb,\nc,y/z\n")
    message = error(lambda: read_labelled(path, several, ("x", "y")))
    assert message == f"{path}, line 4: the label 'z' is unknown: use one of 'x', 'y'."
    path = put(tmp_path / "c.csv", "text,label\na,x\n")
    assert "at least two classes" in error(lambda: read_labelled(path, columns))
    assert "at least two" in error(lambda: read_labelled(path, columns, ("x",)))
    assert "given twice" in error(lambda: read_labelled(path, columns, ("x", "x")))
    assert "No label column" in error(lambda: read_labelled(path, Columns()))


def test_split_keeps_the_share_of_each_class() -> None:
    stay, aside = labelled().split(0.2, seed=3)
    assert (len(stay), len(aside)) == (80, 20)
    assert np.bincount(aside.labels.astype(int)).tolist() == [18, 2]
    assert sorted(stay.texts.to_pylist() + aside.texts.to_pylist()) == sorted(labelled().texts.to_pylist())
    assert aside.weights is not None
    assert [f"text {weight:g}" for weight in aside.weights] == aside.texts.to_pylist()
    again, other = labelled().split(0.2, seed=3)[1], labelled().split(0.2, seed=4)[1]
    assert again.texts.equals(aside.texts)
    assert not other.texts.equals(aside.texts)
    assert "between 0 and 1" in error(lambda: labelled().split(1, 0))
    assert "too few" in error(lambda: labelled(2).split(0.1, 0))


def test_select() -> None:
    chosen = labelled().select([10, 3])
    assert chosen.texts.to_pylist() == ["text 10", "text 3"]
    assert chosen.text_pair is not None
    assert chosen.text_pair.to_pylist() == ["text 10", "text 3"]
    assert chosen.labels.tolist() == [1, 0]


# --- Whole or not at all ---


def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path) -> None:
    path = put(tmp_path / "a", "old")

    def interrupted() -> None:
        with atomic_write(path) as partial:
            partial.write_text("half")
            raise KeyboardInterrupt

    def failing() -> None:
        with atomic_directory(tmp_path / "d") as folder:
            (folder / "x").write_text("half")
            raise RuntimeError

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    with pytest.raises(RuntimeError):
        failing()
    assert inside(tmp_path) == ["a"]
    assert path.read_text() == "old"


def test_writes_that_succeed(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(put(tmp_path / "a", "old"))
    with atomic_write(tmp_path / "link") as partial:
        partial.write_text("new")
    assert (tmp_path / "a").read_text() == "new"
    assert (tmp_path / "link").is_symlink()
    with atomic_write(tmp_path / "new" / "b") as partial:
        partial.write_text("b")
    assert (tmp_path / "new" / "b").stat().st_mode & 0o777 == 0o666 & ~os.umask(os.umask(0o22) or 0o22)
    with atomic_directory(tmp_path / "d") as folder:
        (folder / "in").mkdir()
        (folder / "in" / "x").write_text("x")
    assert (tmp_path / "d" / "in" / "x").read_text() == "x"
    assert "exists already" in error(lambda: atomic_directory(tmp_path / "d").__enter__())
    assert "exists already" in error(lambda: atomic_directory(tmp_path / "a").__enter__())


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    put(tmp_path / "a", "file")
    assert "cannot be written" in error(lambda: atomic_write(tmp_path / "a" / "b").__enter__())
    assert "cannot be written" in error(lambda: atomic_directory(tmp_path / "a" / "b").__enter__())
    assert "regular file" in error(lambda: atomic_write("/dev/null").__enter__())
    assert "regular file" in error(lambda: atomic_write(tmp_path).__enter__())


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "a.jsonl", "a.jsonl.zst", "a.parquet"])
def test_a_full_disk(tmp_path: Path, name: str) -> None:
    """The limit on the size of a file stands in for the end of the disk."""
    script = f"""
import pyarrow as pa, numpy as np
from sparsedistill.data.writer import RowWriter
texts = np.random.default_rng(0).integers(0, 10**18, 100_000).astype(str)
try:
    with RowWriter({str(tmp_path / name)!r}) as writer:
        for part in np.array_split(texts, 4):
            writer.write(pa.record_batch({{"text": part.tolist()}}))
except ValueError as error:
    print(type(error).__name__, error)
"""
    run = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000)),
    )
    assert run.stdout.startswith(f"InputError {tmp_path / name} could not be written because")
    assert "free space" in run.stdout
    assert inside(tmp_path) == []


# --- Real text ---


def test_real_reviews(shared_data: Path) -> None:
    path = shared_data / "imdb" / "test.tsv.gz"
    read = read_labelled(path, Columns(label="label"))
    lines = gzip.decompress(path.read_bytes()).decode().split("\n")[1:-1]
    assert read.texts.to_pylist() == [line.split("\t")[0] for line in lines]
    assert read.classes == ("0", "1")
    assert read.labels.tolist() == [int(line.split("\t")[1]) for line in lines]


def test_real_pairs(shared_data: Path) -> None:
    columns = Columns(text="text_a", text_pair="text_b", label="label")
    read = read_labelled(shared_data / "mrpc" / "*.tsv.gz", columns)
    assert len(read) == 3667 + 408 + 1725
    assert read.text_pair is not None
    assert read.text_pair.null_count == 0


def test_batch_slices() -> None:
    batch = TextBatch(pa.array(["a", "b", "c"]), weights=np.arange(3, dtype=np.float32))
    part = batch.slice(1, 3)
    assert part.texts.to_pylist() == ["b", "c"]
    assert part.weights is not None
    assert part.weights.tolist() == [1, 2]


def test_numbers_stand_for_named_classes(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    path.write_text("text\tlabel\na\t1\nb\t0\nc\tgood\n")
    columns = Columns(label="label")
    assert read_labelled(path, columns, ("bad", "good")).labels.tolist() == [1, 0, 1]
    with pytest.raises(InputError, match=r"line 3.*'0' is unknown"):
        read_labelled(path, columns, ("1", "2", "good"))
    with pytest.raises(InputError, match=r"line 2.*'1' is unknown"):
        read_labelled(path, columns, ("0", "good"))
