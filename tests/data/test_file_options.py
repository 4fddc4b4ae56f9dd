"""Options of files: delimiters, encodings, quoting, damage and streams."""

from __future__ import annotations

import gzip
import io
import json
import os
import threading
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest
from support.rows import put, reading_error, texts_of
from support.sentences import error

from sparsedistill import Columns, Corpus, FileOptions


def options(**given: Any) -> Columns:
    return Columns(files=FileOptions(**given))


@pytest.mark.parametrize("delimiter", [";", "|", "\t", " ", "\x1f"])
@pytest.mark.parametrize("quoting", [True, False])
def test_delimiters(tmp_path: Path, delimiter: str, quoting: bool) -> None:
    text = f'"a{delimiter}""b"""' if quoting else "a,b"
    path = put(tmp_path / "a.csv", f"id{delimiter}text\n1{delimiter}{text}\n")
    expected = f'a{delimiter}"b"' if quoting else "a,b"
    assert texts_of(Corpus(path, options(delimiter=delimiter, quoting=quoting))) == [expected]


@pytest.mark.parametrize(
    ("encoding", "text"),
    [("cp1252", "naïve € “q”"), ("latin-1", "é\xa0"), ("utf-16", "日 😀"), ("shift_jis", "日本")],
)
@pytest.mark.parametrize("name", ["a.txt", "a.csv.gz", "a.tsv", "a.jsonl.zst"])
def test_encodings(tmp_path: Path, encoding: str, text: str, name: str) -> None:
    form = name.split(".")[1]
    rows = [f"{text} {i}" for i in range(2000)]
    content = {
        "txt": "".join(f"{row}\r\n" for row in rows),
        "csv": "id,text\n" + "".join(f'1,"{row}"\n' for row in rows),
        "tsv": "id\ttext\n" + "".join(f"1\t{row}\n" for row in rows),
        "jsonl": "".join(json.dumps({"text": row}, ensure_ascii=False) + "\n" for row in rows),
    }[form]
    path = put(tmp_path / name, content.encode(encoding))
    assert texts_of(Corpus(path, options(encoding=encoding))) == rows


def test_text_that_is_not_of_its_encoding(tmp_path: Path) -> None:
    path = put(tmp_path / "a.txt", b"one\n\x81\x81\n")
    assert f"{path} is not valid cp1252" in reading_error(path, options(encoding="cp1252"))
    path = put(tmp_path / "b.txt", "one".encode("utf-16")[:-1])
    assert f"{path} is not valid utf-16" in reading_error(path, options(encoding="utf-16"))
    for name in ("c.csv", "d.tsv", "e.jsonl"):
        path = put(tmp_path / name, b"text\tn\none\t1\n\x81\t2\n")
        assert f"{path} is not valid cp1252" in reading_error(path, options(encoding="cp1252"))
    corpus = Corpus(put(tmp_path / "c.txt", "one\n"), options(encoding="latin-1"))
    assert "rows cannot be copied" in error(lambda: list(corpus.rows(records=True)))


