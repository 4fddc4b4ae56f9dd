"""Corpora: files, patterns, directories, standard input, batches and fingerprints."""

from __future__ import annotations

import gzip
import io
import os
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from support.rows import put, reading_error, texts_of
from support.sentences import error

from sparsedistill._internal.files import atomic_write
from sparsedistill._internal.records import as_json
from sparsedistill.data import Columns, Corpus, FileOptions, TextBatch
from sparsedistill.data import corpus as corpus_module


def read_as(name: str) -> Columns:
    """Read files as this format."""
    return Columns(files=FileOptions(name))


def test_files_patterns_and_directories(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in ("b.txt", "a.txt.gz", "in/c.txt", ".hidden.txt", "[x].txt"):
        put(tmp_path / name, name + "\n")
    (tmp_path / "notes.md").write_text("no corpus")
    assert texts_of(Corpus(tmp_path / "*.txt")) == ["[x].txt", "b.txt"]
    assert texts_of(Corpus(tmp_path / "[x].txt")) == ["[x].txt"]
    assert texts_of(Corpus(tmp_path)) == ["[x].txt", "a.txt.gz", "b.txt", "in/c.txt"]
    assert texts_of(Corpus([tmp_path / "b.txt", str(tmp_path / "**" / "c.txt")])) == ["b.txt", "in/c.txt"]
    assert texts_of(Corpus(tmp_path / "notes.md", read_as("txt"))) == ["no corpus"]
    corpus = Corpus(tmp_path)
    assert texts_of(corpus, 3) == texts_of(corpus, 1)


def test_unusual_file_names(tmp_path: Path) -> None:
    for name in ("ä b'\"\n.txt", "x" * 250 + ".txt", os.fsdecode(b"\xff.txt.gz")):
        path = put(tmp_path / name, "a\n")
        assert texts_of(Corpus(path)) == ["a"]
        as_json(Corpus(path).fingerprint())
        with atomic_write(path) as partial:
            partial.write_text("b")
        assert path.read_text() == "b"


def test_invalid_paths(tmp_path: Path) -> None:
    assert "does not exist" in reading_error(tmp_path / "a.txt")
    assert "No file matches" in error(lambda: Corpus(tmp_path / "*.txt"))
    assert "without text files" in error(lambda: Corpus(tmp_path))
    assert "No input file" in error(lambda: Corpus([]))
    assert "known format" in error(lambda: Corpus(put(tmp_path / "a.xml", "{}")))
    assert "known format" in error(lambda: Corpus(put(tmp_path / "a", "{}")))
    assert "'x'" not in error(lambda: Corpus(put(tmp_path / "a.txt", "x"), read_as("word")))
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
        corpus = Corpus("-", read_as(form))
        assert texts_of(corpus) == ["a", "b"]
        assert "only once" in error(lambda corpus=corpus: list(corpus.batches()))  # type: ignore[misc]
    assert "format of standard input or output" in error(lambda: Corpus("-"))
    assert "parquet" in error(lambda: Corpus("-", read_as("parquet")))
    assert "read twice" in error(lambda: Corpus("-", read_as("txt")).fingerprint())
    feed(b"id,text\n1,a\n2\n")
    assert "standard input is not valid csv" in error(lambda: list(Corpus("-", read_as("csv")).batches()))
    feed(b"id\ttext\n1\ta\n2\n")
    assert "standard input, line 3" in error(lambda: list(Corpus("-", read_as("tsv")).batches()))


def test_a_fingerprint_depends_on_the_content(tmp_path: Path) -> None:
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


def test_batches_are_limited_in_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corpus_module, "_BATCH_BYTES", 10)
    path = put(tmp_path / "a.txt", "\n".join(["x" * 4, "x" * 6, "x" * 30, "", "x" * 3, "y"]))
    assert [len(batch) for batch in Corpus(path).batches(3)] == [2, 1, 3]
    assert texts_of(Corpus(path)) == ["x" * 4, "x" * 6, "x" * 30, "", "x" * 3, "y"]


def test_batch_slices() -> None:
    batch = TextBatch(pa.array(["a", "b", "c"]), weights=np.arange(3, dtype=np.float32))
    part = batch.slice(1, 3)
    assert part.texts.to_pylist() == ["b", "c"]
    assert part.weights is not None
    assert part.weights.tolist() == [1, 2]
