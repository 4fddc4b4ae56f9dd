"""A linear model joins a student where it helps on the validation data."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sparsedistill import Columns, DistillationConfig, Student, TokenizerConfig, distill, read_labelled
from sparsedistill.data.examples import Examples
from sparsedistill.data.labelled import Labelled
from sparsedistill.pipeline.blend import Blend
from sparsedistill.pipeline.config import StudentConfig
from sparsedistill.training.config import TrainingConfig
from sparsedistill.vocabulary.config import CountingConfig

CONFIG = DistillationConfig(
    tune=False,
    baselines=False,
    threads=1,
    tokenizer=TokenizerConfig(2),
    counting=CountingConfig(min_count=1),
    student=StudentConfig(dim=16, hidden=16),
    training=TrainingConfig(steps=80, batch_size=64, evaluations=2, table_learning_rate=0.3),
)


@pytest.fixture(scope="module")
def questions(shared_data: Path) -> Labelled:
    data = read_labelled(shared_data / "trec" / "train.tsv.gz", Columns(label="label"))
    return data.select(np.random.default_rng(0).permutation(len(data))[:3000])


def test_a_linear_model_helps_with_few_labels(questions: Labelled, tmp_path: Path) -> None:
    train, test = questions.select(np.arange(2000)), questions.select(np.arange(2000, 3000))
    with_it = distill(labelled=train, test=test, output=tmp_path / "with", config=CONFIG).evaluation
    config = replace(CONFIG, compact=False, student=replace(CONFIG.student, linear=False))
    without = distill(labelled=train, test=test, output=tmp_path / "without", config=config).evaluation
    assert without.linear is None
    assert with_it.linear is not None
    assert with_it.linear.loss_after < with_it.linear.loss_before
    assert with_it.student is not None
    assert with_it.compact is not None
    assert without.student is not None
    assert with_it.student.log_loss is not None
    assert without.student.log_loss is not None
    assert with_it.student.log_loss < without.student.log_loss - 0.02
    assert with_it.compact.accuracy == pytest.approx(with_it.student.accuracy, abs=0.005)
    assert "## Linear part" in (tmp_path / "with" / "student" / "README.md").read_text()
    assert Student.from_pretrained(tmp_path / "with" / "compact").evaluation.linear == with_it.linear


def test_numbers_get_a_ridge_regression(shared_data: Path, tmp_path: Path) -> None:
    columns = Columns(label="label", problem="regression")
    data = read_labelled(shared_data / "clear" / "train.tsv.gz", columns)
    config = replace(CONFIG, compact=False, training=replace(CONFIG.training, steps=20))
    student = distill(labelled=data.select(np.arange(600)), output=tmp_path, config=config)
    assert student.evaluation.linear is not None
    assert student.evaluation.linear.linear > 0


def test_shares_are_those_of_the_better_model() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 400)
    right = np.eye(2)[labels] * 2 + rng.normal(size=(400, 2))
    noise = rng.normal(size=(400, 2))
    held, weights = Examples(["x"] * 400, labels=labels), np.ones(400, np.float32)
    helped = Blend.of(noise.astype(np.float32), right.astype(np.float32), held, weights, "single_label")
    assert helped.linear > 5 * helped.network
    assert helped.gain > 5 * helped.gain_error
    useless = Blend.of(right.astype(np.float32), noise.astype(np.float32), held, weights, "single_label")
    assert useless.gain <= 2 * useless.gain_error
