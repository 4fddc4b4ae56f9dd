"""Deferral curves compared with counting text by text."""

from __future__ import annotations

import io

import numpy as np
import pytest
from numpy.typing import NDArray
from rich.console import Console
from sklearn.metrics import f1_score
from support.sentences import error

from sparsedistill.cli.tables import deferral_table
from sparsedistill.evaluation.deferral import DeferralCurve, confidence
from sparsedistill.model.predictions import probabilities


def drawn(
    count: int = 400, classes: int = 3, *, seed: int = 0
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]:
    """Logits of a student and of a teacher that is more accurate, and labels."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, classes, count)
    truth = np.eye(classes)[labels]
    student, teacher = (
        (strength * truth + random.standard_normal((count, classes))).astype(np.float32)
        for strength in (1.5, 3)
    )
    return student, teacher, labels


@pytest.mark.parametrize("multi_label", [False, True])
def test_each_point_has_the_figures_of_its_threshold(multi_label: bool) -> None:
    student, teacher, labels = drawn()
    student = student.round(1)  # some texts have equal confidence
    hot = np.random.default_rng(1).random(student.shape) < 0.3
    truth = hot.astype(np.float32) if multi_label else labels
    curve = DeferralCurve.of(student, teacher, truth, multi_label=multi_label)
    sure = confidence(probabilities(student, multi_label=multi_label), multi_label=multi_label)
    assert (np.diff(curve.thresholds) > 0).all()
    assert (curve.shares[0], curve.shares[-1]) == (0, 1)
    for i in [0, 1, 7, len(curve.shares) // 2, len(curve.shares) - 1]:
        deferred = sure < curve.thresholds[i]
        logits = np.where(deferred[:, None], teacher, student)
        assert curve.shares[i] == pytest.approx(deferred.mean())
        if multi_label:
            assert curve.values[i] == pytest.approx(f1_score(truth, logits >= 0, average="macro"))
            same = ((logits >= 0) == (teacher >= 0)).all(axis=1)
        else:
            assert curve.values[i] == pytest.approx((logits.argmax(1) == truth).mean())
            same = logits.argmax(1) == teacher.argmax(1)
        assert curve.agreement[i] == pytest.approx(same.mean())
        assert curve.at(curve.thresholds[i]) == i
    assert curve.metric == ("macro_f1" if multi_label else "accuracy")


def test_a_chosen_retention_holds_on_other_texts() -> None:
    kept = []
    for seed in range(100):
        curve = DeferralCurve.of(*drawn(1000, seed=seed), multi_label=False)
        threshold = curve.thresholds[curve.for_retention(0.97)]
        other = DeferralCurve.of(*drawn(1000, seed=~seed & 0xFFFF), multi_label=False)
        kept.append(other.retention[other.at(threshold)] >= 0.97)
    assert np.mean(kept) > 0.65  # 76 % in the long run for two such samples; half without the margin


def test_a_target_is_reached_with_the_fewest_calls() -> None:
    curve = DeferralCurve.of(*drawn(3000), multi_label=False)
    chosen = curve.for_retention(0.98)
    assert 0 < curve.shares[chosen] < 0.9
    assert curve.retention[chosen] >= 0.98
    assert curve.shares[curve.for_retention(0.9)] < curve.shares[chosen]
    assert curve.shares[curve.for_retention(0.5)] == 0
    assert "cannot be reached" in error(lambda: curve.for_retention(1.5))
    assert "give a number above 0" in error(lambda: curve.for_retention(0))


def test_a_teacher_that_is_less_accurate_is_called_only_while_it_helps() -> None:
    student, teacher, labels = drawn(2000)
    curve = DeferralCurve.of(teacher, student, labels, multi_label=False)  # swapped
    assert curve.for_retention(0.995) == 0
    assert curve.shares[curve.for_calls(1.0)] < 0.5
    assert curve.for_calls(0) == 0
    assert "share of texts from 0 to 1" in error(lambda: curve.for_calls(1.5))


def test_without_labels_the_metric_is_agreement_with_the_teacher() -> None:
    student, teacher, _ = drawn(1000)
    curve = DeferralCurve.of(student, teacher, None, multi_label=False)
    assert curve.metric == "agreement"
    assert (np.diff(curve.values) >= 0).all()
    assert curve.values[-1] == 1
    spent = curve.for_calls(0.25)
    assert curve.shares[spent] == pytest.approx(0.25, abs=0.002)
    assert curve.values[curve.for_retention(0.99)] >= 0.99


def test_texts_of_equal_confidence_are_deferred_together() -> None:
    flat = np.zeros((10, 2), np.float32)
    curve = DeferralCurve.of(flat, flat, np.zeros(10, int), multi_label=False)
    assert curve.shares.tolist() == [0, 1]


def test_the_table_marks_the_chosen_threshold() -> None:
    curve = DeferralCurve.of(*drawn(1000), multi_label=False)
    threshold = float(curve.thresholds[curve.for_retention(0.98)])
    out = io.StringIO()
    Console(file=out, width=100).print(deferral_table(curve, threshold))
    assert "deferred" in out.getvalue()
    assert f"{threshold:.4f}" in out.getvalue()


def test_the_record_has_round_shares_and_the_chosen_point() -> None:
    curve = DeferralCurve.of(*drawn(1000), multi_label=False)
    chosen = curve.for_calls(0.07)
    record = curve.record(chosen)
    assert (record.texts, record.metric) == (1000, "accuracy")
    assert record.chosen == curve.point(chosen)
    deferred = [point["deferred"] for point in record.points]
    assert deferred == pytest.approx([0, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0])
    assert record.points[-1]["retention"] == 1
    assert curve.record().chosen is None


def test_different_shapes_are_rejected() -> None:
    student, teacher, labels = drawn()
    assert "row per text" in error(lambda: DeferralCurve.of(student, teacher[:-1], labels, multi_label=False))
    assert "row per text" in error(
        lambda: DeferralCurve.of(student[:0], teacher[:0], labels[:0], multi_label=False)
    )
