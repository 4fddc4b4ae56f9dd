"""Labelled and unlabelled texts as users pass them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from support.rows import put, texts_of
from support.sentences import error

from sparsedistill.data import Columns, Corpus, DataSource, Labelled
from sparsedistill.data.inputs import as_corpus, as_labelled, is_sources, write_corpus, write_texts

TEXTS = ["one", "two", "three"]


@pytest.mark.parametrize(
    ("labels", "classes", "indices", "names"),
    [
        (["b", "a", "b"], None, [1, 0, 1], ("a", "b")),
        (["b", "a", "b"], ("b", "a", "c"), [0, 1, 0], ("b", "a", "c")),
        ([10, 9, 10], None, [1, 0, 1], ("9", "10")),
        (np.array([1, 0, 0]), ("0", "1"), [1, 0, 0], ("0", "1")),
        ([True, False, True], None, [1, 0, 1], ("false", "true")),
        (np.array(["x", "y", "x"], object), None, [0, 1, 0], ("x", "y")),
        (pa.array(["x", "y", "x"]), None, [0, 1, 0], ("x", "y")),
    ],
)
def test_labels_in_memory(
    labels: Any, classes: tuple[str, ...] | None, indices: list[int], names: tuple[str, ...]
) -> None:
    found = as_labelled((TEXTS, labels), Columns(), classes)
    assert found.texts.to_pylist() == TEXTS
    assert found.text_pair is None
    assert found.labels.dtype == np.int64
    assert found.labels.tolist() == indices
    assert found.classes == names


def test_pairs_and_several_labels_in_memory() -> None:
    found = as_labelled((TEXTS, TEXTS[::-1], np.array([[1, 0], [0, 0], [1, 1]])), Columns(), ("a", "b"))
    assert found.problem == "multi_label"
    assert found.text_pair is not None
    assert found.text_pair.to_pylist() == TEXTS[::-1]
    assert found.labels.tolist() == [[1, 0], [0, 0], [1, 1]]


@pytest.mark.parametrize(
    ("given", "classes", "message"),
    [
        ((TEXTS,), None, "tuple of 1"),
        ((TEXTS, ["a", "b"]), None, "3 texts came with 2 labels"),
        ((TEXTS, ["a", "b", "c"]), ("a", "b"), "'c' is unknown: use one of 'a', 'b'"),
        ((TEXTS, ["a", "a", "a"]), None, "all 'a'"),
        (([], []), None, "labels are missing"),
        ((TEXTS, np.eye(3)), None, "need class names"),
        ((TEXTS, np.eye(3)), ("a", "b"), "need class names"),
        ((["a", 1], ["a", "b"]), None, "Text 1 has type int"),
        ((["a", "b"], ["a", 1], ["a", "b"]), None, "Text 1 of text_pair has type int"),
        (("ab", ["a", "b"]), None, "single str"),
    ],
)
def test_invalid_labelled_texts(given: Any, classes: tuple[str, ...] | None, message: str) -> None:
    assert message in error(lambda: as_labelled(given, Columns(), classes))


def test_labelled_files_have_the_label_column_by_default(tmp_path: Path) -> None:
    path = put(tmp_path / "a.csv", "text,label,w\none,x,1\ntwo,y,2\n")
    found = as_labelled(path, Columns(weight="w", scores=("no", "yes")), None)
    assert found.classes == ("x", "y")
    assert found.weights is not None
    assert found.weights.tolist() == [1, 2]
    assert as_labelled(str(path), Columns(label="w"), None).classes == ("1", "2")
    assert len(as_labelled([path, path], Columns(), None)) == 4


def test_labelled_texts_are_returned_unchanged() -> None:
    given = Labelled(pa.array(TEXTS, pa.large_string()), np.array([0, 1, 0]), ("a", "b"))
    assert as_labelled(given, Columns(), None) is given
    assert as_labelled(given, Columns(), ["a", "b"]) is given
    assert "needed" in error(lambda: as_labelled(given, Columns(), ("b", "a")))


def test_unlabelled_texts_become_a_corpus(tmp_path: Path) -> None:
    path = put(tmp_path / "a.txt", "one\ntwo\nthree\n")
    spool = tmp_path / "spool.parquet"
    corpus = Corpus(path)
    assert as_corpus(corpus, Columns(), spool) is corpus
    given: Any
    for given in (path, str(path), [path]):
        assert texts_of(as_corpus(given, Columns(), spool)) == TEXTS
    assert not spool.exists()
    for given in (TEXTS, np.array(TEXTS), pa.array(TEXTS)):
        assert texts_of(as_corpus(given, Columns("body"), spool)) == TEXTS
    assert as_corpus(TEXTS, Columns("body"), spool).columns.text == "body"
    assert "no unlabelled texts" in error(lambda: as_corpus([], Columns(), spool))
    assert "names of files" in error(lambda: as_corpus([str(path)], Columns(), spool))
    assert "pairs" in error(lambda: as_corpus(TEXTS, Columns(text_pair="b"), spool))


def test_pairs_are_written_with_both_columns(tmp_path: Path) -> None:
    texts = pa.array(TEXTS)
    for corpus in (
        write_texts(tmp_path / "a.parquet", texts, texts[::-1]),
        write_corpus(tmp_path / "b.csv", Columns("x", "y"), texts, texts[::-1]),
    ):
        (batch,) = corpus.batches()
        assert batch.text_pair is not None
        assert (batch.texts.to_pylist(), batch.text_pair.to_pylist()) == (TEXTS, TEXTS[::-1])
    assert write_texts(tmp_path / "c.parquet", texts).columns == Columns()


def test_lists_of_data_sources_are_recognised() -> None:
    source = DataSource("a.txt")
    assert is_sources([source, source])
    for other in ([], (source,), [source, "a"], source, "a", None):
        assert not is_sources(other)
