"""Files that other readers swallow: unclosed quotes, joined files, streams, hidden files."""

from __future__ import annotations

import gzip
import io
import json
import os
import threading
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest
from support.rows import put, reading_error, texts_of

from sparsedistill import InputError
from sparsedistill.data import Columns, Corpus, FileOptions, read_labelled
from sparsedistill.data.readers.quotes import CheckedQuotes


@pytest.mark.parametrize("rows", [20, 400_000])
def test_a_quote_that_is_never_closed(tmp_path: Path, rows: int) -> None:
    lines = [f"{i},row {i}\n" for i in range(rows)]
    lines[10] = '10,"row 10\n'
    path = put(tmp_path / "a.csv", "id,text\n" + "".join(lines))
    assert reading_error(path).startswith(f"{path}, line 12: a quote opens here and is never closed")
    lines[15] = '15,"row 15\n'
    path = put(tmp_path / "a.csv", "id,text\n" + "".join(lines))
    assert reading_error(path).startswith(
        f"{path}, line 12: the quoted field that starts here has text behind"
    )


def test_quotes_with_backslashes(tmp_path: Path) -> None:
    path = put(tmp_path / "a.csv", 'text,n\nx,1\n"say \\"hi\\"",2\n')
    assert f"{path}, line 3: the quoted field" in reading_error(path)


def test_quotes_that_arrow_reads_are_read(tmp_path: Path) -> None:
    content = 'text,n\n5" disk,1\n"a ""b""",2\n"",3\n"""",4\n"x\ny",5\na "b" c,6\n3" and 4",7\n"end",8'
    expected = ['5" disk', 'a "b"', "", '"', "x\ny", 'a "b" c', '3" and 4"', "end"]
    assert texts_of(Corpus(put(tmp_path / "a.csv", content))) == expected
    many = "text\n" + '"a ""long"" text,\nwith lines"\n' * 300_000
    assert len(texts_of(Corpus(put(tmp_path / "b.csv", many)))) == 300_000


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.txt", "one\rtwo\r"),
        ("a.csv", "text,n\rone,1\rtwo,2\r"),
        ("a.tsv", "text\tn\rone\t1\rtwo\t2\r"),
        ("a.jsonl", '{"text":"one"}\r{"text":"two"}\r'),
        ("b.jsonl", '\ufeff{"text":"one"}\n\ufeff{"text":"two"}\n'),
        ("b.txt", "\ufeffone\n\ufefftwo\n"),
        ("c.csv", "text,n\none,1\ntext,n\ntwo,2\n"),
        ("c.tsv", "text\tn\none\t1\ntext\tn\ntwo\t2\n"),
        ("a.json", '[{"text":"one"},\n {"text":"two"}]'),
        ("a.json.gz", '{"text":"one"}\n{"text":"two"}\n'),
        ("a.ndjson", '{"text":"one"}\n{"text":"two"}\n'),
        ("a.ft", "__label__x one\n__label__y two\n"),
        ("l.txt", "__label__x one\n__label__y two\n"),
    ],
)
def test_two_rows(tmp_path: Path, name: str, content: str) -> None:
    assert texts_of(Corpus(put(tmp_path / name, content))) == ["one", "two"]


@pytest.mark.parametrize("quoting", [True, False])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_joined_files_with_byte_order_marks(tmp_path: Path, quoting: bool, ending: str) -> None:
    part = f"\ufefftext,id{ending}a,1{ending}b,2{ending}"
    path = put(tmp_path / "a.csv", 3 * part)
    files = FileOptions(quoting=quoting)
    assert texts_of(Corpus(path, Columns(files=files))) == 3 * ["a", "b"]
    named = put(tmp_path / "b.csv", part.replace("text", '"text"') + "\ufeff" + f"c,3{ending}")
    assert texts_of(Corpus(named, Columns(files=FileOptions()))) == ["a", "b", "c"]
    path = put(tmp_path / "c.csv", part + part + f"d{ending}")
    assert f"{path}, line 7: 1 field" in reading_error(path, Columns(files=files))


def test_labels_of_fasttext(tmp_path: Path) -> None:
    path = put(tmp_path / "a.txt", "__label__x one\n__label__y __label__x two\n")
    assert "line 2: 2 labels" in reading_error(path, Columns(label="label"))
    found = read_labelled(path, Columns(label="label", label_separator="|"))
    assert (found.classes, found.labels.tolist()) == (("x", "y"), [[1, 0], [1, 1]])


