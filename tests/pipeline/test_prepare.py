"""The stages before a student: what an encoder is fine-tuned on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sparsedistill import Columns
from sparsedistill.pipeline import Job, prepare
from sparsedistill.pipeline.config import DistillationConfig


def test_validation_texts_are_of_other_documents(tmp_path: Path) -> None:
    rows = [
        f"sentence {i} {side}\t{'ab'[i % 2]}\tdocument {i}\n"
        for i in range(300)
        for side in ("left", "right")
    ]
    data = tmp_path / "train.tsv"
    data.write_text("text\tlabel\tdocument\n" + "".join(rows))
    config = DistillationConfig(tune=False)
    job = Job(
        labelled=data,
        unlabelled=data,
        columns=Columns(label="label", split_by="document"),
        output=tmp_path / "out",
        config=config,
    )
    material = prepare.prepare(job).material
    assert material.train is not None
    assert material.validation is not None
    numbers = [
        {text.split()[1] for text in part.texts.to_pylist()} for part in (material.train, material.validation)
    ]
    assert len(numbers[1]) == 30
    assert not numbers[0] & numbers[1]


class StopError(Exception):
    """Ends a job."""


@pytest.mark.parametrize("given", [True, False])
def test_encoder_is_fine_tuned_on_training_and_validation_texts_only(
    given: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Test texts are not used at all, even if they occur in the other data."""
    calls: list[dict[str, Any]] = []

    def recorded(encoder: str, texts: list[str], *args: Any, **kwargs: Any) -> Path:
        calls.append({"texts": texts, **kwargs})
        raise StopError

    monkeypatch.setattr("sparsedistill.pipeline.prepare.finetune", recorded)
    train = [f"text {i}" for i in range(40)]
    labels = [i % 2 for i in range(40)]
    job = Job(
        encoder="some/encoder",
        labelled=(train, labels),
        validation=(["other a", "other b", "text 0"], [0, 1, 0]) if given else None,
        test=(["Text 1!", "text 0"], [1, 0]),
        output=tmp_path / "out",
        config=DistillationConfig(seed=3),
    )
    with pytest.raises(StopError):
        prepare.prepare(job)
    (call,) = calls
    held_out = call["validation"].texts
    assert not {"text 0", "text 1", "Text 1!"} & {*call["texts"], *held_out}
    assert call["config"].seed == 3
    if given:
        assert held_out == ["other a", "other b"]
        assert call["texts"] == train[2:]
    else:
        assert sorted([*call["texts"], *held_out]) == sorted(train[2:])
    assert call["validation"].labels.dtype == np.int64
