"""What a job writes, logs and reports, and how it resumes after an interruption in the evaluation."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray

from sparsedistill import (
    CallableTeacher,
    CountingConfig,
    DistillationConfig,
    InputError,
    Student,
    StudentConfig,
    TokenizerConfig,
    TrainingConfig,
    distill,
)
from sparsedistill._internal.progress import Advance
from sparsedistill.data.labelled import Labelled
from sparsedistill.pipeline.distill import run
from sparsedistill.pipeline.job import Job

CLASSES = ("bad", "good")
WORDS = np.array(
    ["dull", "slow", "bad", "weak", "fine", "warm", "good", "rich", *(f"w{i}" for i in range(40))]
)

#: Distils the toy teacher in about a second.
QUICK = DistillationConfig(
    tokenizer=TokenizerConfig(max_ngram=1),
    counting=CountingConfig(min_count=1),
    student=StudentConfig(dim=8, hidden=16),
    training=TrainingConfig(passes=4, least_steps=1, batch_size=64, table_learning_rate=0.5, threads=1),
    finetuning=TrainingConfig(passes=1, least_steps=1, batch_size=64, table_learning_rate=0.01),
    threads=1,
    tune=False,
)


def texts(count: int, seed: int) -> list[str]:
    """Texts of ten words, all different."""
    chosen = np.random.default_rng(seed).integers(len(WORDS), size=(count, 10))
    return [f"{' '.join(WORDS[row])} {seed}x{i}" for i, row in enumerate(chosen)]


def count_words(batch: list[str]) -> NDArray[np.float32]:
    """The toy teacher: a text is good if it has more of the four good words than of the four bad ones."""
    counts = [
        [sum(word in part for word in text.split()) for part in (WORDS[:4], WORDS[4:8])] for text in batch
    ]
    return np.array(counts, np.float32)


def labelled(given: list[str]) -> Labelled:
    return Labelled(pa.array(given, pa.large_string()), count_words(given).argmax(axis=1), CLASSES)


UNLABELLED, TEST = texts(1500, 0), texts(200, 1)


def job(output: Path, score: Callable[[list[str]], Any] = count_words, **options: Any) -> Job:
    teacher = CallableTeacher(score, CLASSES, name="words")
    settings = {"unlabelled": UNLABELLED, "test": labelled(TEST), "config": QUICK, **options}
    return Job(teacher=teacher, output=output, **settings)


def config_of(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "config.json").read_text())
    return found


@dataclass
class Recorder:
    """A progress callback that records every task as (description, unit, total, units done here)."""

    tasks: list[tuple[str, str, int | None, int]] = field(default_factory=list)

    @contextmanager
    def __call__(self, description: str, total: int | None, unit: str, done: int = 0) -> Iterator[Advance]:
        count = 0

        def advance(n: int = 1, note: str | None = None) -> None:
            nonlocal count
            count += n

        yield advance
        self.tasks.append((description, unit, total, count))

    def done(self, description: str) -> list[int]:
        return [count for name, _, _, count in self.tasks if name == description]


# ---- results -------------------------------------------------------------------------------------


def test_compact_student_is_written_and_evaluated(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    recorder = Recorder()
    made = run(job(tmp_path / "out"), recorder)
    assert made.compact is not None
    assert made.evaluation is not None
    quality = made.evaluation.compact
    assert quality is not None
    assert quality.agreement is not None
    assert quality.agreement > 0.8
    assert quality.megabytes == made.compact.nbytes / 1e6
    assert quality.texts_per_second is not None
    assert quality.texts_per_second > 0

    evaluation = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    assert evaluation["compact"]["agreement"] == quality.agreement
    student, compact = (config_of(tmp_path / "out" / name) for name in ("student", "compact"))
    assert student["evaluation"] == evaluation
    assert "compact" not in student
    assert compact["compact"]["slots"] > 0
    assert compact["evaluation"]["compression"]["texts"] > 0
    assert {**evaluation, "compression": compact["evaluation"]["compression"]} == compact["evaluation"]
    card = (tmp_path / "out" / "compact" / "README.md").read_text()
    assert card.startswith("---\n")
    assert "\n# compact\n" in card
    assert "\n## Compression\n" in card
    assert "\n## Evaluation\n" in card
    assert "\n## Compression\n" not in (tmp_path / "out" / "student" / "README.md").read_text()

    loaded = Student.from_pretrained(tmp_path / "out" / "compact")
    assert (loaded.score(TEST).logits == made.compact.score(TEST).logits).all()

    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("", "")
    descriptions = [description for description, *_ in recorder.tasks]
    assert [
        name for name in descriptions if name in {"Labelling", "Distilling", "Scoring with the teacher"}
    ] == [
        "Labelling",
        "Distilling",
        "Scoring with the teacher",
    ]
    assert recorder.done("Labelling") == [len(UNLABELLED)]
    assert recorder.done("Scoring with the teacher") == [len(TEST)]
    assert all(count == total for _, _, total, count in recorder.tasks if total is not None)


def test_no_compact_student_if_not_requested(tmp_path: Path) -> None:
    made = run(job(tmp_path / "out", config=replace(QUICK, compact=False)))
    assert made.compact is None
    assert made.evaluation is not None
    assert made.evaluation.compact is None
    assert "compact" not in json.loads((tmp_path / "out" / "evaluation.json").read_text())
    assert not (tmp_path / "out" / "compact").exists()


def test_compact_student_outside_the_floor_is_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def too_different(*_: Any, **__: Any) -> Student:
        raise InputError("The compact student changes too much: lower the floor.")

    monkeypatch.setattr(Student, "compress", too_different)
    made = run(job(tmp_path / "out"))
    assert made.compact is None
    assert made.evaluation is not None
    assert (made.evaluation.student.accuracy or 0) > 0.8
    assert not (tmp_path / "out" / "compact").exists()
    assert not (tmp_path / "out" / "checkpoints").exists()
    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert warnings == [
        "No compact student was written. The compact student changes too much: lower the floor."
    ]


def test_job_without_test_data_has_no_evaluation(tmp_path: Path) -> None:
    made = run(job(tmp_path / "out", test=None))
    assert made.evaluation is None
    assert made.compact is not None
    assert not (tmp_path / "out" / "evaluation.json").exists()
    assert "compression" in config_of(tmp_path / "out" / "compact")["evaluation"]


@pytest.mark.parametrize("string", [pa.string(), pa.large_string()])
def test_corpus_and_training_texts_compress_the_student(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, string: pa.DataType
) -> None:
    """A corpus longer than the sample leaves half of it to the training texts."""
    given: list[list[str]] = []

    def spy(self: Student, texts: pa.Array, text_pair: pa.Array | None, **_: Any) -> Student:
        given.append(texts.to_pylist())
        raise InputError("Enough.")

    monkeypatch.setattr("sparsedistill.pipeline.distill.COMPRESSION_TEXTS", 100)
    monkeypatch.setattr(Student, "compress", spy)
    train = texts(300, 2)
    data = replace(labelled(train), texts=pa.array(train, string))
    run(job(tmp_path / "out", labelled=data, validation=labelled(texts(100, 3)), test=None))
    assert given == [UNLABELLED[:50] + train[:50]]


# ---- baselines -----------------------------------------------------------------------------------


def test_baselines_are_measured_on_the_labels_of_the_job(tmp_path: Path) -> None:
    made = run(job(tmp_path / "out", labelled=labelled(texts(400, 2))))
    assert made.evaluation is not None
    found = made.evaluation.baselines
    assert found is not None
    names = [name for name in found if name != "fasttext"]  # if it is installed
    assert names == ["majority", "tfidf", "labels_alone"]
    accuracies = [found[name].quality.accuracy or 0 for name in ("majority", "tfidf")]
    assert accuracies[0] < accuracies[1]
    assert found["tfidf"].settings["C"] > 0
    assert found["majority"].note is None
    assert found["labels_alone"].quality.retention is not None
    evaluation = json.loads((tmp_path / "out" / "evaluation.json").read_text())
    assert evaluation["baselines"]["tfidf"]["quality"]["errors"]["accuracy"] > 0
    assert made.student.evaluation.baselines == found
    card = (tmp_path / "out" / "compact" / "README.md").read_text()
    for row in ("majority class", "TF-IDF + LR", "labels alone", "teacher", "student", "compact"):
        assert f"| {row} |" in card


def test_baselines_can_be_turned_off(tmp_path: Path) -> None:
    config = replace(QUICK, baselines=False)
    made = run(job(tmp_path / "out", labelled=labelled(texts(400, 2)), config=config))
    assert made.evaluation is not None
    assert list(made.evaluation.baselines or {}) == ["majority"]
    assert not (tmp_path / "out" / "vocabulary-labelled").exists()


def test_a_useless_teacher_is_a_warning_in_log_and_card(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def confused(batch: list[str]) -> NDArray[np.float32]:
        return np.roll(count_words(batch), 1, axis=0)  # the scores of another text

    run(job(tmp_path / "out", confused, labelled=labelled(texts(400, 2))))
    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    (warning,) = [warning for warning in warnings if warning.startswith("The teacher is not measurably")]
    assert "train it longer" in warning
    assert f"- **Warning:** {warning}" in (tmp_path / "out" / "student" / "README.md").read_text()


def test_groups_of_the_test_data_are_measured(tmp_path: Path) -> None:
    groups = pa.array(["long", "short"] * 100, pa.large_string())
    made = run(job(tmp_path / "out", test=replace(labelled(TEST), groups=groups)))
    assert made.evaluation is not None
    assert {group.name: group.texts for group in made.evaluation.groups or []} == {"long": 100, "short": 100}


# ---- interruptions -------------------------------------------------------------------------------


def test_student_is_saved_before_the_evaluation_and_the_job_resumes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output, working, scored = tmp_path / "out", [False], []

    def score(batch: list[str]) -> NDArray[np.float32]:
        if not working[0] and batch[0] in TEST:
            raise KeyboardInterrupt
        scored.append(len(batch))
        return count_words(batch)

    with pytest.raises(KeyboardInterrupt):
        run(job(output, score))
    student = Student.from_pretrained(output / "student")
    assert student.evaluation.student is None
    assert "\n## Evaluation\n" not in (output / "student" / "README.md").read_text()
    assert (output / "checkpoints").exists()
    assert not (output / "evaluation.json").exists()

    def no_step(*_: Any) -> None:
        raise AssertionError("The resumed job trains again")

    working[0] = True
    scored.clear()
    monkeypatch.setattr("sparsedistill.training.trainer._Run._step", no_step)
    recorder = Recorder()
    made = run(job(output, score), recorder)
    assert scored == [len(TEST)]
    assert recorder.done("Distilling") == [0]
    assert (made.student.score(TEST).logits == student.score(TEST).logits).all()
    assert made.evaluation is not None
    evaluation = json.loads((output / "evaluation.json").read_text())
    assert evaluation["teacher"]["accuracy"] == 1.0
    for name in ("student", "compact"):
        assert config_of(output / name)["evaluation"]["student"] == evaluation["student"]
        assert "\n## Evaluation\n" in (output / name / "README.md").read_text()
    assert not (output / "checkpoints").exists()
    with pytest.raises(InputError, match="student exists already: use another output"):
        run(job(output, score))


def test_results_of_another_student_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A compact student and an evaluation never belong to another student than the one next to them."""
    run(job(tmp_path / "out"))
    for file in (tmp_path / "out" / "student").iterdir():
        file.unlink()
    (tmp_path / "out" / "student").rmdir()
    run(job(tmp_path / "out", test=None, config=replace(QUICK, seed=1, compact=False)))
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert "student" in names
    assert not names & {"compact", "evaluation.json", "checkpoints"}


