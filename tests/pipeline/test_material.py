"""Training, validation and test data from labelled texts."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from sparsedistill.data import Columns, Labelled, identities
from sparsedistill.pipeline import Material, gather
from sparsedistill.pipeline.validation import FOLDS, validation_folds


def labelled(counts: list[int]) -> Labelled:
    """Texts of classes with these numbers of texts."""
    labels = np.repeat(np.arange(len(counts)), counts)
    texts = pa.array([f"text {i}" for i in range(len(labels))], pa.large_string())
    return Labelled(texts, labels, tuple(f"c{i}" for i in range(len(counts))))


def gathered(train: Labelled, validation: Labelled | None = None) -> Material:
    return gather(
        train, validation, None, classes=None, columns=Columns(label="label"), validation_share=0.1, seed=0
    )


def test_few_labels_are_split(caplog: pytest.LogCaptureFixture) -> None:
    found = gathered(labelled([5] * 77))
    assert found.train is not None
    assert found.validation is not None
    assert (found.train.counts() == 4).all()
    assert (found.validation.counts() == 1).all()
    assert not caplog.records


def test_editions_are_on_one_side() -> None:
    train = labelled([40, 40])
    texts = pa.concat_arrays([train.texts, pa.array([f"TEXT {i}!" for i in range(80)], pa.large_string())])
    found = gathered(Labelled(texts, np.tile(np.repeat([0, 1], 40), 2), train.classes))
    assert found.train is not None
    assert found.validation is not None
    assert found.left_out == 0
    assert len(found.train) + len(found.validation) == 160
    words = [set(identities(part.texts, None).to_pylist()) for part in (found.train, found.validation)]
    assert not words[0] & words[1]


def test_classes_without_validation_texts_are_named(caplog: pytest.LogCaptureFixture) -> None:
    gathered(labelled([20, 1, 20, 1]))
    assert "2 of 4 classes have no validation texts (c1, c3): " in caplog.text
    caplog.clear()
    gathered(labelled([20] * 13), labelled([0] * 12 + [2]))
    names = "c0, c1, c2, c3, c4, c5, c6, c7, c8, c9 and 2 more"
    assert f"12 of 13 classes have no validation texts ({names}): " in caplog.text


def test_folds_are_for_few_texts() -> None:
    assert validation_folds(labelled([1000, 1000]), 0.1) == 1
    assert validation_folds(labelled([5] * 77), 0.1) == FOLDS
    few = labelled([2, 1, 1])
    assert validation_folds(few, 0.1) == 2
    assert len(few.folds(2, 0)) == 2
