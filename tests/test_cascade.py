"""Cascades: which texts are deferred, how the threshold is chosen, and files."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray
from support.sentences import error

from sparsedistill import CallableTeacher, Cascade, FileTeacher, Student, Vocabulary
from sparsedistill.cascade import CascadeFile, is_cascade
from sparsedistill.data.labelled import Labelled
from sparsedistill.model.record import DeferralRecord
from sparsedistill.model.weights import StudentWeights
from sparsedistill.problem import problem_of

CLASSES = ("good", "bad")


def make(*, pair: bool = False, multi_label: bool = False) -> Student:
    """A student that is confident about "fine" and "awful", and not about "so"."""
    vocabulary = Vocabulary.from_ngrams(["fine", "awful", "so"])
    table = np.array([[3, 0], [0, 3], [0.1, 0]], np.float32)
    hidden = np.eye(2, 13, 2, dtype=np.float32) if pair else np.eye(2, dtype=np.float32)  # the first's alone
    zero = np.zeros(2, np.float32)
    weight = 4 * (2 * np.eye(2, dtype=np.float32) - 1)
    return Student(
        vocabulary,
        StudentWeights(table, hidden, zero, weight, zero),
        CLASSES,
        problem_of(CLASSES, multi_label=multi_label),
        pair,
    )


class Spy:
    """A teacher that labels all texts "bad" and records them."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, texts: list[str], text_pair: list[str] | None = None) -> NDArray[np.float64]:
        self.asked += (
            texts if text_pair is None else [f"{a}|{b}" for a, b in zip(texts, text_pair, strict=True)]
        )
        return np.tile([-2.0, 2.0], (len(texts), 1))


TEXTS = ["fine", "so", "awful", "unknown \ud800"]


def test_the_teacher_scores_the_texts_below_the_threshold() -> None:
    spy = Spy()
    cascade = Cascade(make(), spy, 0.9)
    found = cascade.score(TEXTS)
    assert found.deferred.tolist() == [False, True, False, True]
    assert spy.asked == ["so", "unknown \ufffd"]
    np.testing.assert_array_equal(found.logits[[0, 2]], make().score(TEXTS).logits[[0, 2]])
    np.testing.assert_array_equal(found.logits[[1, 3]], [[-2, 2]] * 2)
    np.testing.assert_array_equal(found.coverage, make().score(TEXTS).coverage)
    assert cascade.predict(TEXTS).tolist() == ["good", "bad", "bad", "bad"]
    np.testing.assert_allclose(cascade.predict_proba(TEXTS).sum(axis=1), 1, atol=1e-6)
    assert cascade("so") == [{"label": "bad", "score": pytest.approx(1 / (1 + np.exp(-4)))}]
    assert cascade(TEXTS, top_k=None, coverage=True)[0][0]["label"] == "good"
    assert cascade.classes_.tolist() == ["good", "bad"]
    assert cascade.predict([]).shape == (0,)
    for texts in (np.array(TEXTS[:3]), pa.array(TEXTS[:3]), pa.chunked_array([TEXTS[:2], TEXTS[2:3]])):
        assert cascade.predict(texts).tolist() == ["good", "bad", "bad"]


@pytest.mark.parametrize(("threshold", "share"), [(0.0, 0), (1.5, 1)])
def test_thresholds_that_defer_no_text_and_all_texts(threshold: float, share: float) -> None:
    assert Cascade(make(), Spy(), threshold).score(TEXTS).deferred.mean() == share


def test_the_teacher_is_not_loaded_before_a_text_is_deferred() -> None:
    cascade = Cascade(make(), "no/such/teacher", 0.9)
    assert cascade.predict(["fine", "awful"]).tolist() == ["good", "bad"]
    assert "no/such/teacher" in error(lambda: cascade.predict(["so"]))


def test_pairs_and_multi_label() -> None:
    spy = Spy()
    pairs = Cascade(make(pair=True), spy, 0.9)
    assert pairs.predict(["fine", "so"], ["so", "fine"]).tolist() == ["good", "bad"]
    assert spy.asked == ["so|fine"]
    several = Cascade(make(multi_label=True), Spy(), 0.9)
    assert several.predict(["fine", "so"]).tolist() == [[True, False], [False, True]]


def drawn(count: int = 600) -> tuple[Labelled, NDArray[np.float32]]:
    """Labelled texts, two in three of them known to the student, and logits that are always right."""
    random = np.random.default_rng(0)
    labels = random.integers(0, 2, count)
    words = np.array([["fine", "fine", "so"], ["awful", "awful", "so"]])[labels, random.integers(0, 3, count)]
    texts = [f"{word} {i}" for i, word in enumerate(words)]
    return Labelled(pa.array(texts, pa.large_string()), labels, CLASSES), 4 * np.eye(2, dtype=np.float32)[
        labels
    ]


MEASURED = DeferralRecord(600, "accuracy", [{"deferred": 0.0, "accuracy": 0.5}])


def test_the_teacher_can_be_asked_about_every_text_and_is_loaded_once() -> None:
    cascade = Cascade(make(), Spy(), 0.0)
    always = cascade.always_deferring()
    assert always.score(TEXTS).deferred.all()
    assert not cascade.score(TEXTS).deferred.any()
    assert always._load_teacher() is cascade._load_teacher()


