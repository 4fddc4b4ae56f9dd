"""Targets of several heads side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray
from support.sentences import error

from sparsedistill import CallableTeacher, SoftTargets, label
from sparsedistill.data.examples import Examples
from sparsedistill.data.inputs import write_texts
from sparsedistill.labeling.joint_examples import JointExamples, JointTargets

TEXTS = [f"text {i}" for i in range(25)]
NAMES, PARTS = ["one", "two", "three"], [slice(0, 2), slice(2, 3), slice(3, 5)]
NONE = pa.array([], pa.large_string())


def scores(texts: Sequence[str]) -> NDArray[np.float64]:
    return np.array([[0.0, float(text.split()[1])] for text in texts])


def numbers(texts: Sequence[str]) -> NDArray[np.float64]:
    return np.array([[-float(text.split()[1])] for text in texts])


def labelled(folder: Path, count: int = 25) -> dict[str, SoftTargets]:
    corpus = write_texts(folder / "texts.parquet", pa.array(TEXTS[:count], pa.large_string()))
    return {
        name: label(CallableTeacher(function, classes), corpus, folder / name, shard_size=10)
        for name, function, classes in (("one", scores, ("a", "b")), ("two", numbers, ("score",)))
    }


def own_labels(first: int, end: int) -> Examples:
    """Labels of some of the texts, in the first output of the third head."""
    targets = JointTargets.none(end - first, PARTS)
    targets.logits[:, 3] = np.arange(first, end)
    targets.weights[:] = 1
    return Examples(TEXTS[first:end], logits=targets.logits, weights=targets.weights)


def test_logits_of_all_teachers_stand_side_by_side(tmp_path: Path) -> None:
    examples = JointExamples(labelled(tmp_path), NAMES, PARTS, pa.array(["text 3"], pa.large_string()))
    assert list(examples.sizes) == [9, 10, 5]
    found = examples.load(1)
    assert found.texts.to_pylist() == TEXTS[10:20]
    assert found.targets[:, 1].tolist() == list(range(10, 20))
    assert found.targets[:, 2].tolist() == [-i for i in range(10, 20)]
    assert not found.targets[:, 3:].any()
    assert found.weights.tolist() == [[1, 1, 0]] * 10


@pytest.mark.parametrize("count", [3, 5, 8, 17, 25])
def test_labels_are_those_of_the_last_texts(tmp_path: Path, count: int) -> None:
    labels = own_labels(25 - count, 25)
    labels.targets[:, :3] = 99  # a teacher comes before a label
    examples = JointExamples(labelled(tmp_path), NAMES, PARTS, NONE, labels)
    for shard in range(3):
        found = examples.load(shard)
        for text, targets, weights in zip(found.texts.to_pylist(), found.targets, found.weights, strict=True):
            number = int(text.split()[1])
            assert targets[1] == number
            assert weights[2] == (number >= 25 - count)
            assert targets[3] == (number if number >= 25 - count else 0)
    last = examples.of_labelled()
    assert last.logits[:, 1].tolist() == list(range(25 - count, 25))
    assert last.weights[:, 2].tolist() == [0] * count


@pytest.mark.parametrize("unscored", [("one",), ("one", "two")])
def test_scores_in_files_end_before_the_labelled_texts(tmp_path: Path, unscored: tuple[str, ...]) -> None:
    for name in ("all", "some"):
        (tmp_path / name).mkdir()
    short = labelled(tmp_path / "some", 18)
    found = {**labelled(tmp_path / "all"), **{name: short[name] for name in unscored}}
    labels = own_labels(18, 25)
    labels.weights[:, 1] = 0
    examples = JointExamples(found, NAMES, PARTS, NONE, labels, unscored)
    parts = [examples.load(shard) for shard in range(len(examples.sizes))]
    assert [text for part in parts for text in part.texts.to_pylist()] == TEXTS
    targets, weights = (
        np.concatenate([getattr(part, name) for part in parts]) for name in ("targets", "weights")
    )
    assert targets[:18, 1].tolist() == list(range(18))
    assert not targets[18:, :2].any()  # the labels of the first head are 0
    assert weights[:, 0].tolist() == [1] * 25
    assert weights[:, 1].tolist() == [1] * 18 + [float("two" not in unscored)] * 7
    assert targets[18:, 3].tolist() == list(range(18, 25))
    teachers = examples.of_labelled()
    assert teachers.weights[:, 1].tolist() == [float("two" not in unscored)] * 7
    assert not teachers.weights[:, 0].any()
    if len(unscored) == 1:  # the other labelling says how many texts there are
        assert "has other texts than" in error(
            lambda: JointExamples(found, NAMES, PARTS, NONE, own_labels(20, 25), unscored)
        )


def test_labellings_of_other_texts_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    mixed = {"one": labelled(tmp_path / "a")["one"], "two": labelled(tmp_path / "b", 20)["two"]}
    assert "has other texts than" in error(lambda: JointExamples(mixed, NAMES, PARTS, NONE))


@pytest.mark.parametrize(("count", "share", "most"), [(3, 0.5, 11), (3, 0.05, 0), (12, 0.5, 1), (1, 0.9, 11)])
def test_the_last_texts_are_repeated(tmp_path: Path, count: int, share: float, most: int) -> None:
    held_out = pa.array(["text 24"], pa.large_string())
    examples = JointExamples(labelled(tmp_path), NAMES, PARTS, held_out, own_labels(24 - count, 25))
    aside = examples.set_aside(0.3, 0).texts.to_pylist()
    examples.repeat_last(share)
    shards = [examples.load(shard).texts.to_pylist() for shard in range(len(examples.sizes))]
    texts = [text for shard in shards for text in shard]
    assert [len(shard) for shard in shards] == list(examples.sizes)
    assert not set(texts) & {"text 24", *aside}
    last = {f"text {number}" for number in range(24 - count, 24)}
    times = {texts.count(text) for text in set(texts) & last}
    assert len(times) == 1  # all equally often
    assert times.pop() <= 1 + most
    found = sum(text in last for text in texts) / len(texts)
    assert abs(found - share) < 0.12 or most in (0, 11)
    assert all(texts.count(text) == 1 for text in set(texts) - last)
