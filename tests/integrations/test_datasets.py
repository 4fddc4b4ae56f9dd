"""Students in ``datasets.Dataset.map`` and ``filter``, without any adapter."""

from __future__ import annotations

from pathlib import Path

import datasets
import pytest
from support.students import good_or_bad

from sparsedistill import Student

TEXTS = ["good words", "bad words", "other words", "good"] * 50


@pytest.mark.parametrize("processes", [None, 2])
def test_batches_of_a_data_set(tmp_path: Path, processes: int | None) -> None:
    good_or_bad().save_pretrained(tmp_path / "student")
    student = Student.from_pretrained(tmp_path / "student")
    data = datasets.Dataset.from_dict({"text": TEXTS})
    labelled = data.map(
        lambda batch: {"label": student.predict(batch["text"])},
        batched=True,
        batch_size=30,
        num_proc=processes,
        load_from_cache_file=False,
    )
    assert list(labelled["label"]) == student.predict(TEXTS).tolist()
    kept = labelled.filter(lambda batch: student.predict_proba(batch["text"])[:, 0] >= 0.9, batched=True)
    assert set(kept["text"]) == {"good words", "good"}
