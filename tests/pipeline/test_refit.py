"""Training again on all labelled texts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sparsedistill import DistillationConfig, Student, distill
from sparsedistill.model.weights import StudentWeights
from sparsedistill.pipeline.config import StudentConfig
from sparsedistill.training.config import TrainingConfig
from sparsedistill.vocabulary.config import CountingConfig

# Each text has a word of its own, which only a student that has seen the text knows.
TEXTS = [
    f"{'good fine' if i % 2 else 'bad poor'} word{'abcdefghij'[i // 10]}{'klmnopqrst'[i % 10]}"
    for i in range(100)
]
LABELS = ["positive" if i % 2 else "negative" for i in range(100)]


CONFIG = DistillationConfig(
    tune=False,
    compact=False,
    threads=1,
    counting=CountingConfig(min_count=1),
    student=StudentConfig(dim=8, hidden=8),
    training=TrainingConfig(steps=20, batch_size=32, evaluations=4),
)


def known(student: Student) -> int:
    """How many of the texts have a word of their own that the student knows."""
    ngrams = set(student.vocabulary.ngrams or ())
    return sum(text.split()[-1] in ngrams for text in TEXTS)


def test_the_validation_texts_are_trained_on_in_the_end(tmp_path: Path) -> None:
    assert known(distill(labelled=(TEXTS, LABELS), output=tmp_path, config=CONFIG)) == 100


def test_without_refit_the_validation_texts_are_left_out(tmp_path: Path) -> None:
    config = replace(CONFIG, refit=False)
    assert known(distill(labelled=(TEXTS, LABELS), output=tmp_path, config=config)) == 90


def test_the_calibration_is_that_of_the_validation_data(tmp_path: Path) -> None:
    first = distill(
        labelled=(TEXTS, LABELS), output=tmp_path / "part", config=replace(CONFIG, refit=False)
    ).evaluation.calibration
    again = distill(labelled=(TEXTS, LABELS), output=tmp_path / "all", config=CONFIG).evaluation.calibration
    assert first is not None
    assert first == again


def test_given_validation_data_are_not_trained_on(tmp_path: Path) -> None:
    train, validation = (TEXTS[:80], LABELS[:80]), (TEXTS[80:], LABELS[80:])
    assert known(distill(labelled=train, validation=validation, output=tmp_path, config=CONFIG)) == 80


def test_each_network_of_a_student_is_trained_again(tmp_path: Path) -> None:
    config = replace(CONFIG, student=replace(CONFIG.student, members=3, linear=False))
    student = distill(labelled=(TEXTS, LABELS), output=tmp_path / "three", config=config)
    assert known(student) == 100
    assert isinstance(student.weights, StudentWeights)
    assert student.weights.dim == 3 * CONFIG.student.dim
    tables = np.split(student.weights.table, 3, axis=1)
    assert not np.allclose(tables[0], tables[1])


def test_a_killed_training_of_several_networks_resumes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = replace(CONFIG, student=replace(CONFIG.student, members=2), compact=True)
    whole = distill(labelled=(TEXTS, LABELS), output=tmp_path / "whole", config=config)

    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as context:
        context.setattr("sparsedistill.pipeline.distill.save_students", stopped)
        with pytest.raises(KeyboardInterrupt):
            distill(labelled=(TEXTS, LABELS), output=tmp_path / "part", config=config)
    folders = {path.name for path in (tmp_path / "part" / "checkpoints").rglob("member-2")}
    assert folders == {"member-2"}
    again = distill(labelled=(TEXTS, LABELS), output=tmp_path / "part", config=config)
    assert again.weights.arrays().keys() == whole.weights.arrays().keys()
    for name, array in whole.weights.arrays().items():
        np.testing.assert_array_equal(again.weights.arrays()[name], array)