@pytest.mark.parametrize("name", ["a.ft", "a.txt"])
def test_words_of_fasttext(tmp_path: Path, name: str) -> None:
    columns = Columns(label="label", label_separator="|")
    lines = (
        "__label__a\tgood film",
        " \v__label__b __label__a\f \tbad  film\t",
        "__label__a\0good",
        "__label__b",
        "\tno label__label__a",
    )
    path = put(tmp_path / name, "__label__c c\n" + "\n".join(lines) + "\n")
    (batch,) = Corpus(path, columns).batches()
    assert batch.labels is not None
    assert batch.labels.to_pylist() == [["c"], ["a"], ["b", "a"], ["a"], ["b"], []]
    assert batch.texts.to_pylist() == ["c", "good film", "bad  film\t", "good", "", "\tno label__label__a"]


@pytest.mark.parametrize(
    "line", ["__label__a one __label__b", "one\t__label__b", "__label__a one\f__label__"]
)
def test_labels_of_fasttext_behind_a_text(tmp_path: Path, line: str) -> None:
    path = put(tmp_path / "a.ft", f"__label__x one\n{line}\n")
    for columns in (Columns(), Columns(label="label")):
        assert reading_error(path, columns) == (
            f"{path}, line 2: there is a label behind the text: write all labels before it."
        )


def test_zeros_after_gzip(tmp_path: Path) -> None:
    for padding in (8, 9, 512, 100_000):
        (tmp_path / "a.txt.gz").write_bytes(
            gzip.compress(b"one\n") + gzip.compress(b"two\n") + bytes(padding)
        )
        if padding > 8:
            assert texts_of(Corpus(tmp_path / "a.txt.gz")) == ["one", "two"]


def test_hidden_files_and_folders_are_no_data(tmp_path: Path) -> None:
    for name in ("a.txt", ".b.txt", ".git/c.txt", "x/.ipynb_checkpoints/d.txt", "x/e.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        put(tmp_path / name, name)
    assert texts_of(Corpus(tmp_path)) == ["a.txt", "x/e.txt"]


def test_brackets_and_tildes_in_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "run [v1]" / "x[2]"
    folder.mkdir(parents=True)
    put(folder / "a.txt", "one\n")
    for pattern in (
        f"{folder}/*.txt",
        f"{tmp_path}/run [v1]/*/*.txt",
        f"{tmp_path}/*/x[2]/a.txt",
        str(folder),
    ):
        assert texts_of(Corpus(pattern)) == ["one"]
    monkeypatch.setenv("HOME", str(folder))
    assert texts_of(Corpus("~/a.txt")) == texts_of(Corpus("~/*.txt")) == ["one"]


def test_files_without_rows_among_others(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name, content in (
        ("0.csv", "text,n\none,1\n"),
        ("1.csv", ""),
        ("2.csv", "text,n\n"),
        ("3.csv", "text\ntwo\n"),
    ):
        put(tmp_path / name, content)
    corpus = Corpus(tmp_path)
    assert texts_of(corpus) == texts_of(corpus) == ["one", "two"]
    assert [record.message for record in caplog.records] == [
        f"{tmp_path / '1.csv'} and 1 other file of 4 have no rows."
    ]


def test_named_pipes(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "p.csv")
    content = 'text,n\nshort,1\n"' + "long " * 2_500_000 + '",2\nend,3\n'
    writer = threading.Thread(target=(tmp_path / "p.csv").write_text, args=(content,))
    writer.start()
    corpus = Corpus(tmp_path / "p.csv")
    assert [len(text) for text in texts_of(corpus)] == [5, 12_500_000, 3]
    writer.join()
    with pytest.raises(InputError, match="can be read only once"):
        texts_of(corpus)


def test_nested_fields(tmp_path: Path) -> None:
    rows = [
        {"data": {"text": "one", "meta": {"label": "x"}}},
        {"data": {"text": "two", "meta": {"label": "y"}}},
    ]
    put(tmp_path / "a.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    put(tmp_path / "b.json", json.dumps(rows))
    pyarrow.parquet.write_table(pa.Table.from_pylist(rows), tmp_path / "c.parquet")
    for name in ("a.jsonl", "b.json", "c.parquet"):
        found = read_labelled(tmp_path / name, Columns("data.text", label="data.meta.label"))
        assert (found.texts.to_pylist(), found.classes) == (["one", "two"], ("x", "y"))
        assert "no column 'data.title'" in reading_error(tmp_path / name, Columns("data.title"))


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_quotes_across_the_ends_of_reads(size: int) -> None:
    content = b'z"" ,"a""b"\nx""y,""\n"",5"\n'
    checked = CheckedQuotes(io.BufferedReader(io.BytesIO(content)), "a.csv", ",", 1)
    read = b""
    while part := checked.read(size):
        read += part
    assert (read, checked.error) == (content, None)