def test_the_rest_of_damaged_files_is_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    put(tmp_path / "a.csv", "id,text\n1,one\n")
    put(tmp_path / "b.csv", "id,text\n" + "2,two\n" * 3 + '3,"three\n')
    whole = gzip.compress("".join(f'{{"text":"{os.urandom(20).hex()}"}}\n' for _ in range(200_000)).encode())
    (tmp_path / "c.jsonl.gz").write_bytes(whole[: len(whole) * 3 // 4])
    (tmp_path / "d.parquet").write_bytes(b"PAR1 and more")
    put(tmp_path / "e.jsonl", '{"text":"five"}\n')
    put(tmp_path / "f.csv", "")
    corpus = Corpus(tmp_path, options(skip_damaged=True))
    texts = texts_of(corpus)
    assert texts[0] == "one"
    assert texts[-1] == "five"
    assert 50_000 < len(texts) < 160_000
    assert texts_of(corpus) == texts
    messages = [record.message for record in caplog.records]
    assert [name in "\n".join(messages) for name in ("b.csv, line 5", "c.jsonl.gz", "d.parquet")] == [
        True
    ] * 3
    assert all(message.endswith("The rest of this file was left out.") for message in messages[1:4])
    assert messages[4:] == ["3 of 6 files are damaged."]
    assert "a quote opens here" in error(lambda: texts_of(Corpus(tmp_path)))


def test_a_single_damaged_file_gives_its_rows_before_the_damage(tmp_path: Path) -> None:
    path = put(tmp_path / "a.jsonl", '{"text":"a"}\n' * 500_000 + "{\n")
    found = texts_of(Corpus([path, put(tmp_path / "b.txt", "")], options(skip_damaged=True)))
    assert 100_000 < len(found) < 500_000


def test_files_that_are_all_damaged_are_an_error(tmp_path: Path) -> None:
    put(tmp_path / "a.csv", "id,title\n1,one\n")
    put(tmp_path / "b.csv", "id,title\n1,one\n")
    assert "has no column 'text'" in reading_error(tmp_path, options(skip_damaged=True))


@pytest.mark.parametrize(
    ("name", "head", "row"),
    [
        ("p.txt", "", "row {}\n"),
        ("p.jsonl", "", '{{"text":"row {}"}}\n'),
        ("p.tsv", "n\ttext\n", "1\trow {}\n"),
        ("p.csv", "n,text\n", '1,"row {}"\n'),
    ],
)
def test_rows_of_a_stream_come_at_once(tmp_path: Path, name: str, head: str, row: str) -> None:
    os.mkfifo(tmp_path / name)
    asked = [threading.Event() for _ in range(3)]

    def write() -> None:
        with (tmp_path / name).open("w") as pipe:
            pipe.write(head)
            for i, event in enumerate(asked):
                pipe.write(row.format(i))
                pipe.flush()
                event.wait(10)

    writer = threading.Thread(target=write)
    writer.start()
    found = []
    for block in Corpus(tmp_path / name, options(line_buffered=True)).rows():
        found += block.table["text"].to_pylist()
        if len(block.table):
            asked[len(found) - 1].set()
    writer.join()
    assert found == ["row 0", "row 1", "row 2"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"delimiter": ""}, "The delimiter '' cannot separate fields"),
        ({"delimiter": ";;"}, "The delimiter ';;' cannot separate fields"),
        ({"delimiter": '"'}, "cannot separate fields"),
        ({"delimiter": "é"}, "cannot separate fields"),
        ({"encoding": "utf-99"}, "The encoding 'utf-99' is not known"),
        ({"encoding": "a\0b"}, "is not known"),
        ({"encoding": "rot13"}, "rot13 is not an encoding of text"),
        ({"encoding": "zlib"}, "zlib is not an encoding of text"),
    ],
)
def test_wrong_options(given: dict[str, Any], message: str) -> None:
    assert message in error(lambda: FileOptions(**given))


def test_options_that_no_file_has_a_use_for(tmp_path: Path) -> None:
    path = put(tmp_path / "a.jsonl", '{"text":"a"}\n')
    assert "has no delimiter: leave it out" in error(lambda: Corpus(path, options(delimiter=";")))
    assert "has no quoting: leave it out" in error(lambda: Corpus(path, options(quoting=True)))
    pyarrow.parquet.write_table(pa.table({"text": ["a"]}), tmp_path / "a.parquet")
    assert "has no encoding" in error(lambda: Corpus(tmp_path / "a.parquet", options(encoding="cp1252")))
    assert texts_of(Corpus([path, put(tmp_path / "b.csv", "text;n\nb;1\n")], options(delimiter=";"))) == [
        "a",
        "b",
    ]


def test_standard_input_of_another_encoding(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.TextIOWrapper(io.BufferedReader(io.BytesIO("é;1\r\n".encode("utf-16"))))
    monkeypatch.setattr("sys.stdin", stream)
    assert texts_of(Corpus("-", options(format="txt", encoding="utf-16"))) == ["é;1"]


@pytest.mark.parametrize("name", ["a.txt", "a.ft", "a.csv", "a.tsv", "a.jsonl", "a.txt.gz", "b.csv.zst"])
@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"])
@pytest.mark.parametrize("text", ["a", "naïve", "плохой фильм", 'a "very" long text 😀' * 5000])
def test_characters_of_several_bytes_are_refused_with_their_encoding(
    tmp_path: Path, name: str, encoding: str, text: str
) -> None:
    quoted = json.dumps(text) if "jsonl" in name else text.replace('"', "'")
    content = f'{{"text": {quoted}}}\n' if "jsonl" in name else f"text\n{quoted}\n"
    path = put(tmp_path / name, content.encode(encoding))
    said = (
        f"{path} is not UTF-8 but {encoding}: give the encoding (--encoding {encoding}), or convert the file"
    )
    assert reading_error(path).startswith(said)
    for records in (True, False):
        assert error(lambda: list(Corpus(path).rows(records=records))).startswith(said)  # noqa: B023
    assert texts_of(Corpus(path, options(encoding=encoding)))[-1] in (text, quoted)


def test_zeros_in_a_text_are_allowed(tmp_path: Path) -> None:
    for content in (
        "a\0\n",
        "\0\n\0\n\0\n\0\n",
        "a\0b\0\n",
        "\0a\0\n",
        "a\0b\0c and more\n",
        "\0\0\0\0\n",
        "good film\0\0\0\0\0\0\0\0\n",
    ):
        path = put(tmp_path / "a.txt", content)
        assert texts_of(Corpus(path)) == content.splitlines()
