"""The labelled texts of several questions: their union, and what is held out."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from support.sentences import error

from sparsedistill.data.identity import identities
from sparsedistill.data.labelled import Labelled
from sparsedistill.labeling.joint_examples import CERTAIN
from sparsedistill.pipeline.prepare import GivenLabels
from sparsedistill.pipeline.questions.material import JointMaterial, gather_questions


def numbers(texts: list[str]) -> Labelled:
    labels = np.arange(len(texts)).astype(np.float32)
    return Labelled(pa.array(texts, pa.large_string()), labels, ("score",))


def classes(texts: list[str]) -> Labelled:
    labels = (np.arange(len(texts)) % 2).astype(np.int64)
    return Labelled(pa.array(texts, pa.large_string()), labels, ("no", "yes"))


def given(
    train: Labelled | None, validation: Labelled | None = None, test: Labelled | None = None
) -> GivenLabels:
    known = train or validation or test
    assert known is not None
    return GivenLabels(train, validation, test, known.classes, known.problem)


def gathered(**questions: GivenLabels) -> JointMaterial:
    return gather_questions(questions, pair=False, validation_share=0.2, seed=0)


TEXTS = [f"text number {i}" for i in range(100)]


def test_no_text_is_held_out_for_one_and_trained_on_for_another() -> None:
    found = gathered(a=given(classes(TEXTS[:70])), b=given(numbers(TEXTS[30:])), c=given(classes(TEXTS[:50])))
    held = set(found.held_out.to_pylist())
    for one in found.materials.values():
        assert one.train is not None
        assert one.validation is not None
        assert not held & set(identities(one.train.texts, None).to_pylist())
        assert held >= set(identities(one.validation.texts, None).to_pylist())
        assert 0.1 < len(one.validation) / (len(one.validation) + len(one.train)) < 0.3
    assert found.train is not None
    assert found.validation is not None
    assert sorted(found.train.texts.to_pylist() + found.validation.texts.to_pylist()) == sorted(TEXTS)


def test_a_text_has_the_labels_of_all_questions() -> None:
    found = gathered(a=given(classes(TEXTS[:70])), b=given(numbers(TEXTS[30:])))
    assert found.train is not None
    for text, logits, weights in zip(
        found.train.texts.to_pylist(), found.train.targets.logits, found.train.targets.weights, strict=True
    ):
        number = TEXTS.index(text)
        assert weights.tolist() == [float(number < 70), float(number >= 30)]
        wanted = [-CERTAIN, CERTAIN] if number % 2 else [CERTAIN, -CERTAIN]
        assert logits[:2].tolist() == (wanted if number < 70 else [0, 0])
        assert logits[2] == (number - 30 if number >= 30 else 0)


def test_test_texts_of_one_question_are_trained_on_for_none() -> None:
    test = classes(["Text NUMBER 5!", *TEXTS[90:]])
    found = gathered(a=given(classes(TEXTS[:80]), test=test), b=given(numbers(TEXTS)))
    for one in found.materials.values():
        assert one.train is not None
        assert "text number 5" not in one.train.texts.to_pylist()
        assert "text number 95" not in one.train.texts.to_pylist()
    assert found.left_out == 1 + 11


def test_given_validation_texts_are_used() -> None:
    found = gathered(a=given(classes(TEXTS[:50]), classes(TEXTS[50:60])), b=given(numbers(TEXTS[50:])))
    a, b = found.materials["a"], found.materials["b"]
    assert a.validation is not None
    assert a.validation.texts.to_pylist() == TEXTS[50:60]
    assert b.train is not None
    assert not set(TEXTS[50:60]) & set(b.train.texts.to_pylist())


@pytest.mark.parametrize(
    ("questions", "message"),
    [
        ({"a": given(classes(["one", "two"]))}, "too few"),
        ({"a": given(classes(TEXTS), test=classes(TEXTS))}, "All labelled texts of a are also in"),
        ({"a": GivenLabels(None, None, None, None, "single_label")}, "The classes of a are not known"),
    ],
)
def test_questions_without_usable_labels(questions: dict[str, GivenLabels], message: str) -> None:
    assert message in error(lambda: gathered(**questions))
