"""Metrics against scikit-learn's and hand computations."""

from __future__ import annotations

import io

import numpy as np
import pyarrow as pa
import pytest
from rich.console import Console
from sklearn.metrics import accuracy_score, f1_score, log_loss

from sparsedistill import InputError, Student, Vocabulary
from sparsedistill._internal.records import as_json
from sparsedistill.cli.tables import evaluation_table
from sparsedistill.data.labelled import Labelled
from sparsedistill.evaluation.evaluate import evaluate
from sparsedistill.evaluation.metrics import measure
from sparsedistill.model.predictions import probabilities
from sparsedistill.model.weights import StudentWeights

random = np.random.default_rng(0)


def test_metrics_are_those_of_scikit_learn() -> None:
    logits = random.standard_normal((500, 4)).astype(np.float32)
    labels = random.integers(0, 4, 500)
    quality = measure(logits, labels, 1.0)
    decided = logits.argmax(axis=1)
    assert quality.accuracy == pytest.approx(accuracy_score(labels, decided))
    assert quality.macro_f1 == pytest.approx(f1_score(labels, decided, average="macro"))
    shares = probabilities(logits, multi_label=False).astype(float)
    expected = log_loss(labels, shares / shares.sum(axis=1, keepdims=True), labels=range(4))
    assert quality.log_loss == pytest.approx(expected, rel=1e-5)


def test_multi_label_metrics_are_those_of_scikit_learn() -> None:
    logits = random.standard_normal((300, 3)).astype(np.float32)
    labels = random.integers(0, 2, (300, 3)).astype(np.float32)
    quality = measure(logits, labels, 1.0)
    assert quality.accuracy == pytest.approx(accuracy_score(labels, logits >= 0))
    assert quality.macro_f1 == pytest.approx(f1_score(labels, logits >= 0, average="macro"))
    shares = 1 / (1 + np.exp(-logits.astype(float)))
    expected = -np.log(np.where(labels == 1, shares, 1 - shares)).mean()
    assert quality.log_loss == pytest.approx(expected, rel=1e-5)


def test_calibration_error_is_the_gap_between_belief_and_truth() -> None:
    # Believed with 0.9, true in 7 of 10: a gap of 0.2.
    logits = np.tile(np.log([[0.9, 0.1]]), (10, 1)).astype(np.float32)
    assert measure(logits, np.array([0] * 7 + [1] * 3), 1.0).ece == pytest.approx(0.2, abs=1e-6)
    certain = np.array([[50.0, -50.0]], np.float32)
    assert measure(certain, np.array([0]), 1.0).ece == pytest.approx(0, abs=1e-6)


def test_a_wrong_answer_given_with_certainty_has_a_finite_loss() -> None:
    assert np.isfinite(measure(np.array([[1e4, -1e4]], np.float32), np.array([1]), 1.0).log_loss)


def student() -> Student:
    vocabulary = Vocabulary.from_ngrams(["good", "bad"])
    one = np.eye(2, dtype=np.float32)
    return Student(vocabulary, StudentWeights(one, 5 * one, one[0] * 0, one, one[0] * 0), ("good", "bad"))


def test_student_and_teacher_are_compared() -> None:
    labelled = Labelled(
        pa.array(["good", "bad", "good", "bad"], pa.large_string()), np.array([0, 1, 1, 1]), ("good", "bad")
    )
    answers = np.array([[1, 0], [0, 1], [0, 1], [0, 1]], np.float32)
    found = evaluate(student(), labelled, lambda texts, _: answers[: len(texts)])
    assert found.student.accuracy == 0.75
    assert found.teacher is not None
    assert found.teacher.accuracy == 1.0
    assert found.student.retention == 0.75
    assert found.student.agreement == 0.75
    assert found.coverage == 1.0
    assert found.student.texts_per_second
    out = io.StringIO()
    Console(file=out, width=80).print(evaluation_table(found, "Title"))
    for word in ("teacher", "student", "retention of accuracy", "75.00 %", "agreement", "speed-up"):
        assert word in out.getvalue()
    alone = evaluate(student(), labelled)
    assert alone.teacher is None
    assert alone.student.retention is None
    assert "retention" not in as_json(alone.record())


def test_other_classes_are_refused() -> None:
    labelled = Labelled(pa.array(["good"]), np.array([0]), ("bad", "good"))
    with pytest.raises(InputError, match="same classes"):
        evaluate(student(), labelled)
    labelled = Labelled(pa.array(["good"]), np.array([0]), ("good", "bad"))
    with pytest.raises(InputError, match="student's classes"):
        evaluate(student(), labelled, lambda *_: np.zeros((1, 3), np.float32))
