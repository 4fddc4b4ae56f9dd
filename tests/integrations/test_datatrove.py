"""The filter inside datatrove: real documents, its readers, writers and executor."""

from __future__ import annotations

import gzip
import json
import pickle
from pathlib import Path
from typing import Any

import pytest
from datatrove.data import Document
from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.readers import JsonlReader
from datatrove.pipeline.writers.jsonl import JsonlWriter
from support.rows import reviews
from support.sentences import error
from support.students import good_or_bad, rating, three_questions

from sparsedistill import Student
from sparsedistill.integrations.datatrove import SparseDistillFilter

GOOD, BAD, NEITHER = "good words here", "bad words here", "other words here"


def documents(*texts: str) -> list[Document]:
    return [Document(text, str(i)) for i, text in enumerate(texts)]


def kept(step: SparseDistillFilter, *texts: str) -> list[str]:
    """The texts of the documents that pass."""
    return [doc.text for doc in step.run(iter(documents(*texts)))]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    good_or_bad().save_pretrained(tmp_path / "student")
    return tmp_path / "student"


def test_documents_are_kept_by_label(model: Path) -> None:
    assert kept(SparseDistillFilter(str(model), ("good", 0.9)), GOOD, BAD, NEITHER) == [GOOD]
    assert kept(SparseDistillFilter(model, None, ("good", 0.9)), GOOD, BAD, NEITHER) == [BAD, NEITHER]
    several = [("good", 0.9), ("bad", 0.9)]
    assert kept(SparseDistillFilter(model, keep_labels=several), GOOD, BAD, NEITHER) == [GOOD, BAD]
    assert kept(SparseDistillFilter(model, remove_labels=several), GOOD, BAD, NEITHER) == [NEITHER]


def test_batches_do_not_change_what_is_kept(model: Path) -> None:
    texts = [(GOOD, BAD, NEITHER)[i % 3] + f" {i}" for i in range(50)]
    alone = SparseDistillFilter(model, ("good", 0.9), batch_size=1)
    together = SparseDistillFilter(model, ("good", 0.9), batch_size=7, threads=2)
    assert kept(alone, *texts) == kept(together, *texts) == texts[::3]
    assert together.stats["batches"].total == 8
    assert together.stats["kept_span"].total == 17
    assert together.stats["removed_span"].total == 33
    assert alone.filter(documents(GOOD)[0])
    assert not alone.filter(documents(BAD)[0])


def test_metadata_are_those_of_the_fasttext_filter(model: Path) -> None:
    step = SparseDistillFilter(model)  # annotates only
    docs = list(step.run(iter(documents(GOOD, BAD, ""))))
    assert [doc.text for doc in docs] == [GOOD, BAD, ""]
    student = Student.from_pretrained(model)
    for doc, row in zip(docs, student.predict_proba([GOOD, BAD, ""]).tolist(), strict=True):
        assert doc.metadata == {"__label__good": row[0], "__label__bad": row[1]}
    silent = SparseDistillFilter(model, ("good", 0.9), save_labels_in_metadata=False)
    assert [doc.metadata for doc in silent.run(iter(documents(GOOD)))] == [{}]


def test_paragraphs_are_kept_one_by_one(model: Path) -> None:
    text = f"{GOOD}\n\n{BAD}\n{NEITHER}\n{GOOD} again"
    step = SparseDistillFilter(model, ("good", 0.9), filter_mode="PARAGRAPH")
    [doc] = step.run(iter(documents(text, BAD)))
    assert doc.text == f"{GOOD}\n\n{GOOD} again"
    parts = Student.from_pretrained(model).predict_proba([GOOD, BAD, NEITHER, GOOD])[:, 0]
    assert doc.metadata["__label__good"] == pytest.approx(parts.mean())


def test_sentences_are_kept_one_by_one(model: Path) -> None:
    pytest.importorskip("spacy")
    step = SparseDistillFilter(model, ("good", 0.9), filter_mode="SENTENCE")
    assert kept(step, "These are good words. Those are bad words. A good end.") == [
        "These are good words. A good end."
    ]


def test_numbers_and_several_questions() -> None:
    numbers = rating(["one", "two", "three"])
    least = float(numbers.predict(["two"])[0])
    assert kept(SparseDistillFilter(numbers, ("score", least)), "one", "two", "three") == ["two", "three"]

    questions = three_questions()
    assert kept(SparseDistillFilter(questions, ("edu", 2.9)), "good", "bad", "good bad") == ["good"]
    step = SparseDistillFilter(questions, None, ("toxicity.very bad", 0.4))
    [doc] = step.run(iter(documents("bad", "good")))
    assert doc.text == "good"
    assert set(doc.metadata) == {
        "__label__edu",
        *(f"__label__toxicity.{name}" for name in ("ok", "very bad", "score")),
        *(f"__label__topic.{name}" for name in ("science", "computer science")),
    }


def test_wrong_arguments(model: Path) -> None:
    both = error(lambda: SparseDistillFilter(model, ("good", 0.9), ("bad", 0.9)))
    assert both == "Both keep_labels and remove_labels were given: use two filters."
    step = SparseDistillFilter(model, ("fine", 0.9))
    assert error(lambda: kept(step, GOOD)) == "The student has no label 'fine': use one of good, bad."
    missing = SparseDistillFilter(str(model / "nowhere"))
    assert "nowhere" in error(lambda: kept(missing, GOOD))


def lines(folder: Path) -> list[dict[str, Any]]:
    """The rows of all gzipped jsonl files of a folder."""
    return [
        json.loads(line)
        for path in sorted(folder.glob("*.jsonl.gz"))
        for line in gzip.decompress(path.read_bytes()).decode().splitlines()
    ]


def test_a_pipeline_of_real_documents(model: Path, shared_data: Path, tmp_path: Path) -> None:
    """Two tasks, read and written by datatrove: each document is kept or excluded, with its whole text."""
    texts = reviews(shared_data, 399)
    (tmp_path / "input").mkdir()
    for half in range(2):
        content = "".join(json.dumps({"text": text}) + "\n" for text in texts[half::2])
        (tmp_path / "input" / f"{half}.jsonl").write_text(content)
    step = SparseDistillFilter(
        str(model),
        keep_labels=("good", 0.9),
        exclusion_writer=JsonlWriter(str(tmp_path / "excluded")),
        batch_size=64,
    )
    assert len(pickle.dumps(step)) < 10_000  # tasks travel without the student
    pipeline = [JsonlReader(str(tmp_path / "input")), step, JsonlWriter(str(tmp_path / "kept"))]
    LocalPipelineExecutor(pipeline, tasks=2, workers=1, logging_dir=str(tmp_path / "logs")).run()
    expected = Student.from_pretrained(model).predict_proba(texts)[:, 0] >= 0.9
    assert 0 < expected.sum() < len(texts)
    found = {name: {row["text"] for row in lines(tmp_path / name)} for name in ("kept", "excluded")}
    assert found["kept"] == {text for text, keep in zip(texts, expected, strict=True) if keep}
    assert found["excluded"] == {text for text, keep in zip(texts, expected, strict=True) if not keep}
