"""Students that predict a number, through the public surface: on the reading ease of real passages."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from support.sentences import error

from sparsedistill import (
    Cascade,
    Columns,
    CountingConfig,
    DistillationConfig,
    FileTeacher,
    InputError,
    Student,
    StudentConfig,
    TokenizerConfig,
    TrainingConfig,
    distill,
    evaluate,
    read_labelled,
)
from sparsedistill.cli.app import main
from sparsedistill.compression import Floor
from sparsedistill.data.labelled import Labelled
from sparsedistill.evaluation.baselines import fit_baselines
from sparsedistill.explain.strongest import strongest_ngrams

COLUMNS = Columns(label="label", problem="regression")
CONFIG = DistillationConfig(
    tokenizer=TokenizerConfig(2),
    counting=CountingConfig(min_count=2),
    student=StudentConfig(dim=16, hidden=32),
    training=TrainingConfig(steps=120, batch_size=32, table_learning_rate=0.3, threads=1),
    finetuning=TrainingConfig(steps=30, batch_size=32, table_learning_rate=0.03, threads=1),
    tune=False,
    threads=1,
)


@pytest.fixture(scope="module")
def passages(shared_data: Path) -> tuple[Labelled, Labelled]:
    """Passages with their reading ease, to train and to test on."""
    data = read_labelled(shared_data / "clear" / "train.tsv.gz", COLUMNS)
    rows = np.random.default_rng(0).permutation(len(data))
    return data.select(rows[:900]), data.select(rows[900:1300])


@pytest.fixture(scope="module")
def folder(passages: tuple[Labelled, Labelled], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output of a job on the labels alone."""
    output = tmp_path_factory.mktemp("job") / "out"
    train, test = passages
    distill(labelled=train, test=test, output=output, config=CONFIG)
    return output


def test_numbers_are_in_the_unit_of_the_labels(folder: Path, passages: tuple[Labelled, Labelled]) -> None:
    student = Student.from_pretrained(folder / "student")
    _, test = passages
    numbers = student.predict(test.texts)
    assert numbers.dtype == np.float32
    assert numbers.shape == (len(test),)
    assert numbers.mean() == pytest.approx(test.labels.mean(), abs=0.35)
    assert np.sqrt(((numbers - test.labels) ** 2).mean()) < 0.9 * test.labels.std()
    answer = student(test.texts[0].as_py())
    assert answer == [{"label": "score", "score": pytest.approx(float(numbers[0]))}]
    assert "no probabilities" in error(lambda: student.predict_proba(["a text"]))


def test_the_figures_beat_the_mean_and_have_errors(folder: Path) -> None:
    record = Student.from_pretrained(folder / "compact").evaluation
    assert record.metric == "spearman"
    assert record.baselines is not None
    assert list(record.baselines) == ["mean", "tfidf"]
    for quality in (record.student, record.compact, record.baselines["tfidf"].quality):
        assert quality is not None
        assert quality.spearman is not None
        assert quality.spearman > 0.5
        assert quality.errors is not None
        assert 0.01 < (quality.errors.spearman or 0) < 0.06
        assert quality.accuracy is None
    assert record.baselines["mean"].quality.spearman == 0
    assert abs(record.baselines["mean"].quality.r2 or 1) < 0.05
    assert record.line is not None
    assert record.line.rmse_after <= record.line.rmse_before + 1e-6


def test_a_threshold_adds_auc_and_f1(folder: Path, passages: tuple[Labelled, Labelled]) -> None:
    student, (train, test) = Student.from_pretrained(folder / "student"), passages
    baselines = fit_baselines(train, test, threads=1)
    found = evaluate(student, test, baselines=baselines, threshold=0.0)
    numbers, positive = student.predict(test.texts), test.labels >= 0
    above = (numbers[positive][:, None] > numbers[~positive]).mean()
    assert found.student.auc == pytest.approx(above, abs=1e-6)
    chosen = numbers >= 0
    f1 = 2 * (chosen & positive).sum() / (chosen.sum() + positive.sum())
    assert found.student.f1 == pytest.approx(f1)
    assert "lies between" in error(lambda: evaluate(student, test, threshold=100.0))


def test_the_compact_student_keeps_every_number(folder: Path, passages: tuple[Labelled, Labelled]) -> None:
    student, compact = (Student.from_pretrained(folder / name) for name in ("student", "compact"))
    train, test = passages
    exact, served = (one.predict(test.texts) for one in (student, compact))
    assert np.abs(exact - served).max() < 0.1 * exact.std()  # other texts than those that the floor holds on
    record = compact.evaluation.compression
    assert record is not None
    assert record.steps[-1].max_change <= 0.05
    assert record.steps[-1].mean_change <= 0.01
    with pytest.raises(InputError, match="would change too much"):
        student.compress(train.texts, dims=1, floor=Floor(1, 0, 0))


def test_contributions_add_up_to_the_number(folder: Path, passages: tuple[Labelled, Labelled]) -> None:
    text = passages[1].texts[3].as_py()
    for name in ("student", "compact"):
        student = Student.from_pretrained(folder / name)
        found = student.explain(text)
        total = found.empty_evidence() + found.evidence().sum()
        assert total == pytest.approx(float(student.predict([text])[0]), abs=1e-3)
        assert "score" in found.to_html()
    strongest = strongest_ngrams(Student.from_pretrained(folder / "student"), 5)
    assert list(strongest) == ["higher", "lower"]
    assert not {ngram for ngram, _ in strongest["higher"]} & {ngram for ngram, _ in strongest["lower"]}


