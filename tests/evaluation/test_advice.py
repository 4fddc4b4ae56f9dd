"""Warnings about teachers and students that are worth no more than a linear model, and groups."""

from __future__ import annotations

import logging
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from sparsedistill import Student, Vocabulary
from sparsedistill._internal.records import read_record, write_record
from sparsedistill.data.labelled import Labelled
from sparsedistill.evaluation.baselines import FittedBaseline, majority
from sparsedistill.evaluation.evaluate import Evaluation, evaluate
from sparsedistill.model.record import EvaluationRecord
from sparsedistill.model.weights import StudentWeights

CLASSES = ("good", "bad")
COUNT = 400
TRUTH = np.arange(COUNT) % 2


@pytest.fixture(autouse=True)
def timed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["sparsedistill.evaluation.evaluate"], "_MIN_SECONDS", 0.0)


def student(classes: tuple[str, ...] = CLASSES) -> Student:
    """Answers what the text says: a class by its name."""
    one = np.eye(len(classes), dtype=np.float32)
    vocabulary = Vocabulary.from_ngrams(list(classes))
    return Student(vocabulary, StudentWeights(one, 5 * one, one[0] * 0, one, one[0] * 0), classes)


def right(share: float) -> NDArray[np.int64]:
    """Labels of which the first `share` of each hundred are right."""
    return np.where(np.arange(COUNT) % 100 < round(100 * share), TRUTH, 1 - TRUTH)


def logits(answers: NDArray[np.int64]) -> NDArray[np.float32]:
    return np.eye(2, dtype=np.float32)[answers]


def compared(
    student_right: float, linear_right: float, teacher_right: float | None, **options: object
) -> Evaluation:
    """An evaluation of models that are right this often."""
    texts = pa.array([CLASSES[i] for i in right(student_right)], pa.large_string())
    test = replace(Labelled(texts, TRUTH, CLASSES), **options)  # type: ignore[arg-type]
    linear = FittedBaseline("tfidf", "TF-IDF + LR", lambda _: logits(right(linear_right)), {"C": 4.0})
    teacher = None if teacher_right is None else logits(right(teacher_right))
    return evaluate(student(), test, teacher, baselines=[majority(test), linear])


