"""Labelled and unlabelled texts as users pass them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import scipy.sparse
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
        (({"one", "two"}, ["a", "b"]), None, "texts is a set, which has no order"),
        (({"one": 1, "two": 2}, ["a", "b"]), None, "texts is a dict"),
        ((["a", "b"], ["a", "b"]), {"a", "b"}, "classes is a set: pass a list of class names"),
        ((["a", "b"], ["a", "b"]), {0: "a", 1: "b"}, "classes is a dict: pass a list of class names"),
        ((["a", "b"], ["a", "b"]), "ab", "classes is a str: pass a list of class names"),
        ((["a", "b"], ["a", "b"]), 2, "classes is a int: pass a list of class names"),
    ],
)
def test_invalid_labelled_texts(given: Any, classes: tuple[str, ...] | None, message: str) -> None:
    assert message in error(lambda: as_labelled(given, Columns(), classes))


INDICATORS = [[1, 0], [0, 0], [1, 1]]


@pytest.mark.parametrize(
    "labels",
    [
        INDICATORS,
        [tuple(row) for row in INDICATORS],
        [[bool(value) for value in row] for row in INDICATORS],
        [[float(value) for value in row] for row in INDICATORS],
        [np.array(row) for row in INDICATORS],
        pa.array(INDICATORS),
        pa.array(INDICATORS, pa.list_(pa.int8(), 2)),
        pa.array([[9, 9], *INDICATORS], pa.list_(pa.int8(), 2))[1:],
        pa.chunked_array([INDICATORS[:1], INDICATORS[1:]]),
        pa.array(INDICATORS, pa.list_(pa.decimal128(3))),
        scipy.sparse.csr_array(INDICATORS),
        scipy.sparse.coo_matrix(INDICATORS),
    ],
    ids=lambda labels: str(getattr(labels, "type", type(labels).__name__)),
)
def test_rows_of_zeros_and_ones_are_a_matrix_in_every_container(labels: Any) -> None:
    found = as_labelled((TEXTS, labels), Columns(), ("a", "b"))
    assert found.labels.dtype == np.float32
    assert found.labels.tolist() == INDICATORS


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (INDICATORS, None),
        (INDICATORS, ("a", "b", "c")),
        ([[True, False], [False, False], [True, True]], None),
        ([[1, 0], None, [1, 1]], ("a", "b")),
        (pa.array(INDICATORS, pa.list_(pa.int8(), 2)), None),
    ],
)
def test_rows_of_zeros_and_ones_that_may_be_indices_are_refused(labels: Any, classes: Any) -> None:
    message = error(lambda: as_labelled((TEXTS, labels), Columns(), classes))
    assert "which can be class indices or a matrix" in message


def test_classes_that_are_named_0_and_1() -> None:
    labels = [["0", "1"], ["1", "0"], ["1", "1"]]
    assert as_labelled((TEXTS, labels), Columns(), ("0", "1")).labels.tolist() == [[1, 1], [1, 1], [0, 1]]
    assert as_labelled((TEXTS, [[1], [0], [1]]), Columns(), ("spam",)).labels.tolist() == [[1], [0], [1]]


def test_lists_of_class_indices() -> None:
    for labels in ([[1, 0], [0], []], pa.array([[1, 0], [0], []])):
        found = as_labelled((TEXTS, labels), Columns(), ("a", "b"))
        assert found.labels.tolist() == [[1, 1], [1, 0], [0, 0]]
    one_each = as_labelled((TEXTS, [[0], [1], [1]]), Columns(), ("a", "b"))
    assert one_each.labels.tolist() == [[1, 0], [0, 1], [0, 1]]
    three = as_labelled((TEXTS, [[2, 0], [1, 1], [0, 1]]), Columns(), ("a", "b", "c"))
    assert three.labels.tolist() == [[1, 0, 1], [0, 1, 0], [1, 1, 0]]
    repeated = as_labelled((TEXTS, [["b", "b"], ["a"], []]), Columns(), None)  # as "b,b" in a file
    assert repeated.labels.tolist() == [[0, 1], [1, 0], [0, 0]]


def test_a_sparse_matrix_has_a_largest_size() -> None:
    matrix = scipy.sparse.csr_array((3, 10**9))
    assert "too large as an array" in error(lambda: as_labelled((TEXTS, matrix), Columns(), ("a", "b")))
    twice = scipy.sparse.coo_array(([1, 1], ([0, 0], [1, 1])), (3, 2))
    assert "Label 0 is 2 for the class 'b'" in error(
        lambda: as_labelled((TEXTS, twice), Columns(), ("a", "b"))
    )


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
    assert "no order" in error(lambda: as_corpus({path}, Columns(), spool))
    assert "no order" in error(lambda: as_corpus(set(TEXTS), Columns(), spool))
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
