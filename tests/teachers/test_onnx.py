"""ONNX files as teachers: they score as the models that they were exported from."""

from __future__ import annotations

import json
import shutil
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.sentences import error
from teachers.test_teacher import TEXTS, save_classifier

from sparsedistill.teachers.onnx import OnnxTeacher
from sparsedistill.teachers.registry import as_teacher
from sparsedistill.teachers.transformers import TransformersTeacher

INPUTS = ("input_ids", "attention_mask", "token_type_ids")


def export(model: Path, folder: Path, *, dynamic: bool = True, inputs: tuple[str, ...] = INPUTS) -> Path:
    """Export a classifier like optimum: model.onnx next to tokenizer and config, without the weights."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    network = AutoModelForSequenceClassification.from_pretrained(model, attn_implementation="eager").eval()
    examples = AutoTokenizer.from_pretrained(model)(
        ["a film", "a fine film"], padding=True, return_tensors="pt"
    )

    class Logits(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, *given: torch.Tensor) -> Any:
            return self.network(**dict(zip(inputs, given, strict=True))).logits

    folder.mkdir(parents=True, exist_ok=True)
    axes = {name: {0: "batch", 1: "length"} for name in inputs} if dynamic else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            Logits(),
            tuple(examples[name] for name in inputs),
            str(folder / "model.onnx"),
            input_names=list(inputs),
            output_names=["logits"],
            dynamic_axes=axes,
            dynamo=False,
        )
    for path in model.glob("*.json"):
        shutil.copy(path, folder)
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_classifier(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def exported(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export(model, tmp_path_factory.mktemp("exported"))


def test_scores_are_those_of_the_model(model: Path, exported: Path) -> None:
    expected = TransformersTeacher(model, half_precision=False)
    for given in (str(exported), exported / "model.onnx"):
        teacher = as_teacher(given)
        assert isinstance(teacher, OnnxTeacher)
        assert teacher.classes == ("bad", "so-so", "good")
        assert not teacher.multi_label
        np.testing.assert_allclose(teacher.score(TEXTS), expected.score(TEXTS), atol=1e-4)
        pair = TEXTS[::-1]
        np.testing.assert_allclose(teacher.score(TEXTS, pair), expected.score(TEXTS, pair), atol=1e-4)
        assert teacher.score([]).shape == (0, 3)


def test_scores_do_not_depend_on_the_batches(exported: Path) -> None:
    scores = OnnxTeacher(exported).score(TEXTS)
    np.testing.assert_allclose(OnnxTeacher(exported, batch_tokens=1).score(TEXTS), scores, atol=1e-5)
    assert np.abs(OnnxTeacher(exported, max_length=4).score(TEXTS) - scores).max() > 1e-3
    assert "must be 1 to 512" in error(lambda: OnnxTeacher(exported, max_length=513))


def test_the_layout_of_the_hub(exported: Path, tmp_path: Path) -> None:
    (tmp_path / "onnx").mkdir()
    for path in exported.iterdir():
        shutil.copy(path, tmp_path / "onnx" if path.suffix == ".onnx" else tmp_path)
    teacher = as_teacher(tmp_path)
    assert isinstance(teacher, OnnxTeacher)
    np.testing.assert_array_equal(teacher.score(TEXTS), OnnxTeacher(exported).score(TEXTS))


def test_weights_of_pytorch_come_first(model: Path, exported: Path, tmp_path: Path) -> None:
    shutil.copytree(model, tmp_path / "both")
    shutil.copy(exported / "model.onnx", tmp_path / "both")
    assert isinstance(as_teacher(tmp_path / "both"), TransformersTeacher)
    assert isinstance(as_teacher(tmp_path / "both" / "model.onnx"), OnnxTeacher)


def test_several_labels_and_numbers(exported: Path, tmp_path: Path) -> None:
    assert as_teacher(exported, multi_label=True).multi_label
    config = json.loads((exported / "config.json").read_text())
    several = shutil.copytree(exported, tmp_path / "several")
    (several / "config.json").write_text(json.dumps(config | {"problem_type": "multi_label_classification"}))
    assert as_teacher(several).multi_label
    one = export(save_classifier(tmp_path / "one", num_labels=1), tmp_path / "number")
    teacher = as_teacher(one)
    assert (teacher.classes, teacher.multi_label) == (("score",), False)
    expected = TransformersTeacher(tmp_path / "one", half_precision=False).score(TEXTS)
    np.testing.assert_allclose(teacher.score(TEXTS), expected, atol=1e-4)
    assert "a number: leave out multi-label" in error(lambda: as_teacher(one, multi_label=True))


def test_the_fingerprint_depends_on_the_files(exported: Path, tmp_path: Path) -> None:
    copied = shutil.copytree(exported, tmp_path / "copied")
    first = OnnxTeacher(exported).fingerprint()
    assert OnnxTeacher(copied).fingerprint() == first
    assert OnnxTeacher(copied, max_length=8).fingerprint() != first
    (copied / "model.onnx.data").write_bytes(b"weights next to the graph")
    assert OnnxTeacher(copied).fingerprint() != first


def test_missing_packages_are_named(exported: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert "pip install 'sparsedistill[onnx]'" in error(lambda: as_teacher(exported))


def test_models_that_cannot_be_used(model: Path, exported: Path, tmp_path: Path) -> None:
    assert "model.onnx does not exist" in error(lambda: as_teacher(tmp_path / "model.onnx"))
    alone = tmp_path / "a" / "alone" / "model.onnx"
    alone.parent.mkdir(parents=True)
    shutil.copy(exported / "model.onnx", alone)
    assert "has no config.json beside it" in error(lambda: as_teacher(alone))
    shutil.copy(exported / "config.json", alone.parent)
    assert "has no tokenizer" in error(lambda: as_teacher(alone))
    (alone.parent / "tokenizer.json").write_text("{}")
    assert "The tokenizer or config.json in" in error(lambda: as_teacher(alone))
    alone.write_bytes(alone.read_bytes()[:1000])
    assert "not a model that ONNX Runtime can load" in error(lambda: as_teacher(alone))
    fixed = export(model, tmp_path / "fixed", dynamic=False)
    assert "batches of the fixed size [2, 5]" in error(lambda: as_teacher(fixed))
    fewer = shutil.copytree(exported, tmp_path / "fewer")
    config = json.loads((fewer / "config.json").read_text())
    config["id2label"] = {"0": "no", "1": "yes"}
    config.pop("label2id")
    (fewer / "config.json").write_text(json.dumps(config))
    assert "returned scores of shape (1, 3)" in error(lambda: as_teacher(fewer).score(["a"]))
