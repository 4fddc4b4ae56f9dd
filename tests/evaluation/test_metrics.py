"""Metrics compared with scikit-learn and with results computed by hand."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, f1_score, log_loss

from sparsedistill.evaluation.metrics import (
    calibration_error,
    indicators,
    log_losses,
    macro_f1,
    mean_f1,
)
from sparsedistill.evaluation.quality import measure
from sparsedistill.model.predictions import probabilities

random = np.random.default_rng(0)


def test_metrics_match_scikit_learn() -> None:
    logits = random.standard_normal((500, 4)).astype(np.float32)
    labels = random.integers(0, 4, 500)
    quality = measure(logits, labels, 1.0)
    predicted = logits.argmax(axis=1)
    assert quality.accuracy == pytest.approx(accuracy_score(labels, predicted))
    assert quality.macro_f1 == pytest.approx(f1_score(labels, predicted, average="macro"))
    shares = probabilities(logits, "single_label").astype(float)
    expected = log_loss(labels, shares / shares.sum(axis=1, keepdims=True), labels=range(4))
    assert quality.log_loss == pytest.approx(expected, rel=1e-5)


def test_multi_label_metrics_match_scikit_learn() -> None:
    logits = random.standard_normal((300, 3)).astype(np.float32)
    labels = random.integers(0, 2, (300, 3)).astype(np.float32)
    quality = measure(logits, labels, 1.0)
    assert quality.accuracy == pytest.approx(accuracy_score(labels, logits >= 0))
    assert quality.macro_f1 == pytest.approx(f1_score(labels, logits >= 0, average="macro"))
    shares = 1 / (1 + np.exp(-logits.astype(float)))
    expected = -np.log(np.where(labels == 1, shares, 1 - shares)).mean()
    assert quality.log_loss == pytest.approx(expected, rel=1e-5)


def test_calibration_error_is_the_gap_between_confidence_and_accuracy() -> None:
    # Confidence 0.9, correct in 7 of 10: a gap of 0.2.
    logits = np.tile(np.log([[0.9, 0.1]]), (10, 1)).astype(np.float32)
    assert measure(logits, np.array([0] * 7 + [1] * 3), 1.0).ece == pytest.approx(0.2, abs=1e-6)
    certain = np.array([[50.0, -50.0]], np.float32)
    assert measure(certain, np.array([0]), 1.0).ece == pytest.approx(0, abs=1e-6)


def test_calibration_error_counts_weights_and_bins() -> None:
    confidence, correct = np.array([0.9, 0.9, 0.1]), np.array([True, False, False])
    # The bin of 0.9 has a gap of |0.9 - 0.25| at weights 1 and 3, that of 0.1 a gap of 0.1.
    found = calibration_error(confidence, correct, np.array([1, 3, 4]))
    assert found == pytest.approx((4 * 0.65 + 4 * 0.1) / 8)
    # Gaps of opposite sign cancel out within a bin, not between bins.
    assert calibration_error(np.array([0.5, 0.5]), np.array([1, 0])) == pytest.approx(0)
    assert calibration_error(np.array([0.9, 0.1]), np.array([0, 1])) == pytest.approx(0.9)


def test_a_wrong_prediction_at_full_confidence_has_a_finite_loss() -> None:
    for labels in (np.array([1]), np.array([[0, 1]])):
        loss = measure(np.array([[1e4, -1e4]], np.float32), labels, 1.0).log_loss
        assert loss is not None
        assert np.isfinite(loss)


def test_log_losses_of_probabilities_are_cross_entropies() -> None:
    predicted, truth = np.array([[0.5, 0.25, 0.25]]), np.array([[0.5, 0.5, 0.0]])
    single = log_losses(predicted, truth, multi_label=False)
    np.testing.assert_allclose(single, [0.5 * np.log(2) + 0.5 * np.log(4)])
    several = log_losses(predicted, truth, multi_label=True)
    np.testing.assert_allclose(
        several, [[np.log(2), -0.5 * np.log(0.25) - 0.5 * np.log(0.75), -np.log(0.75)]]
    )


def test_a_class_that_never_occurs_has_an_f1_of_0() -> None:
    truth = indicators(np.array([0, 0, 1]), 3)
    np.testing.assert_array_equal(truth, [[1, 0, 0], [1, 0, 0], [0, 1, 0]])
    assert macro_f1(truth, truth) == pytest.approx(2 / 3)
    found = mean_f1(np.array([[1, 0], [2, 2]]), np.array([[4, 0], [4, 4]]))
    np.testing.assert_allclose(found, [0.25, 1.0])
