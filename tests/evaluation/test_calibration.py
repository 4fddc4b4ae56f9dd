"""Calibration: confidence comes to match accuracy, no label changes, and test data is not used."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from support.sentences import error

from sparsedistill import DistillationConfig, Student, StudentConfig, TrainingConfig, Vocabulary, distill
from sparsedistill._internal.records import as_builtins
from sparsedistill.compression.difference import Floor
from sparsedistill.data.examples import Examples
from sparsedistill.evaluation.calibration import calibrate, fit_temperature
from sparsedistill.model.card import model_card
from sparsedistill.model.record import Calibration, Quality
from sparsedistill.model.weights import StudentWeights
from sparsedistill.problem import problem_of

WORDS = [f"w{i}" for i in range(400)]
SMALL = DistillationConfig(
    student=StudentConfig(dim=16, hidden=8),
    training=TrainingConfig(passes=10, least_steps=1, batch_size=32),
    threads=1,
    tune=False,
)


def make(factor: float = 1.0, *, classes: int = 3, multi_label: bool = False) -> Student:
    """A student whose logits are `factor` times those of a calibrated one."""
    random = np.random.default_rng(0)
    vocabulary = Vocabulary.from_ngrams(WORDS)
    weights = StudentWeights(
        random.standard_normal((len(WORDS), 8), dtype=np.float32),
        random.standard_normal((8, 8), dtype=np.float32),
        np.zeros(8, np.float32),
        factor * random.standard_normal((classes, 8), dtype=np.float32),
        np.zeros(classes, np.float32),
    )
    return Student(vocabulary, weights, tuple("abcdefgh"[:classes]), problem_of((), multi_label=multi_label))


def drawn(student: Student, count: int = 20_000) -> tuple[list[str], NDArray[np.int64] | NDArray[np.float32]]:
    """Texts, with labels sampled from the probabilities of `student`."""
    random = np.random.default_rng(1)
    texts = random.choice(WORDS, count).tolist()
    shares = student.predict_proba(texts)
    if student.multi_label:
        return texts, (random.random(shares.shape) < shares).astype(np.float32)
    return texts, (random.random((count, 1)) > shares.cumsum(axis=1)).sum(axis=1).clip(0, shares.shape[1] - 1)


def measured(student: Student) -> Calibration:
    assert student.evaluation.calibration is not None
    return student.evaluation.calibration


@pytest.mark.parametrize("multi_label", [False, True])
@pytest.mark.parametrize("factor", [0.3, 1.0, 4.0])
def test_confidence_that_is_too_high_or_too_low_is_corrected(factor: float, multi_label: bool) -> None:
    texts, labels = drawn(make(multi_label=multi_label))
    student = make(factor, multi_label=multi_label)
    cooled = calibrate(student, Examples(texts, labels=labels))
    found = measured(cooled)
    assert found.temperature == pytest.approx(factor, rel=0.05)
    assert (found.texts, found.targets) == (20_000, "labels")
    assert found.ece_after < 0.02
    assert found.log_loss_after <= found.log_loss_before
    np.testing.assert_allclose(
        cooled.score(texts).logits * found.temperature, student.score(texts).logits, atol=1e-4
    )
    assert (cooled.predict(texts) == student.predict(texts)).all()
    if factor != 1:
        assert found.ece_before > 2 * found.ece_after


@pytest.mark.parametrize("multi_label", [False, True])
def test_soft_targets_calibrate_like_labels(multi_label: bool) -> None:
    teacher = make(multi_label=multi_label)
    texts = WORDS * 3
    student = calibrate(
        make(3.0, multi_label=multi_label), Examples(texts, logits=teacher.score(texts).logits)
    )
    found = measured(student)
    assert found.targets == "soft targets"
    assert found.temperature == pytest.approx(3, rel=0.01)
    assert found.ece_after < 0.002 < found.ece_before


def test_examples_count_by_their_weights() -> None:
    student, texts = make(), WORDS[:300]
    good, wrong = student.score(texts).logits.argmax(axis=1), student.score(texts).logits.argmin(axis=1)
    weights = np.repeat(np.array([1, 0], np.float32), 300)
    weighted = calibrate(student, Examples(texts * 2, labels=np.concatenate([good, wrong]), weights=weights))
    other = calibrate(student, Examples(texts * 2, labels=np.concatenate([good, wrong]), weights=1 - weights))
    assert measured(weighted).temperature < 1
    assert measured(other).temperature > 1


def test_a_few_correct_predictions_do_not_give_full_confidence() -> None:
    logits = np.tile(np.array([[2, -2]], np.float32), (20, 1))
    right = np.tile([1.0, 0.0], (20, 1))
    temperature = fit_temperature(logits, right, np.ones(20, np.float32), multi_label=False)
    assert 1 / (1 + np.exp(-4 / temperature)) == pytest.approx(21 / 22, abs=1e-6)


def test_many_classes_keep_their_confidence() -> None:
    """Smoothing must not grow with the number of classes."""
    random = np.random.default_rng(0)
    logits = random.normal(0, 2.5, (1_000, 77)).astype(np.float32)
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = np.array([random.choice(77, p=row / row.sum()) for row in shares.astype(np.float64)])
    temperature = fit_temperature(logits, np.eye(77)[labels], np.ones(1_000, np.float32), multi_label=False)
    assert temperature == pytest.approx(1, abs=0.05)


def test_uniform_predictions_keep_temperature_1() -> None:
    flat = np.zeros((10, 2), np.float32)
    assert fit_temperature(flat, np.eye(2)[[0, 1] * 5], np.ones(10, np.float32), multi_label=False) == 1


@pytest.mark.slow
def test_distillation_calibrates_the_student_by_default(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    texts = [" ".join(random.choice(WORDS[:50], 8)) for _ in range(600)]
    labels = [("good" if ("w1 " in text + " ") != (random.random() < 0.2) else "bad") for text in texts]
    job = (texts[:500], labels[:500])

    def run(name: str, *, calibrate: bool = True, **options: object) -> Student:
        config = replace(SMALL, calibrate=calibrate)
        return distill(labelled=job, output=tmp_path / name, config=config, **options)  # type: ignore[arg-type]

    plain, calibrated = run("plain", calibrate=False), run("calibrated")
    tested = run("tested", test=(texts[500:], labels[500:]))
    found = measured(calibrated)
    assert plain.evaluation.calibration is None
    assert found.texts == 50
    assert found.log_loss_after < found.log_loss_before
    weights = [student.weights.output_weight for student in (plain, calibrated, tested)]
    np.testing.assert_allclose(weights[1], weights[0] / np.float32(found.temperature), rtol=1e-6)
    np.testing.assert_array_equal(weights[1], weights[2])  # test data does not change it
    assert json.loads((tmp_path / "tested" / "evaluation.json").read_text()) == as_builtins(tested.evaluation)
    card = (tmp_path / "calibrated" / "student" / "README.md").read_text()
    assert "## Calibration" in card
    assert "| ece |" in card


def test_without_labels_held_out_soft_targets_are_used(tmp_path: Path) -> None:
    texts = [f"a {word} thing {i}" for i in range(200) for word in ("good", "bad")]

    def teacher(batch: list[str]) -> NDArray[np.float64]:
        return np.array([[1.0, -1.0] if "good" in text else [-1.0, 1.0] for text in batch])

    student = distill(
        teacher, unlabelled=texts, classes=["good", "bad"], output=tmp_path / "out", config=SMALL
    )
    found = measured(student)
    assert (found.texts, found.targets) == (40, "soft targets")


def test_input_that_cannot_be_used_is_rejected() -> None:
    student = make()
    texts, labels = drawn(student, 100)
    compact = student.compress(WORDS, dims=8, floor=Floor(0, 1))
    assert "compress that again" in error(lambda: calibrate(compact, Examples(texts, labels=labels)))
    nothing = Examples(texts, labels=labels, weights=np.zeros(100))
    assert "weight 0" in error(lambda: calibrate(student, nothing))


def test_the_model_card_has_calibration_and_evaluation() -> None:
    texts, labels = drawn(make(), 500)
    student = calibrate(make(2.0), Examples(texts, labels=labels))
    student.evaluation = replace(student.evaluation, student=Quality(0.5, 0.4, 0.3, 0.2))
    card = model_card(student.config(), "name")
    assert "| student | 50.0 | 40.0 | 0.300 | 20.0 |" in card
    assert card.count("## ") == 2
