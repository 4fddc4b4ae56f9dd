"""Deferral curves against counting by hand."""

from __future__ import annotations

import io
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from numpy.typing import NDArray
from rich.console import Console
from sklearn.metrics import f1_score
from support.sentences import error

from sparsedistill.cli.tables import deferral_table
from sparsedistill.evaluation.deferral import DeferralCurve, confidence
from sparsedistill.evaluation.plots import deferral_plot
from sparsedistill.model.predictions import probabilities
from sparsedistill.problem import problem_of


def drawn(
    count: int = 400, classes: int = 3, *, seed: int = 0
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]:
    """Logits of a student and of a teacher that is right more often, and labels."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, classes, count)
    truth = np.eye(classes)[labels]
    student, teacher = (
        (strength * truth + random.standard_normal((count, classes))).astype(np.float32)
        for strength in (1.5, 3)
    )
    return student, teacher, labels


@pytest.mark.parametrize("multi_label", [False, True])
def test_each_point_is_what_its_threshold_does(multi_label: bool) -> None:
    student, teacher, labels = drawn()
    student = student.round(1)  # some answers are equally sure
    hot = np.random.default_rng(1).random(student.shape) < 0.3
    truth = hot.astype(np.float32) if multi_label else labels
    problem = problem_of((), multi_label=multi_label)
    curve = DeferralCurve.of(student, teacher, truth, problem=problem)
    sure = confidence(probabilities(student, problem), problem)
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


def test_a_retention_is_kept_on_other_texts_too() -> None:
    kept = []
    for seed in range(100):
        curve = DeferralCurve.of(*drawn(1000, seed=seed), problem="single_label")
        threshold = curve.thresholds[curve.for_retention(0.97)]
        other = DeferralCurve.of(*drawn(1000, seed=~seed & 0xFFFF), problem="single_label")
        kept.append(other.retention[other.at(threshold)] >= 0.97)
    assert np.mean(kept) > 0.65  # of two such samples 76 % in the long run; half of them without the margin


def test_the_fewest_calls_are_made() -> None:
    curve = DeferralCurve.of(*drawn(3000), problem="single_label")
    chosen = curve.for_retention(0.98)
    assert 0 < curve.shares[chosen] < 0.9
    assert curve.retention[chosen] >= 0.98
    assert curve.shares[curve.for_retention(0.9)] < curve.shares[chosen]
    assert curve.shares[curve.for_retention(0.5)] == 0
    assert "cannot be reached" in error(lambda: curve.for_retention(1.5))
    assert "give a number above 0" in error(lambda: curve.for_retention(0))


def test_a_teacher_that_is_no_better_is_asked_no_more_than_pays() -> None:
    student, teacher, labels = drawn(2000)
    curve = DeferralCurve.of(teacher, student, labels, problem="single_label")  # the wrong way round
    assert curve.for_retention(0.995) == 0
    assert curve.shares[curve.for_calls(1.0)] < 0.5
    assert curve.for_calls(0) == 0
    assert "share of texts from 0 to 1" in error(lambda: curve.for_calls(1.5))


def test_without_labels_it_is_the_teachers_answers_that_count() -> None:
    student, teacher, _ = drawn(1000)
    curve = DeferralCurve.of(student, teacher, None, problem="single_label")
    assert curve.metric == "agreement"
    assert (np.diff(curve.values) >= 0).all()
    assert curve.values[-1] == 1
    spent = curve.for_calls(0.25)
    assert curve.shares[spent] == pytest.approx(0.25, abs=0.002)
    assert curve.values[curve.for_retention(0.99)] >= 0.99


def test_equal_confidence_goes_together() -> None:
    flat = np.zeros((10, 2), np.float32)
    curve = DeferralCurve.of(flat, flat, np.zeros(10, int), problem="single_label")
    assert curve.shares.tolist() == [0, 1]


def test_it_is_shown_as_table_and_as_picture() -> None:
    curve = DeferralCurve.of(*drawn(1000), problem="single_label")
    threshold = float(curve.thresholds[curve.for_retention(0.98)])
    out = io.StringIO()
    Console(file=out, width=100).print(deferral_table(curve, threshold))
    assert "deferred" in out.getvalue()
    assert f"{threshold:.4f}" in out.getvalue()
    picture = ET.fromstring(deferral_plot(curve, threshold))
    names = [element.tag.rpartition("}")[2] for element in picture.iter()]
    assert names.count("polyline") == names.count("circle") == 1
    line = next(element for element in picture.iter() if element.tag.endswith("polyline"))
    points = np.array([[float(n) for n in point.split(",")] for point in line.get("points", "").split()])
    assert (np.diff(points[:, 0]) >= 0).all()
    assert ((points >= 0) & (points <= [640, 400])).all()
    flat = DeferralCurve.of(
        np.zeros((5, 2), np.float32), np.zeros((5, 2), np.float32), None, problem="single_label"
    )
    ET.fromstring(deferral_plot(flat))


def test_sizes_that_differ_are_refused() -> None:
    student, teacher, labels = drawn()
    assert "row per text" in error(
        lambda: DeferralCurve.of(student, teacher[:-1], labels, problem="single_label")
    )
    assert "row per text" in error(
        lambda: DeferralCurve.of(student[:0], teacher[:0], labels[:0], problem="single_label")
    )
