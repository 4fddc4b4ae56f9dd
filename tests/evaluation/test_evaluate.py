"""Students, compact students and teachers evaluated on labelled texts."""

from __future__ import annotations

import io
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray
from rich.console import Console

from sparsedistill import InputError, Student, Vocabulary
from sparsedistill._internal.records import as_json, read_record, write_record
from sparsedistill.cli.tables import evaluation_table
from sparsedistill.data.labelled import Labelled
from sparsedistill.evaluation.evaluate import Evaluation, evaluate
from sparsedistill.model.record import Calibration, EvaluationRecord, Quality
from sparsedistill.model.weights import StudentWeights

CLASSES = ("good", "bad")
LABELLED = Labelled(
    pa.array(["good", "bad", "good", "bad"], pa.large_string()), np.array([0, 1, 1, 1]), CLASSES
)
#: A teacher that is always right.
LOGITS = np.array([[1, 0], [0, 1], [0, 1], [0, 1]], np.float32)
CALIBRATION = Calibration(1.5, 10, "labels", 0.4, 0.3, 0.2, 0.1)


@pytest.fixture(autouse=True)
def timed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time a student on one call, not on half a second of them."""
    monkeypatch.setattr(sys.modules["sparsedistill.evaluation.evaluate"], "_MIN_SECONDS", 0.0)


def student() -> Student:
    vocabulary = Vocabulary.from_ngrams(["good", "bad"])
    one = np.eye(2, dtype=np.float32)
    return Student(vocabulary, StudentWeights(one, 5 * one, one[0] * 0, one, one[0] * 0), CLASSES)


def contrarian() -> Student:
    """A student that predicts the other label for every text."""
    model = student()
    weights = model.weights
    assert isinstance(weights, StudentWeights)
    return replace(model, weights=replace(weights, output_weight=-weights.output_weight))


def teacher(texts: pa.Array, text_pair: pa.Array | None) -> NDArray[np.float32]:
    assert text_pair is None
    return LOGITS[: len(texts)]


def test_student_and_teacher_are_compared() -> None:
    found = evaluate(student(), LABELLED, teacher)
    assert found.student.accuracy == 0.75
    assert found.teacher is not None
    assert found.teacher.accuracy == 1.0
    assert found.student.retention == 0.75
    assert found.student.agreement == 0.75
    assert found.coverage == 1.0
    assert found.student.texts_per_second
    out = io.StringIO()
    Console(file=out, width=80).print(evaluation_table(found, "Title"))
    for word in (
        "majority class",
        "teacher",
        "student",
        "retention %",
        "75.0 ± 21.7",
        "agreement",
        "speed-up",
    ):
        assert word in out.getvalue()
    alone = evaluate(student(), LABELLED)
    assert alone.teacher is None
    assert alone.student.retention is None
    assert "retention" not in as_json(alone.record())


def test_logits_that_are_passed_in_have_no_rate() -> None:
    called, given = evaluate(student(), LABELLED, teacher), evaluate(student(), LABELLED, LOGITS)
    assert called.teacher is not None
    assert given.teacher is not None
    assert called.teacher.texts_per_second
    assert given.teacher.texts_per_second is None
    assert replace(called.teacher, texts_per_second=None) == given.teacher


def test_a_compact_student_is_compared_with_labels_and_teacher() -> None:
    found = evaluate(student(), LABELLED, LOGITS, compact=contrarian(), threads=2)
    assert found.compact is not None
    assert found.compact.accuracy == 0.25
    assert found.compact.retention == 0.25
    assert found.compact.agreement == 0.25
    assert found.compact.megabytes == pytest.approx(contrarian().nbytes / 1e6)
    assert found.compact.texts_per_second
    assert (found.student.accuracy, found.threads) == (0.75, 2)
    alone = evaluate(student(), LABELLED, compact=contrarian())
    assert alone.compact is not None
    assert (alone.compact.accuracy, alone.compact.retention) == (0.25, None)
    out = io.StringIO()
    Console(file=out, width=80).print(evaluation_table(found, "Title"))
    assert "compact" in out.getvalue()


def test_multi_label_students_are_measured_by_macro_f1() -> None:
    labels = np.array([[1, 0], [0, 1], [1, 1], [0, 0]], np.float32)
    data = Labelled(LABELLED.texts, labels, CLASSES)
    found = evaluate(
        replace(student(), problem="multi_label"), data, np.where(labels, 1, -1).astype(np.float32)
    )
    assert found.metric == "macro_f1"
    assert found.teacher is not None
    assert found.teacher.macro_f1 == 1.0
    assert found.student.retention == found.student.macro_f1
    # Without a bias "good" has a logit of 0 for the class "bad", which counts as predicted.
    predicted = replace(student(), problem="multi_label").predict(data.texts)
    assert found.student.agreement == (predicted == labels.astype(bool)).all(axis=1).mean()


def test_a_teacher_that_is_never_right_has_no_retention() -> None:
    wrong = 1 - LOGITS
    found = evaluate(student(), LABELLED, wrong)
    assert found.teacher is not None
    assert found.teacher.accuracy == 0
    assert found.student.retention is None
    assert found.student.agreement == 0.25


def test_a_record_keeps_what_an_evaluation_does_not_measure() -> None:
    stale = Quality(0.1, 0.1, 0.1, 0.1)
    base = EvaluationRecord(texts=9, teacher=stale, compact=stale, left_out=7, calibration=CALIBRATION)
    found = evaluate(student(), LABELLED)
    record = found.record(base)
    assert (record.left_out, record.calibration) == (7, CALIBRATION)
    assert (record.texts, record.metric, record.student) == (4, "accuracy", found.student)
    # They were measured on other texts.
    assert (record.teacher, record.compact, record.deferral) == (None, None, None)
    assert found.record() == replace(record, left_out=None, calibration=None)


def test_a_record_has_the_deferral_curve_at_round_shares(tmp_path: Path) -> None:
    found = evaluate(student(), LABELLED, LOGITS, compact=contrarian())
    record = found.record()
    assert record.deferral is not None
    assert record.deferral.chosen is None
    assert (record.deferral.texts, record.deferral.metric) == (4, "accuracy")
    assert record.deferral.points[0]["deferred"] == 0
    assert record.deferral.points[-1]["accuracy"] == 1
    write_record(tmp_path / "evaluation.json", record)
    assert read_record(tmp_path / "evaluation.json", EvaluationRecord, "none") == record
    assert isinstance(found, Evaluation)


def test_other_classes_are_rejected() -> None:
    swapped = Labelled(pa.array(["good"]), np.array([0]), ("bad", "good"))
    with pytest.raises(InputError, match="same classes"):
        evaluate(student(), swapped)
    labelled = Labelled(pa.array(["good"]), np.array([0]), CLASSES)
    with pytest.raises(InputError, match="student's classes"):
        evaluate(student(), labelled, lambda *_: np.zeros((1, 3), np.float32))
    with pytest.raises(InputError, match="compact form of this student"):
        evaluate(student(), labelled, compact=replace(student(), classes=("bad", "good")))