@pytest.mark.parametrize(
    ("figures", "expected"),
    [
        ((0.9, 0.8, 0.95), []),
        ((0.9, 0.8, None), []),
        (
            (0.56, 0.89, 0.55),
            ["The teacher is not measurably better", "The student is not measurably better"],
        ),
        ((0.85, 0.89, 0.95), ["The student is not measurably better"]),
        ((0.85, 0.85, None), ["The student is not measurably better"]),
        (
            (0.5, 0.4, None),
            ["The student is not measurably better than the majority class"],
        ),
    ],
)
def test_warnings_fire_if_a_simpler_model_is_as_good(
    figures: tuple[float, float, float | None], expected: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    found = compared(*figures).warnings or []
    assert len(found) == len(expected)
    assert all(warning.startswith(begin) for warning, begin in zip(found, expected, strict=True))
    assert all(": " in warning and warning.endswith(".") for warning in found)
    logged = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert logged == found


def test_a_useless_teacher_is_not_hidden_by_retention() -> None:
    """The teacher is right on 55 %, the student on 56 %: retention alone looks perfect."""
    found = compared(0.56, 0.89, 0.55)
    assert found.student.retention == pytest.approx(0.56 / 0.55)
    assert found.student.lead_kept is None
    assert "(accuracy 55.0 ± 2.5 %, and 89.0 ± 1.6 %): train it longer" in (found.warnings or [""])[0]


def test_the_share_of_the_lead_that_is_kept() -> None:
    found = compared(0.92, 0.8, 0.95)
    assert found.student.lead_kept == pytest.approx(0.12 / 0.15)
    assert compared(0.7, 0.8, 0.95).student.lead_kept == pytest.approx(-0.1 / 0.15)
    assert compared(0.92, 0.8, None).student.lead_kept is None


def test_a_lead_within_the_error_of_the_difference_is_no_lead() -> None:
    answers = right(0.8)
    better = answers.copy()
    better[99::100] = TRUTH[99::100]  # right on 4 texts more, and wrong on 3 more
    better[[0, 1, 2]] = 1 - TRUTH[[0, 1, 2]]
    test = Labelled(pa.array(["good", "bad"] * (COUNT // 2), pa.large_string()), TRUTH, CLASSES)
    linear = FittedBaseline("tfidf", "TF-IDF + LR", lambda _: logits(answers))
    found = evaluate(student(), test, logits(better), baselines=[linear])
    assert found.student.lead_kept is None
    assert "teacher is not measurably better" in (found.warnings or [""])[0]


def test_classes_that_are_never_predicted() -> None:
    classes = ("good", "bad", "fair")
    texts = pa.array(["good", "bad"] * 10 + ["good"] * 5, pa.large_string())
    labels = np.array([0, 1] * 10 + [2] * 5)
    (warning,) = evaluate(student(classes), Labelled(texts, labels, classes)).warnings or []
    assert "never predicts 1 of 3 classes, although the test data have them (fair): give more text" in warning
    few = Labelled(texts[:24], labels[:24], classes)
    assert evaluate(student(classes), few).warnings is None


def test_groups_are_measured_worst_first_and_below_the_baseline_is_a_warning(tmp_path: Path) -> None:
    groups = pa.array(["fr" if i < 200 else "sw" for i in range(COUNT)], pa.large_string())
    answers = np.where(np.arange(COUNT) < 200, right(0.9), right(0.6))
    texts = pa.array([CLASSES[i] for i in answers], pa.large_string())
    linear = FittedBaseline("tfidf", "TF-IDF + LR", lambda _: logits(right(0.7)))
    test = Labelled(texts, TRUTH, CLASSES, groups=groups)
    found = evaluate(student(), test, logits(TRUTH), baselines=[linear], by="language")
    assert found.groups is not None
    assert [(group.name, group.texts) for group in found.groups] == [("sw", 200), ("fr", 200)]
    worst = found.groups[0]
    assert worst.coverage == 1
    assert worst.accuracy["student"].accuracy == pytest.approx(0.6)
    assert worst.accuracy["student"].error == pytest.approx(np.sqrt(0.6 * 0.4 / 200))
    assert worst.accuracy["teacher"].accuracy == 1
    assert worst.accuracy["tfidf"].accuracy == pytest.approx(0.7)
    (warning,) = found.warnings or []
    assert "in 1 of 2 groups by 'language' (sw): give more" in warning
    write_record(tmp_path / "evaluation.json", found.record())
    assert read_record(tmp_path / "evaluation.json", EvaluationRecord, "none") == found.record()
    assert compared(0.9, 0.7, 0.95, groups=groups).warnings is None


def test_baselines_have_rows_and_the_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    found = compared(0.9, 0.8, 0.95).record()
    assert [title for title, _ in found.rows()] == ["majority class", "TF-IDF + LR", "teacher", "student"]
    assert found.baselines is not None
    assert found.baselines["tfidf"].settings == {"C": 4.0}
    write_record(tmp_path / "evaluation.json", found)
    assert read_record(tmp_path / "evaluation.json", EvaluationRecord, "none") == found


def test_several_labels_are_compared_by_macro_f1() -> None:
    labels = np.stack([TRUTH, 1 - TRUTH], axis=1).astype(np.float32)
    texts = pa.array([CLASSES[1 - i] for i in right(0.7)], pa.large_string())
    test = Labelled(texts, labels, CLASSES)
    model = student()
    assert isinstance(model.weights, StudentWeights)
    weights = replace(model.weights, output_bias=np.full(2, -0.5, np.float32))
    linear = FittedBaseline("tfidf", "TF-IDF + LR", lambda _: 2 * labels - 1)
    found = evaluate(replace(model, weights=weights, problem="multi_label"), test, baselines=[linear])
    assert found.metric == "macro_f1"
    assert found.student.macro_f1 == pytest.approx(0.7)
    (warning,) = found.warnings or []
    assert "(macro F1 70.0 ± 2.3 %, and 100.0 ± 0.0 %)" in warning
