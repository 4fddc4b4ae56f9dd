"""The stages before a student: what an encoder is fine-tuned on."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sparsedistill import Columns
from sparsedistill.pipeline import Job, prepare
from sparsedistill.pipeline.config import DistillationConfig
from sparsedistill.pipeline.split_column import with_split_column


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


def versions(labels: str = "ab", kinds: int = 300, name: str = "sentence_id") -> list[dict[str, Any]]:
    """Sentences in two versions: what a column of ids can say of texts."""
    return [
        {"text": f"sentence {i} {side}", "label": labels[i % len(labels)], name: i % kinds, "n": i}
        for i in range(300)
        for side in ("left", "right")
    ]


def written(rows: list[dict[str, Any]], file: Path) -> Path:
    """A file of rows, in the format of its name."""
    if file.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), file)
    elif file.suffix == ".jsonl":
        file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    elif file.suffix == ".json":
        file.write_text(json.dumps(rows))
    else:
        lines = [rows[0], *(row.values() for row in rows)]
        file.write_text("".join("\t".join(map(str, line)) + "\n" for line in lines))
    return file


def together(job: Job) -> bool:
    """Whether the versions of a sentence are on the same side of the split."""
    material = prepare.prepare(job).material
    assert material.train is not None
    assert material.validation is not None
    sides = [
        {text.split()[1] for text in part.texts.to_pylist()} for part in (material.train, material.validation)
    ]
    return not sides[0] & sides[1]


@pytest.mark.parametrize("name", ["train.tsv", "train.jsonl", "train.json", "train.parquet"])
def test_versions_of_a_text_are_found_by_their_ids(name: str, tmp_path: Path) -> None:
    data = written(versions(), tmp_path / name)
    job = Job(labelled=data, output=tmp_path / "out", config=DistillationConfig(tune=False))
    assert together(job)
    divided = replace(job, columns=Columns(split_by="text"), output=tmp_path / "divided")
    assert not together(divided)


@pytest.mark.parametrize(
    "rows",
    [
        pytest.param(versions(kinds=299, labels="aaaaaaaaaaaaaaaaaaaaab"), id="most texts have one label"),
        pytest.param(versions(kinds=15, labels="abc"), id="ids of finer classes"),
        pytest.param(versions(kinds=50, labels="aab"), id="texts of an id have different labels"),
        pytest.param(versions(name="topic_id"), id="ids of kinds of texts"),
        pytest.param(versions(name="side"), id="another name"),
    ],
)
def test_other_columns_do_not_keep_texts_together(rows: list[dict[str, Any]], tmp_path: Path) -> None:
    data = written(rows, tmp_path / "train.jsonl")
    assert not together(Job(labelled=data, output=tmp_path / "out", config=DistillationConfig(tune=False)))


def test_topics_are_validated_on_other_sentences(shared_data: Path, tmp_path: Path) -> None:
    """SIB-200 has the same sentences in 38 languages."""
    data = shared_data / "sib200" / "train.tsv.gz"
    job = Job(labelled=data, output=tmp_path / "out", config=DistillationConfig(tune=False))
    assert with_split_column(job).columns.split_by == "sentence_id"


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
