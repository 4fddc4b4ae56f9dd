"""Labelled texts: classes, labels, splits and real data."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.rows import put
from support.sentences import error

from sparsedistill import InputError
from sparsedistill.data import Columns, Labelled, identities, read_labelled
from sparsedistill.data.labelled import balanced_class_weights


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


def test_invalid_labels(tmp_path: Path) -> None:
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


def test_class_indices_as_labels(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    path.write_text("text\tlabel\na\t1\nb\t0\nc\tgood\n")
    columns = Columns(label="label")
    assert read_labelled(path, columns, ("bad", "good")).labels.tolist() == [1, 0, 1]
    with pytest.raises(InputError, match=r"line 3.*'0' is unknown"):
        read_labelled(path, columns, ("1", "2", "good"))
    with pytest.raises(InputError, match=r"line 2.*'1' is unknown"):
        read_labelled(path, columns, ("0", "good"))


@pytest.mark.parametrize("ending", ["jsonl", "parquet", "csv"])
def test_lists_of_zeros_and_ones_in_files(ending: str, tmp_path: Path) -> None:
    """Class indices and the rows of a matrix look the same: as indices, each text would have all classes."""
    rows = [[1, 0], [0, 1], [1, 1]]
    columns = Columns(label="label", label_separator="/")
    path = tmp_path / f"a.{ending}"
    if ending == "jsonl":
        path.write_text("".join(json.dumps({"text": "t", "label": row}) + "\n" for row in rows))
    elif ending == "parquet":
        bools = pa.array([[bool(value) for value in row] for row in rows])
        pq.write_table(pa.table({"text": ["t"] * 3, "label": bools}), path)
    else:
        path.write_text("text,label\n" + "".join(f"t,{one}/{other}\n" for one, other in rows))
    read = read_labelled(path, columns, ("a", "b"))
    assert read.labels.tolist() == rows
    assert read.classes == ("a", "b")
    message = error(lambda: read_labelled(path, columns))
    assert f"The labels in the column 'label' of {path} are lists of 0 and 1, all of length 2" in message
    assert "lists of 0 and 1" in error(lambda: read_labelled(path, columns, ("a", "b", "c")))


def test_classes_that_labels_cannot_tell_apart(tmp_path: Path) -> None:
    path = put(tmp_path / "a.csv", "text,label\na,x\nb,y\n")
    for one, other in (("caf\u00e9", "cafe\u0301"), ("1", "1.0"), ("true", "True"), ("a", " a")):
        message = error(lambda: read_labelled(path, Columns(label="label"), ("x", one, other)))  # noqa: B023
        assert message.startswith(f"The classes {one!r} and {other!r} are both ")


def test_split_keeps_the_share_of_each_class() -> None:
    kept, held_out = labelled().split(0.2, seed=3)
    assert (len(kept), len(held_out)) == (80, 20)
    assert np.bincount(held_out.labels.astype(int)).tolist() == [18, 2]
    assert sorted(kept.texts.to_pylist() + held_out.texts.to_pylist()) == sorted(labelled().texts.to_pylist())
    assert held_out.weights is not None
    assert [f"text {weight:g}" for weight in held_out.weights] == held_out.texts.to_pylist()
    again, other = labelled().split(0.2, seed=3)[1], labelled().split(0.2, seed=4)[1]
    assert again.texts.equals(held_out.texts)
    assert not other.texts.equals(held_out.texts)
    assert "between 0 and 1" in error(lambda: labelled().split(1, 0))
    assert "too few" in error(lambda: labelled(2).split(0.1, 0))


def test_five_texts_a_class_can_be_split() -> None:
    texts = pa.array([f"text {i}" for i in range(385)], pa.large_string())
    few = Labelled(texts, np.arange(385) % 77, tuple(map(str, range(77))))
    kept, held_out = few.split(0.1, 0)
    assert (kept.counts() == 4).all()
    assert (held_out.counts() == 1).all()
    assert len(few.folds(5, 0)) == 5
    for kept, held_out in few.folds(5, 0):
        assert (kept.counts() == 4).all()
        assert (held_out.counts() == 1).all()
    assert "at least 2" in error(lambda: few.folds(1, 0))
    assert "too few for 78 folds" in error(lambda: few.select(range(77)).folds(78, 0))


def test_editions_of_a_text_stay_together() -> None:
    texts = pa.array(["Good film!", "bad", "good  film", "BAD", "fine", "awful"], pa.large_string())
    few = Labelled(texts, np.array([0, 1, 0, 1, 0, 1]), ("good", "bad"))
    for seed in range(10):
        for kept, held_out in [few.split(0.5, seed), *few.folds(2, seed)]:
            words = [set(identities(part.texts, None).to_pylist()) for part in (kept, held_out)]
            assert not words[0] & words[1]
    pairs = replace(few, text_pair=pa.array(list("abacde"), pa.large_string()))
    assert "too few" in error(lambda: few.select([0, 1, 2, 3]).split(0.5, 0))
    assert len(pairs.select([0, 1, 2, 3]).split(0.5, 0)[1]) == 1  # the two bad pairs differ


def test_rows_of_a_group_stay_together() -> None:
    """Groups that share a text are one group."""
    rows = pa.array([f"text {i // 2 if i < 4 else i}" for i in range(200)], pa.large_string())
    groups = pa.array([f"group {i // 4 + (1 <= i < 4)}" for i in range(200)], pa.large_string())
    many = Labelled(rows, np.arange(200) // 4 % 2, ("a", "b"), groups=groups)
    for seed in range(5):
        for kept, held_out in [many.split(0.2, seed), *many.folds(3, seed)]:
            assert kept.groups is not None
            assert held_out.groups is not None
            assert not set(kept.groups.to_pylist()) & set(held_out.groups.to_pylist())
            assert not set(kept.texts.to_pylist()) & set(held_out.texts.to_pylist())


def test_balanced_class_weights() -> None:
    labels = np.array([0] * 6 + [1] * 2)
    assert balanced_class_weights(labels, 2, power=1) == pytest.approx((8 / 12, 8 / 4))
    assert balanced_class_weights(labels, 3) == pytest.approx(((8 / 18) ** 0.5, (8 / 6) ** 0.5, 1))
    several = np.array([[1, 0, 1, 0], [0, 0, 1, 1], [0, 0, 1, 1], [0, 0, 1, 1]], np.float32)
    found = balanced_class_weights(several, 4)
    assert found == pytest.approx((3**0.5, 1, 0.25**0.5, (1 / 3) ** 0.5))


def test_select() -> None:
    chosen = labelled().select([10, 3])
    assert chosen.texts.to_pylist() == ["text 10", "text 3"]
    assert chosen.text_pair is not None
    assert chosen.text_pair.to_pylist() == ["text 10", "text 3"]
    assert chosen.labels.tolist() == [1, 0]


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
