"""The stage inside NeMo Curator: real documents, and its own pipeline on Ray."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from support.rows import reviews
from support.sentences import error
from support.students import good_or_bad, rating, three_questions

from sparsedistill import Student

pytest.importorskip("nemo_curator")

from nemo_curator.tasks import DocumentBatch

from sparsedistill.integrations.curator import SparseDistillStage

pytestmark = pytest.mark.slow


def test_answers_of_real_text_are_those_of_the_student(shared_data: Path, tmp_path: Path) -> None:
    texts = reviews(shared_data, 200)
    good_or_bad().save_pretrained(tmp_path / "student")
    student = Student.from_pretrained(tmp_path / "student")
    stage = SparseDistillStage(tmp_path / "student", score_field="share", threads=2)
    assert stage.resources.cpus == 2
    assert stage.inputs() == (["data"], ["text"])
    assert stage.outputs() == (["data"], ["text", "preds", "share"])
    stage = pickle.loads(pickle.dumps(stage))
    stage.setup()
    for data in (
        pa.table({"id": range(200), "text": texts}),
        pd.DataFrame({"id": range(200), "text": texts}),
    ):
        batch = stage.process(DocumentBatch(dataset_name="reviews", data=data))
        found = batch.to_pyarrow()
        assert found.column("preds").to_pylist() == student.predict(texts).tolist()
        np.testing.assert_array_equal(found.column("share"), student.predict_proba(texts).max(axis=1))


def test_documents_are_kept_by_label_and_texts_are_cut() -> None:
    data = pa.table({"text": ["good", "bad", None, "a very good end"], "preds": ["x"] * 4})
    stage = SparseDistillStage(good_or_bad(), filter_by=["bad"])
    kept = stage.process(DocumentBatch(dataset_name="d", data=data)).to_pyarrow()
    assert kept.column("text").to_pylist() == ["bad"]
    cut = SparseDistillStage(good_or_bad(), score_field="share", max_chars=4)
    shares = cut.process(DocumentBatch(dataset_name="d", data=data)).to_pyarrow().column("share").to_pylist()
    assert shares[2] == shares[3] == 0.5


def test_numbers_and_errors() -> None:
    batch = DocumentBatch(dataset_name="d", data=pa.table({"text": ["good", "bad"]}))
    numbers = SparseDistillStage(rating(["good", "bad"]), label_field="edu").process(batch).to_pyarrow()
    assert numbers.column("edu").type == pa.float32()
    assert "gives no single class" in error(
        lambda: SparseDistillStage(rating(["good"]), filter_by=["3"]).process(batch)
    )
    assert "several questions (edu, toxicity, topic)" in error(
        lambda: SparseDistillStage(three_questions()).process(batch)
    )


def test_a_pipeline_on_ray(shared_data: Path, tmp_path: Path) -> None:
    pytest.importorskip("ray")
    from nemo_curator.backends.ray_data import RayDataExecutor
    from nemo_curator.pipeline import Pipeline
    from nemo_curator.stages.text.io.reader import JsonlReader
    from nemo_curator.stages.text.io.writer import JsonlWriter

    texts = reviews(shared_data, 60)
    good_or_bad().save_pretrained(tmp_path / "student")
    (tmp_path / "in").mkdir()
    content = "".join(json.dumps({"text": text}) + "\n" for text in texts)
    (tmp_path / "in" / "reviews.jsonl").write_text(content)
    pipeline = Pipeline(
        name="reviews",
        stages=[
            JsonlReader(str(tmp_path / "in")),
            SparseDistillStage(str(tmp_path / "student"), filter_by=["good"]),
            JsonlWriter(str(tmp_path / "out")),
        ],
    )
    pipeline.run(RayDataExecutor())
    written = [
        json.loads(line)["text"]
        for path in (tmp_path / "out").glob("*.jsonl")
        for line in path.read_text().splitlines()
    ]
    student = Student.from_pretrained(tmp_path / "student")
    expected = [text for text, label in zip(texts, student.predict(texts), strict=True) if label == "good"]
    assert sorted(written) == sorted(expected)
