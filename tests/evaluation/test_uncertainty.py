"""Standard errors against their definitions, computed the slow way."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import f1_score, roc_auc_score

from sparsedistill.evaluation.metrics import calibration_error
from sparsedistill.evaluation.quality import measure
from sparsedistill.evaluation.uncertainty import metric_values, roc_auc_error, standard_error
from sparsedistill.model.predictions import probabilities

random = np.random.default_rng(0)


def drawn(count: int, classes: int, multi_label: bool = False) -> tuple[NDArray[np.float32], Any]:
    """Logits that are often right, and labels."""
    if multi_label:
        labels = (random.random((count, classes)) < 0.3).astype(np.float32)
        return (2 * labels - 1 + random.standard_normal(labels.shape)).astype(np.float32), labels
    indices = random.integers(0, classes, count)
    return (np.eye(classes)[indices] + random.standard_normal((count, classes))).astype(np.float32), indices


def jackknife(values: list[float]) -> float:
    """Standard error from the values without one text each."""
    count = len(values)
    return float(np.sqrt((count - 1) / count * ((np.array(values) - np.mean(values)) ** 2).sum()))


def without(i: int, *arrays: NDArray[Any]) -> list[Any]:
    return [np.delete(array, i, axis=0) for array in arrays]


@pytest.mark.parametrize("multi_label", [False, True])
def test_errors_are_those_of_the_jackknife(multi_label: bool) -> None:
    logits, labels = drawn(60, 4, multi_label)
    found = measure(logits, labels).errors
    assert found is not None
    rest = [measure(*without(i, logits, labels)) for i in range(60)]
    correction = np.sqrt(59 / 60)  # of n - 1 to n
    for metric in ("accuracy", "macro_f1", "log_loss", "ece"):
        expected = correction * jackknife([getattr(quality, metric) for quality in rest])
        assert getattr(found, metric) == pytest.approx(expected, rel=1e-6), metric


def test_errors_of_accuracy_and_macro_f1_are_the_deviations_of_new_samples() -> None:
    logits, labels = drawn(800, 3)
    quality = measure(logits, labels)
    assert quality.errors is not None
    assert quality.accuracy is not None
    assert quality.errors.accuracy == pytest.approx(np.sqrt(quality.accuracy * (1 - quality.accuracy) / 800))
    samples = random.integers(0, 800, (600, 800))
    chosen = logits.argmax(axis=1)
    scores = [f1_score(labels[rows], chosen[rows], average="macro") for rows in samples]
    assert quality.errors.macro_f1 == pytest.approx(np.std(scores), rel=0.15)
    confidence = probabilities(logits, "single_label").max(axis=1).astype(float)
    gaps = [calibration_error(confidence[rows], (chosen == labels)[rows]) for rows in samples]
    assert quality.errors.ece == pytest.approx(np.std(gaps), rel=0.35)  # its bins are not smooth


def test_the_error_of_a_difference_counts_texts_that_differ() -> None:
    logits, labels = drawn(300, 2)
    other = logits.copy()
    other[:7] *= -1
    ours, theirs = (metric_values(some, labels, "accuracy") for some in (logits, other))
    gains, losses = int(((ours - theirs) > 0).sum()), int(((ours - theirs) < 0).sum())
    assert gains + losses == 7
    expected = np.sqrt((7 / 300 - ((gains - losses) / 300) ** 2) / 300)  # McNemar
    assert standard_error(ours - theirs) == pytest.approx(expected)


def test_error_of_roc_auc_is_the_deviation_of_new_samples() -> None:
    positive = random.random(400) < 0.4
    scores = positive + random.standard_normal(400)
    samples = random.integers(0, 400, (600, 400))
    values = [roc_auc_score(positive[rows], scores[rows]) for rows in samples]
    assert roc_auc_error(scores, positive) == pytest.approx(np.std(values), rel=0.15)


def test_one_text_has_no_error() -> None:
    quality = measure(np.array([[1, 0]], np.float32), np.array([0]))
    assert quality.errors is not None
    assert (quality.errors.accuracy, quality.errors.macro_f1, quality.errors.ece) == (0, 0, 0)