# ---- rejected before any work --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("student", "message"),
    [
        (StudentConfig(device="abacus"), "torch cannot use the device 'abacus'"),
        (StudentConfig(dim=6, table="fbgemm"), "dim is 6 and FBGEMM needs a multiple of 4"),
        (StudentConfig(hidden=0), "The student setting hidden is 0"),
    ],
)
def test_wrong_student_is_rejected_before_the_teacher_scores(
    tmp_path: Path, student: StudentConfig, message: str
) -> None:
    def score(batch: list[str]) -> NDArray[np.float32]:
        raise AssertionError("The teacher was used")

    with pytest.raises(InputError, match=message):
        run(job(tmp_path / "out", score, config=replace(QUICK, student=student)))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("train", "validation", "message"),
    [
        (TEST[:100], None, "All labelled texts are also in the validation or test data"),
        (TEST[:100], texts(50, 4), "All labelled texts are also in the validation or test data"),
        (texts(100, 2), TEST[:50], "All validation texts are also in the test data"),
        (
            ["a good film", "a bad film"] * 50,
            None,
            "100 rows are too few to hold out 0.1 of them, since no class has two different texts",
        ),
    ],
)
def test_labelled_texts_that_cannot_be_split_are_rejected(
    tmp_path: Path, train: list[str], validation: list[str] | None, message: str
) -> None:
    held_out = None if validation is None else labelled(validation)
    with pytest.raises(InputError, match=message):
        distill(
            labelled=labelled(train),
            test=labelled(TEST),
            output=tmp_path / "out",
            validation=held_out,
            config=QUICK,
        )
    assert not (tmp_path / "out" / "student").exists()