def test_the_threshold_is_chosen_for_a_target() -> None:
    data, scores = drawn()
    strict = Cascade.fit(make(), Spy(), data, scores=scores, retention=0.995)
    assert strict.evaluation is not None
    chosen = strict.evaluation.chosen
    assert chosen is not None
    assert strict.score(data.texts).deferred.mean() == pytest.approx(chosen["deferred"])
    assert chosen["retention"] >= 0.995
    assert 0.25 < chosen["deferred"] < 0.4
    assert 0.5 < strict.threshold < 0.99
    assert strict.evaluation.texts == 600
    lax = Cascade.fit(make(), Spy(), data, scores=scores, retention=0.6)
    assert lax.threshold == 0
    frugal = Cascade.fit(make(), Spy(), data, scores=scores, calls=0.1)
    assert frugal.evaluation is not None
    assert frugal.evaluation.chosen is not None
    assert frugal.evaluation.chosen["deferred"] <= 0.1
    agreeing = Cascade.fit(make(), Spy(), data.texts, scores=scores)
    assert agreeing.evaluation is not None
    assert agreeing.evaluation.metric == "agreement"


def test_fit_calls_the_teacher_if_no_scores_are_passed() -> None:
    data, _ = drawn(60)
    spy = Spy()
    Cascade.fit(make(), spy, data)
    assert spy.asked == data.texts.to_pylist()


def test_a_loaded_cascade_makes_the_same_predictions(tmp_path: Path) -> None:
    cascade = Cascade(make(), Spy(), 0.9, MEASURED)
    cascade.save_pretrained(tmp_path / "c")
    assert sorted(path.name for path in (tmp_path / "c").iterdir()) == ["cascade.json", "student"]
    assert "has no name" in error(lambda: Cascade.from_pretrained(tmp_path / "c"))
    loaded = Cascade.from_pretrained(tmp_path / "c", Spy())
    np.testing.assert_array_equal(loaded.score(TEXTS).logits, cascade.score(TEXTS).logits)
    assert (loaded.threshold, loaded.evaluation) == (0.9, MEASURED)
    Cascade(make(), tmp_path / "teacher", 0.5).save_pretrained(tmp_path / "d")
    assert Cascade.from_pretrained(tmp_path / "d").teacher == str(tmp_path / "teacher")
    assert "exists already" in error(lambda: cascade.save_pretrained(tmp_path / "c"))
    assert "does not exist" in error(lambda: Cascade.from_pretrained(tmp_path))


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("format", "other", "format version 1"),
        ("format", None, "cascade.json cannot be used"),
        ("format_version", 2, "format version 1"),
        ("threshold", "0.5", "cascade.json cannot be used"),
        ("threshold", float("nan"), "cascade.json cannot be used"),
        ("threshold", -1.0, "The threshold is -1.0"),
        ("threshold", None, "cascade.json cannot be used"),
        ("teacher", 3, "cascade.json cannot be used"),
        ("teacher", None, "has no name"),
        ("evaluation", [], "cascade.json cannot be used"),
        ("evaluation", {"texts": 3, "metric": "accuracy"}, "cascade.json cannot be used"),
        (
            "evaluation",
            {"texts": 3, "metric": "accuracy", "points": [{"deferred": "all"}]},
            "cascade.json cannot be used",
        ),
    ],
)
def test_damaged_cascades_are_rejected(tmp_path: Path, key: str, value: object, message: str) -> None:
    Cascade(make(), "teacher", 0.9).save_pretrained(tmp_path / "c")
    path = tmp_path / "c" / "cascade.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), key: value}))
    assert message in error(lambda: Cascade.from_pretrained(tmp_path / "c"))


def test_another_version_is_named_before_its_fields_are_read(tmp_path: Path) -> None:
    (tmp_path / "cascade.json").write_text('{"format": "sparsedistill cascade", "format_version": 2}')
    assert "format version 1" in error(lambda: CascadeFile.read(tmp_path))


def test_a_cascade_file_holds_teacher_threshold_and_measurements(tmp_path: Path) -> None:
    Cascade(make(), "teacher", 1, MEASURED).save_pretrained(tmp_path / "c")
    assert is_cascade(tmp_path / "c")
    assert not is_cascade(tmp_path / "c" / "student")
    expected = CascadeFile("sparsedistill cascade", 1, 1.0, "teacher", MEASURED)
    assert CascadeFile.read(tmp_path / "c") == expected
    (tmp_path / "c" / "cascade.json").write_text("{")
    assert "cannot be used" in error(lambda: CascadeFile.read(tmp_path / "c"))


def test_input_that_cannot_be_used_is_rejected() -> None:
    other = CallableTeacher(Spy(), ("bad", "good"))
    assert "bad, good" in error(lambda: Cascade(make(), other, 0.9).predict(["so"]))
    assert "file of scores" in error(lambda: Cascade(make(), FileTeacher(CLASSES), 0.9))  # type: ignore[arg-type]
    assert "threshold" in error(lambda: Cascade(make(), Spy(), float("inf")))
    narrow = Cascade(make(), lambda texts: np.zeros((len(texts), 3)), 0.9)
    assert "shape" in error(lambda: narrow.predict(["so"]))
    data, scores = drawn(50)
    assert "same classes" in error(
        lambda: Cascade.fit(make(), Spy(), Labelled(data.texts, data.labels, ("bad", "good")))
    )
    assert "row per text" in error(lambda: Cascade.fit(make(), Spy(), data, scores=scores[:-1]))


def test_torch_is_not_imported_before_a_transformer_is_called(tmp_path: Path) -> None:
    Cascade(make(), "a/teacher", 0.9).save_pretrained(tmp_path / "c")
    code = (
        "import sys; from sparsedistill import Cascade;"
        f"print(Cascade.from_pretrained({str(tmp_path / 'c')!r}).predict(['fine']));"
        "sys.exit(bool({'torch', 'transformers'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
