"""Whole jobs from Python, on real text."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from sparsedistill import (
    CallableTeacher,
    Columns,
    Corpus,
    CountingConfig,
    DistillationConfig,
    FileTeacher,
    InputError,
    SoftTargets,
    Student,
    StudentConfig,
    TokenizerConfig,
    TrainingConfig,
    distill,
    read_labelled,
)
from sparsedistill._internal.records import as_builtins
from sparsedistill.data.labelled import Labelled
from sparsedistill.data.writer import RowWriter

SMALL = DistillationConfig(
    tokenizer=TokenizerConfig(max_ngram=2),
    counting=CountingConfig(max_rows=20_000),
    student=StudentConfig(dim=16, hidden=16),
    training=TrainingConfig(passes=8, least_steps=1, batch_size=128),
    finetuning=TrainingConfig(passes=2, least_steps=1, batch_size=128, table_learning_rate=0.01),
    threads=2,
    tune=False,
)


@pytest.fixture(scope="session")
def sentences(shared_data: Path) -> Labelled:
    """6,920 sentences from film reviews."""
    return read_labelled(shared_data / "sst2" / "train_sentences.tsv.gz", Columns(label="label"))


def by_words(texts: list[str]) -> np.ndarray:
    """A teacher that is easy to check: which of two small sets of words is more frequent in a text."""
    split = [text.split() for text in texts]
    sets = ({"the", "but", "movie", ","}, {"and", "film", "a", "."})
    return np.array([[sum(word in words for word in text) for words in sets] for text in split], np.float32)


def pairs(labelled: Labelled, begin: int, end: int) -> tuple[list[str], list[str]]:
    part = labelled.select(np.arange(begin, end))
    return part.texts.to_pylist(), [part.classes[i] for i in part.labels]


def test_function_is_distilled_from_texts_in_memory(sentences: Labelled, tmp_path: Path) -> None:
    unlabelled = sentences.texts.to_pylist()[:5000]
    test_texts = sentences.texts.to_pylist()[5000:]
    test = Labelled(pa.array(test_texts), by_words(test_texts).argmax(axis=1), ("bad", "good"))
    student = distill(
        by_words,
        unlabelled=unlabelled,
        test=test,
        output=tmp_path / "out",
        classes=["bad", "good"],
        config=SMALL,
    )
    evaluation = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    assert evaluation["teacher"]["accuracy"] == 1.0
    assert evaluation["student"]["retention"] == evaluation["student"]["accuracy"] > 0.85
    assert as_builtins(student.evaluation) == evaluation
    assert student(["a film and a film ."])[0]["label"] == "good"
    assert not (tmp_path / "out" / "checkpoints").exists()
    again = Student.from_pretrained(tmp_path / "out" / "student")
    assert (again.score(test_texts).logits == student.score(test_texts).logits).all()
    with pytest.raises(InputError, match="exists already"):
        distill(by_words, unlabelled=unlabelled, output=tmp_path / "out", classes=["bad", "good"])


@pytest.mark.slow
def test_student_is_trained_on_labels_alone(sentences: Labelled, tmp_path: Path) -> None:
    student = distill(
        labelled=pairs(sentences, 0, 6000),
        test=pairs(sentences, 6000, 6920),
        output=tmp_path / "out",
        config=SMALL,
    )
    assert student.classes == ("0", "1")
    assert student.evaluation.student is not None
    assert (student.evaluation.student.accuracy or 0) > 0.7
    assert not (tmp_path / "out" / "labels").exists()


def test_same_seed_gives_the_same_student(sentences: Labelled, tmp_path: Path) -> None:
    made = [
        distill(labelled=pairs(sentences, 0, 1500), output=tmp_path / name, config=replace(SMALL, seed=seed))
        for name, seed in (("a", 1), ("b", 1), ("c", 2))
    ]
    tables = [student.weights.arrays()["table"] for student in made]
    assert (tables[0] == tables[1]).all()
    assert tables[0].shape != tables[2].shape or (tables[0] != tables[2]).any()


def test_held_out_texts_are_left_out_of_training(
    sentences: Labelled, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "sparsedistill")
    texts, labels = pairs(sentences, 0, 1200)
    seen: list[str] = []

    def spy(batch: list[str]) -> np.ndarray:
        seen.extend(batch)
        return by_words(batch)

    distill(
        spy,
        labelled=(texts, labels),
        test=(texts[:200], labels[:200]),
        output=tmp_path / "out",
        classes=["0", "1"],
        config=SMALL,
    )
    assert "labelled texts that are also in validation or test data" in caplog.text
    scored_for_training = seen[: len(seen) - 200]  # the last 200 are scored for the evaluation
    assert not set(scored_for_training) & set(texts[:200])


def test_scores_in_the_corpus_are_a_teacher(sentences: Labelled, tmp_path: Path) -> None:
    texts = sentences.texts.to_pylist()[:3000]
    logits = by_words(texts)
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    with RowWriter(tmp_path / "scored.parquet") as writer:
        writer.write(pa.record_batch({"text": texts, "bad": shares[:, 0], "good": shares[:, 1]}))
    corpus = Corpus(tmp_path / "scored.parquet", Columns(scores=("bad", "good")))
    teacher = FileTeacher(("bad", "good"), outputs="probabilities")
    student = distill(teacher, unlabelled=corpus, output=tmp_path / "out", config=SMALL)
    assert (
        student.predict(texts[:500]) == np.array(["bad", "good"])[logits[:500].argmax(axis=1)]
    ).mean() > 0.9


def test_pairs_are_distilled(shared_data: Path, tmp_path: Path) -> None:
    data = read_labelled(shared_data / "qqp" / "dev.tsv.gz", Columns("text_a", "text_b", "label"))
    few = data.select(np.arange(2000))

    def same_words(texts: list[str], text_pair: list[str]) -> np.ndarray:
        shared = [len(set(a.split()) & set(b.split())) / 4 for a, b in zip(texts, text_pair, strict=True)]
        return np.stack([np.ones(len(texts)), np.array(shared)], axis=1)

    student = distill(
        same_words,
        labelled=few,
        output=tmp_path / "out",
        columns=Columns("text_a", "text_b", "label"),
        classes=["0", "1"],
        config=SMALL,
    )
    assert student.pair
    assert student.predict(["how do i cook rice ?"], ["how do i cook rice ?"]).shape == (1,)


def test_pairs_in_memory_need_no_columns(shared_data: Path, tmp_path: Path) -> None:
    data = read_labelled(shared_data / "qqp" / "dev.tsv.gz", Columns("text_a", "text_b", "label"))
    first, second = ["why ?"] * 600, data.text_pair.slice(0, 600).to_pylist()  # type: ignore[union-attr]
    names = [data.classes[label] for label in data.labels[:600].astype(int)]
    student = distill(labelled=(first, second, names), output=tmp_path / "out", config=SMALL)
    assert student.pair
    assert student.score(first, second).coverage.mean() > 0.5  # the second texts were counted too
    assert Student.from_pretrained(tmp_path / "out" / "compact").pair
    with pytest.raises(InputError, match="The labelled texts are pairs and the unlabelled ones are not"):
        distill(labelled=(first, second, names), unlabelled=second, output=tmp_path / "no", config=SMALL)


def test_multi_label_is_learnt(sentences: Labelled, tmp_path: Path) -> None:
    texts = sentences.texts.to_pylist()[:3000]
    labels = np.stack([["film" in t for t in texts], ["movie" in t for t in texts]], axis=1).astype(
        np.float32
    )
    student = distill(
        labelled=(texts, labels), output=tmp_path / "out", classes=["film", "movie"], config=SMALL
    )
    assert student.multi_label
    assert student.predict(["a film", "a movie", "a film and a movie"])[2].shape == (2,)


@pytest.mark.slow
def test_killed_job_resumes_to_the_same_student(sentences: Labelled, tmp_path: Path) -> None:
    texts, labels = pairs(sentences, 0, 3000)
    np.savez(tmp_path / "data.npz", texts=texts, labels=labels)
    script = tmp_path / "job.py"
    script.write_text(
        "import sys, numpy as np\n"
        f"sys.path[:0] = [{str(Path(__file__).parents[1])!r}, {str(Path(__file__).parent)!r}]\n"
        "from test_pipeline import SMALL, by_words\n"
        "from sparsedistill import distill\n"
        f"data = np.load({str(tmp_path / 'data.npz')!r})\n"
        "distill(by_words, labelled=(data['texts'].tolist(), data['labels'].tolist()),"
        "        output=sys.argv[1], classes=['0', '1'], config=SMALL)\n"
    )
    subprocess.run([sys.executable, script, tmp_path / "whole"], check=True, capture_output=True)
    killed = 0
    for stage in ("labels/manifest.json", "checkpoints/distillation", "checkpoints/labels"):
        job = subprocess.Popen([sys.executable, script, tmp_path / "killed"], stderr=subprocess.DEVNULL)
        while job.poll() is None and not (tmp_path / "killed" / stage).exists():
            time.sleep(0.005)
        if job.poll() is None:
            os.kill(job.pid, signal.SIGKILL)
            killed += 1
        job.wait()
    assert killed == 3
    subprocess.run([sys.executable, script, tmp_path / "killed"], check=True, capture_output=True)
    whole, resumed = (Student.from_pretrained(tmp_path / name / "student") for name in ("whole", "killed"))
    assert (whole.weights.arrays()["table"] == resumed.weights.arrays()["table"]).all()
    assert (whole.weights.output_weight == resumed.weights.output_weight).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "nothing to learn from"),
        ({"teacher": by_words, "unlabelled": ["a"]}, "no classes"),
        ({"teacher": by_words, "encoder": "x", "classes": ["a", "b"]}, "only one of them"),
        ({"encoder": "x"}, "needs labelled texts"),
        ({"teacher": by_words, "classes": ["a", "b"]}, "no texts to learn from"),
        ({"labelled": (["a", "b"], ["x"])}, "exactly one per text"),
        ({"labelled": (["a", "b"], ["x", "x"])}, "at least two classes"),
        ({"labelled": (["a"],)}, "tuple of 1"),
        ({"labelled": "nowhere.csv"}, "nowhere.csv"),
        ({"teacher": 3, "unlabelled": ["a"]}, "not a teacher"),
        (
            {
                "labelled": ([f"a b {i}" for i in range(40)], ["x", "y"] * 20),
                "config": replace(SMALL, student=StudentConfig(device="abacus")),
            },
            "device 'abacus'",
        ),
        ({"labelled": (["a b"] * 40, ["x", "y"] * 20), "test": (["a"], ["z"])}, "'z' is unknown"),
    ],
)
def test_impossible_jobs_are_rejected_before_training(
    tmp_path: Path, arguments: dict[str, object], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        distill(**arguments, output=tmp_path / "out")  # type: ignore[arg-type]
    assert not (tmp_path / "out" / "student").exists()


def test_file_names_are_not_accepted_as_texts(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("some text\n")
    with pytest.raises(InputError, match="names of files"):
        distill(by_words, unlabelled=[str(tmp_path / "a.txt")], output=tmp_path / "out", classes=["a", "b"])


def test_texts_that_differ_in_case_and_punctuation_are_held_out(sentences: Labelled, tmp_path: Path) -> None:
    texts, labels = pairs(sentences, 0, 600)
    student = distill(
        labelled=(texts, labels),
        test=([text.upper() + " !" for text in texts[:50]], labels[:50]),
        output=tmp_path / "out",
        config=SMALL,
    )
    assert student.evaluation.left_out == 50


def test_teacher_does_not_score_remembered_texts_again(sentences: Labelled, tmp_path: Path) -> None:
    texts = sentences.texts.to_pylist()[:1000]
    asked: list[str] = []

    def counted(batch: list[str]) -> np.ndarray:
        asked.extend(batch)
        return by_words(batch)

    teacher = CallableTeacher(counted, ["bad", "good"], name="words")
    distill(teacher, unlabelled=texts[:800], output=tmp_path / "a", config=SMALL)
    assert asked == texts[:800]
    settings: dict[str, Any] = {"unlabelled": texts[100:], "remembered": [tmp_path / "a" / "labels"]}
    distill(teacher, output=tmp_path / "b", config=SMALL, **settings)
    assert asked[800:] == texts[800:]
    logits = SoftTargets.open(tmp_path / "b" / "labels").all().logits
    assert (logits == by_words(texts[100:])).all()
    other = CallableTeacher(counted, ["bad", "good"], name="others")
    with pytest.raises(InputError, match="not of the teacher others"):
        distill(other, output=tmp_path / "c", config=SMALL, **settings)