def test_the_kind_of_the_student_is_on_disk_and_in_its_card(folder: Path, tmp_path: Path) -> None:
    config = json.loads((folder / "student" / "config.json").read_text())
    assert config["problem"] == "regression"
    assert config["classes"] == ["score"]
    card = (folder / "compact" / "README.md").read_text()
    for words in ("Predicts a number for texts", "Spearman", "standard deviations of its numbers", "Slope"):
        assert words in card
    student = Student.from_pretrained(folder / "student")
    student.save_pretrained(tmp_path / "again")
    again = Student.from_pretrained(tmp_path / "again")
    assert (again.predict(["A short text."]) == student.predict(["A short text."])).all()
    assert "name its only output" in error(lambda: replace(student, classes=("ease",)))


def test_a_function_of_numbers_is_a_teacher(passages: tuple[Labelled, Labelled], tmp_path: Path) -> None:
    train, test = passages
    texts = train.texts.to_pylist()

    def length(given: list[str]) -> list[float]:
        return [1000.0 + len(text.split()) for text in given]

    student = distill(
        length, unlabelled=texts, output=tmp_path / "out", config=replace(CONFIG, compact=False),
        problem="regression",
    )  # fmt: skip
    assert student.problem == "regression"
    numbers = student.predict(test.texts)
    assert 1100 < numbers.mean() < 1250  # the unit of the teacher is kept
    assert student.evaluation.line is not None
    assert student.evaluation.line.targets == "soft targets"

    nearest = float(np.median(numbers))
    cascade = Cascade.fit(student, length, test.texts, calls=0.3, decision=nearest)
    found = cascade.score(test.texts)
    assert 0 < found.deferred.mean() <= 0.31
    distance = np.abs(numbers - nearest)
    assert distance[found.deferred].max() <= distance[~found.deferred].min()
    deferred = found.logits[found.deferred, 0]
    assert deferred.tolist() == [
        length([test.texts[int(i)].as_py()])[0] for i in np.flatnonzero(found.deferred)
    ]
    cascade.teacher = "teacher"
    cascade.save_pretrained(tmp_path / "cascade")
    assert Cascade.from_pretrained(tmp_path / "cascade", length).decision == nearest
    assert "told apart" in error(lambda: Cascade(student, length, 0.1))


def test_numbers_in_the_corpus_are_a_teacher(passages: tuple[Labelled, Labelled], tmp_path: Path) -> None:
    train, _ = passages
    for form in ("{},", "[{}],"):
        path = tmp_path / f"corpus-{len(form)}.jsonl"
        rows = zip(train.texts.to_pylist(), train.labels.tolist(), strict=True)
        path.write_text(
            "".join(f'{{"ease": {form.format(label)} "text": {json.dumps(text)}}}\n' for text, label in rows)
        )
        student = distill(
            FileTeacher(("score",)),
            unlabelled=path,
            columns=Columns(scores="ease"),
            output=tmp_path / f"out-{len(form)}",
            config=replace(CONFIG, compact=False),
        )
        assert np.corrcoef(student.predict(train.texts), train.labels)[0, 1] > 0.6


def test_pairs_have_numbers_too(shared_data: Path, tmp_path: Path) -> None:
    columns = Columns("text_a", "text_b", "label", problem="regression")
    data = read_labelled(shared_data / "stsb" / "train.tsv.gz", columns).select(np.arange(0, 5700, 9))
    student = distill(labelled=data, output=tmp_path / "out", columns=columns, config=CONFIG)
    numbers = student.predict(data.texts, data.text_pair)
    assert np.corrcoef(numbers, data.labels)[0, 1] > 0.5
    compact = Student.from_pretrained(tmp_path / "out" / "compact")
    served = compact.predict(data.texts, data.text_pair)
    assert np.abs(served - numbers).max() < 0.1 * numbers.std()
    first, second = data.texts[0].as_py(), data.text_pair[0].as_py()  # type: ignore[index]
    found = student.explain(first, second)
    assert found.empty_evidence() + found.evidence().sum() == pytest.approx(float(numbers[0]), abs=1e-3)


def test_problems_that_do_not_fit_are_refused(passages: tuple[Labelled, Labelled], tmp_path: Path) -> None:
    train, _ = passages

    def two(given: list[str]) -> list[list[float]]:
        return [[0.0, 1.0] for _ in given]

    both = replace(CONFIG, training=replace(CONFIG.training, class_weights="balanced"))
    for arguments, words in (
        ({"teacher": two, "problem": "regression"}, "returned scores of shape"),
        ({"config": both}, "class_weights"),
        ({"labelled": replace(train, labels=np.ones(len(train), np.float32))}, "All labels are 1"),
    ):
        given = {"labelled": train, "output": tmp_path / words, "config": CONFIG} | arguments
        assert words in error(lambda given=given: distill(**given))  # type: ignore[misc]


def test_the_command_line_predicts_numbers(
    folder: Path, passages: tuple[Labelled, Labelled], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, test = passages
    source = tmp_path / "texts.txt"
    source.write_text("\n".join(test.texts.to_pylist()) + "\n")

    def run(*arguments: object) -> None:
        monkeypatch.setattr(sys, "argv", ["sparsedistill", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            main()
        assert not end.value.code

    run("predict", folder / "compact", source, "-o", tmp_path / "out.parquet", "--threads", 1)
    table = pq.read_table(tmp_path / "out.parquet")
    assert table.column_names == ["score", "text"]
    numbers = Student.from_pretrained(folder / "compact").predict(test.texts)
    assert table.column("score").to_numpy() == pytest.approx(numbers)
    run("compress", folder / "student", source, "-o", tmp_path / "compact", "--largest", 0.2, "--threads", 1)
    run("inspect", folder / "student", "--text", "A short text.")
