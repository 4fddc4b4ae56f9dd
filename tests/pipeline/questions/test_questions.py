"""Jobs of several questions, through the public surface: on passages with three labels each."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from support.sentences import error
from typer.testing import CliRunner

from sparsedistill import (
    Columns,
    CountingConfig,
    DistillationConfig,
    FileTeacher,
    InputError,
    MultiHeadStudent,
    Question,
    StudentConfig,
    TokenizerConfig,
    TrainingConfig,
    distill,
    distill_heads,
    read_labelled,
)
from sparsedistill.cli.app import app
from sparsedistill.model.figures import metric_percent
from sparsedistill.pipeline.questions.recipe import multi_head_job
from sparsedistill.pipeline.recipe import read_recipe, recipe_job

CONFIG = DistillationConfig(
    tokenizer=TokenizerConfig(2),
    counting=CountingConfig(min_count=2),
    student=StudentConfig(dim=16, hidden=32),
    training=TrainingConfig(steps=120, batch_size=32, table_learning_rate=0.3, threads=1),
    finetuning=TrainingConfig(steps=30, batch_size=32, table_learning_rate=0.03, threads=1),
    baselines=False,
    tune=False,
    threads=1,
)
QUICK = replace(CONFIG, compact=False, training=replace(CONFIG.training, steps=20))
EASE = Question(label="ease", problem="regression")
KIND = Question(label="kind")


class Speech:
    """A teacher of whether people speak in a passage, and a number: how many words say so."""

    def __init__(self) -> None:
        self.texts = 0

    def words(self, texts: Sequence[str]) -> NDArray[np.float64]:
        self.texts += len(texts)
        said = ("said", "you", "i", "he", "she")
        return np.array([sum(f" {word} " in text.lower() for word in said) for text in texts], float)

    def score(self, texts: Sequence[str]) -> NDArray[np.float64]:
        return np.stack([np.full(len(texts), 1.5), self.words(texts)], axis=1)

    def number(self, texts: Sequence[str]) -> NDArray[np.float64]:
        return self.words(texts)[:, None]


@pytest.fixture(scope="module")
def files(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Passages with their reading ease and their kind, either of which is missing in a fifth of the rows."""
    folder = tmp_path_factory.mktemp("files")
    with gzip.open(shared_data / "clear" / "train.tsv.gz", "rt", encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    for name, part in (("train", rows[:900]), ("test", rows[900:1200])):
        with (folder / f"{name}.jsonl").open("w") as file:
            for number, row in enumerate(part):
                labels: dict[str, Any] = {"ease": float(row["label"]), "kind": row["category"]}
                if name == "train" and number % 5 < 2:
                    labels[("ease", "kind")[number % 5]] = None
                file.write(json.dumps({"text": row["text"], **labels}) + "\n")
    (folder / "more.txt").write_text("\n".join(row["text"] for row in rows[1200:1800]))
    return folder


@pytest.fixture(scope="module")
def folder(files: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output of a job with two questions with labels, and one with a teacher."""
    output = tmp_path_factory.mktemp("job") / "out"
    teacher = Speech()
    questions = {"ease": EASE, "kind": KIND, "speech": Question(teacher.score, classes=("no", "yes"))}
    distill_heads(
        questions,
        files / "train.jsonl",
        files / "more.txt",
        output,
        test=files / "test.jsonl",
        config=CONFIG,
    )
    assert teacher.texts < 1600  # the held-out labelled texts were not scored
    return output


def test_each_head_learns_its_question(folder: Path, files: Path) -> None:
    student = MultiHeadStudent.from_pretrained(folder / "compact")
    assert [head.name for head in student.heads] == ["ease", "kind", "speech"]
    test = read_labelled(files / "test.jsonl", Columns(label="ease", problem="regression"))
    found = student.predict(test.texts)
    assert np.corrcoef(found["ease"], test.labels)[0, 1] > 0.45
    kind = read_labelled(files / "test.jsonl", Columns(label="kind"))
    names = np.array(kind.classes)[kind.labels.astype(int)]
    assert (found["kind"] == names).mean() > 0.8
    speech = Speech().score(test.texts.to_pylist()).argmax(axis=1) == 1
    assert ((found["speech"] == "yes") == speech).mean() > max(speech.mean(), 1 - speech.mean()) + 0.05


def test_heads_are_about_as_good_as_students_of_their_own(folder: Path, files: Path, tmp_path: Path) -> None:
    columns = Columns(label="ease", problem="regression", sparse=True)
    test = read_labelled(files / "test.jsonl", columns)
    own = distill(
        labelled=read_labelled(files / "train.jsonl", columns), output=tmp_path / "own", config=CONFIG
    )
    several = MultiHeadStudent.from_pretrained(folder / "student")
    alone, joint = (
        np.corrcoef(numbers, test.labels)[0, 1]
        for numbers in (own.predict(test.texts), several.predict(test.texts)["ease"])
    )
    assert joint > alone - 0.03  # few steps on few texts


def test_the_evaluation_is_per_head(folder: Path) -> None:
    figures = json.loads((folder / "evaluation.json").read_text())
    assert list(figures) == ["ease", "kind"]
    assert figures["ease"]["metric"] == "spearman"
    assert figures["kind"]["student"]["accuracy"] > 0.8
    assert figures["kind"]["compact"]["accuracy"] > 0.8
    assert figures["ease"]["line"]["targets"] == "labels"
    record = MultiHeadStudent.from_pretrained(folder / "student").evaluations
    assert record["kind"].student is not None
    assert record["speech"].calibration is not None
    assert record["speech"].calibration.targets == "soft targets"
    assert "### Evaluation" in (folder / "compact" / "README.md").read_text()
    report = (folder / "report.html").read_text()
    assert all(f"<h2>{head}</h2>" in report for head in ("ease", "kind", "speech"))
    assert f"<td>{metric_percent(record['kind'].student, 'accuracy')}</td>" in report


def test_each_teacher_has_its_labelling(folder: Path) -> None:
    assert sorted(path.name for path in (folder / "labels").iterdir() if path.is_dir()) == ["speech"]
    assert "teachers" in read_recipe(folder / "recipe.toml")


def test_several_teachers_over_one_corpus(files: Path, tmp_path: Path) -> None:
    teacher = Speech()
    questions = {
        "some": Question(teacher.score, classes=("no", "yes")),
        "much": Question(teacher.number, problem="regression"),
    }
    student = distill_heads(
        questions,
        unlabelled=files / "more.txt",
        output=tmp_path / "out",
        config=replace(CONFIG, shard_size=200),
    )
    texts = (files / "more.txt").read_text().split("\n")
    found = student.predict(texts)
    assert np.corrcoef(found["much"], teacher.words(texts))[0, 1] > 0.7
    assert found["much"][found["some"] == "yes"].mean() > found["much"][found["some"] == "no"].mean()


def test_the_tuner_chooses_for_all_heads(files: Path, tmp_path: Path) -> None:
    config = replace(
        CONFIG,
        tune=True,
        tune_minutes=0.01,
        given=("student.dim",),
        training=replace(CONFIG.training, steps=20),
    )
    distill_heads({"ease": EASE, "kind": KIND}, files / "train.jsonl", output=tmp_path / "out", config=config)
    tuning = json.loads((tmp_path / "out" / "tuning.json").read_text())["tuning"]
    assert 0 < tuning["trials"][0]["score"] < 1
    student = MultiHeadStudent.from_pretrained(tmp_path / "out" / "student")
    assert student.evaluations["ease"].tuning == student.evaluations["kind"].tuning


RECIPE = """
output = "{output}"
tune = false
baselines = false

[data]
labelled = "{files}/train.jsonl"
test = "{files}/test.jsonl"

[[teachers]]
name = "ease"
label = "ease"
problem = "regression"

[[teachers]]
name = "kind"
label = "kind"

[vocabulary]
max_ngram = 1

[student]
dim = 8
hidden = 16
"""

STEPS = """
[training]
steps = 40
batch_size = 32
"""


def test_a_recipe_describes_the_questions(files: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "job.toml"
    recipe.write_text(RECIPE.format(output=tmp_path / "out", files=files) + STEPS)
    result = CliRunner().invoke(app, ["distill", str(recipe)])
    assert result.exit_code == 0, result.output
    assert "ease: 300 test texts" in result.output
    assert "kind: 300 test texts" in result.output
    student = MultiHeadStudent.from_pretrained(tmp_path / "out" / "student")
    assert [head.problem for head in student.heads] == ["regression", "single_label"]
    again = multi_head_job(read_recipe(tmp_path / "out" / "recipe.toml"))
    assert again.questions == {"ease": EASE, "kind": KIND}
    shown = CliRunner().invoke(
        app,
        [
            "evaluate",
            str(tmp_path / "out" / "student"),
            str(files / "test.jsonl"),
            "--label",
            "kind",
            "--head",
            "kind",
        ],
    )
    assert "accuracy" in shown.output


def test_a_job_in_python_becomes_a_recipe(folder: Path) -> None:
    recipe = read_recipe(folder / "recipe.toml")
    assert recipe["teachers"][1] == {"name": "kind", "label": "kind"}
    assert recipe["teachers"][0]["problem"] == "regression"


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ('label = "x"', "[[teachers]] 1 has no name"),
        ('name = "a"', "The question a: There is nothing to learn from"),
        ('name = "../a"\nlabel = "x"', "The name of a head is '../a'"),
        ('name = "a"\nproblem = "guess"', "problem is 'guess'"),
        ('name = "a"\nclasses = "x"', "classes is 'x'"),
        ('name = "a"\nlabel = "x"\n[[teachers]]\nname = "a"\nlabel = "y"', "has the name 'a', as one before"),
        ('name = "a"\nlabel = "x"\n[teacher]\nmodel = "m"', "has model in [teacher] and [[teachers]]"),
        ('name = "a"\nmodel = "m"\nencoder = "e"', "The question a: Both a teacher and an encoder"),
        ('name = "a"\nmodel = "m"\nscores = "s"', "has a model and scores in files"),
        ('name = "a"\nscores = 3', "scores is 3"),
        ('name = "a"\nscores = "s"', "the classes of the scores are not known"),
        ('name = "a"\noutputs = "logits"', "has outputs and no scores"),
        ('name = "a"\nlabel = "x"\nclass_weights = "even"', "class_weights is 'even'"),
        ('name = "a"\nlabel = "x"\n[training]\nclass_weights = [1, 2]', "move them to each question"),
    ],
)
def test_recipes_that_cannot_be_used(table: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "job.toml"
    path.write_text(f'[data]\nlabelled = "train.csv"\n\n[[teachers]]\n{table}\n')
    assert message in error(lambda: multi_head_job(read_recipe(path)))


def test_a_misspelt_setting_is_named(tmp_path: Path) -> None:
    path = tmp_path / "job.toml"
    path.write_text('[[teachers]]\nname = "a"\nlabels = "x"\n')
    with pytest.raises(InputError, match=r"\[\[teachers\]\] 1 has no setting 'labels': did you mean 'label'"):
        multi_head_job(read_recipe(path))


def test_columns_of_labels_belong_to_the_questions(tmp_path: Path) -> None:
    path = tmp_path / "job.toml"
    path.write_text('[data]\nlabel = "y"\n\n[[teachers]]\nname = "a"\nlabel = "x"\n')
    assert "label is given for all questions" in error(lambda: multi_head_job(read_recipe(path)))
    assert "run it with `sparsedistill distill`" in error(lambda: recipe_job(read_recipe(path)))
    path.write_text('teachers = "a"\n')
    assert "write [[teachers]] above each question" in error(lambda: multi_head_job(read_recipe(path)))


@pytest.mark.parametrize(
    ("questions", "message"),
    [
        ({}, "There are no questions"),
        ({"a": Question()}, "The question a: There is nothing to learn from"),
        ({"a": Question(FileTeacher(("x", "y")), scores=("p", "q"))}, "The scores of a are in the files of"),
    ],
)
def test_questions_that_cannot_be_used(questions: Any, message: str, tmp_path: Path) -> None:
    assert message in error(lambda: distill_heads(questions, output=tmp_path / "out", config=CONFIG))


@pytest.fixture(scope="module")
def scored(files: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Unlabelled passages with the number that :class:`Speech` gives, and its two classes."""
    teacher, texts = Speech(), (files / "more.txt").read_text().split("\n")
    numbers, logits = teacher.words(texts), teacher.score(texts)
    path = tmp_path_factory.mktemp("scored") / "more.jsonl"
    rows = zip(texts, numbers.tolist(), logits.tolist(), strict=True)
    path.write_text(
        "".join(json.dumps({"text": text, "much": number, "some": two}) + "\n" for text, number, two in rows)
    )
    return path


def test_scores_in_files_and_labels(files: Path, scored: Path, tmp_path: Path) -> None:
    questions = {
        "much": Question(FileTeacher(("score",)), problem="regression", scores="much"),
        "some": Question(FileTeacher(("no", "yes")), classes=("no", "yes"), scores="some"),
        "kind": KIND,
    }
    student = distill_heads(
        questions, files / "train.jsonl", scored, tmp_path / "out", test=files / "test.jsonl", config=CONFIG
    )
    test = read_labelled(files / "test.jsonl", Columns(label="kind"))
    found, teacher = student.predict(test.texts), Speech()
    assert np.corrcoef(found["much"], teacher.words(test.texts.to_pylist()))[0, 1] > 0.55
    assert found["much"][found["some"] == "yes"].mean() > found["much"][found["some"] == "no"].mean()
    assert (found["kind"] == np.array(test.classes)[test.labels.astype(int)]).mean() > 0.8
    again = multi_head_job(read_recipe(tmp_path / "out" / "recipe.toml"))
    assert again.questions == questions


def test_a_teacher_and_scores_in_files(files: Path, scored: Path, tmp_path: Path) -> None:
    teacher = Speech()
    questions = {
        "much": Question(FileTeacher(("score",)), scores=("much",)),
        "some": Question(teacher.score, classes=("no", "yes")),
    }
    student = distill_heads(questions, None, scored, tmp_path / "out", config=replace(CONFIG, shard_size=250))
    assert teacher.texts == 600
    texts = read_labelled(files / "test.jsonl", Columns(label="kind")).texts
    assert np.corrcoef(student.predict(texts)["much"], teacher.words(texts.to_pylist()))[0, 1] > 0.55


def test_class_weights_of_a_question(files: Path, tmp_path: Path) -> None:
    def share(weights: Any, output: str) -> float:
        questions = {"kind": replace(KIND, class_weights=weights), "ease": EASE}
        config = replace(QUICK, refit=False, training=replace(QUICK.training, steps=40))
        student = distill_heads(questions, files / "train.jsonl", output=tmp_path / output, config=config)
        texts = read_labelled(files / "test.jsonl", Columns(label="kind")).texts
        names = next(head.classes for head in student.heads if head.name == "kind")
        return float((student.predict(texts)["kind"] == names[1]).mean())

    assert share((1.0, 9.0), "second") > share((9.0, 1.0), "first") + 0.05


@pytest.mark.parametrize(
    ("question", "message"),
    [
        (replace(EASE, class_weights="balanced"), "ease has class_weights and predicts numbers"),
        (Question(label="kind", class_weights=(1.0,)), "ease has 1 class_weights and"),
        (
            Question(Speech().score, classes=("no", "yes"), class_weights=(1.0, 2.0)),
            "ease has class_weights and no labels",
        ),
    ],
)
def test_class_weights_that_cannot_be_used(
    question: Question, message: str, files: Path, tmp_path: Path
) -> None:
    questions = {"ease": question, "kind": KIND}
    assert message in error(
        lambda: distill_heads(questions, files / "train.jsonl", output=tmp_path / "out", config=CONFIG)
    )


@pytest.mark.parametrize(
    ("question", "message"),
    [
        ({"teacher": FileTeacher(("a", "b"))}, "needs the columns of the scores"),
        ({"scores": "x", "label": "kind"}, "another teacher than a FileTeacher"),
    ],
)
def test_scores_without_a_place(question: dict[str, Any], message: str) -> None:
    assert message in error(lambda: Question(**question))


def test_few_labels_are_cross_validated(files: Path, tmp_path: Path) -> None:
    config = replace(CONFIG, tune=True, tune_minutes=0.01, compact=False)
    config = replace(config, training=replace(CONFIG.training, steps=10))
    distill_heads({"ease": EASE, "kind": KIND}, files / "train.jsonl", output=tmp_path / "out", config=config)
    tuning = json.loads((tmp_path / "out" / "tuning.json").read_text())["tuning"]
    assert tuning["folds"] == 5
    assert tuning["texts"] == 900  # each is held out once


def test_the_validation_texts_are_trained_on_in_the_end(files: Path, tmp_path: Path) -> None:
    config = replace(QUICK, counting=CountingConfig(min_count=1))
    students = [
        distill_heads(
            {"ease": EASE, "kind": KIND},
            files / "train.jsonl",
            output=tmp_path / str(refit),
            config=replace(config, refit=refit),
        )
        for refit in (False, True)
    ]
    sizes = [len(student.vocabulary) for student in students]
    assert sizes[1] > 1.03 * sizes[0]  # n-grams of the held-out tenth
    first, again = (student.evaluations for student in students)
    assert first["kind"].calibration == again["kind"].calibration
    assert first["ease"].line == again["ease"].line


@pytest.mark.parametrize("refit", [False, True])
def test_heads_have_linear_parts_and_several_networks(files: Path, tmp_path: Path, refit: bool) -> None:
    config = replace(QUICK, refit=refit, student=replace(QUICK.student, members=2))
    student = distill_heads(
        {"ease": EASE, "kind": KIND},
        files / "train.jsonl",
        output=tmp_path / "out",
        test=files / "test.jsonl",
        config=config,
    )
    linear = {name: student.head(name).evaluation.linear for name in ("ease", "kind")}
    assert linear["ease"] is not None  # 20 steps teach a network little
    assert linear["ease"].loss_after < linear["ease"].loss_before
    ease = student.head("ease").evaluation.student
    assert ease is not None
    assert ease.spearman is not None
    assert ease.spearman > 0.4
    columns = sum(1 for record in linear.values() if record is not None)
    assert student.weights.dim == 2 * QUICK.student.dim + columns


def test_teachers_of_several_questions_on_the_command_line(files: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "job.toml"
    recipe.write_text(RECIPE.format(output=tmp_path / "out", files=files).split("[[teachers]]")[0] + STEPS)
    given = ["distill", str(recipe), "--label", "ease=ease,kind=kind", "--set", "student.dim=8"]
    result = CliRunner().invoke(app, given)
    assert result.exit_code == 0, result.output
    assert "kind: 300 test texts" in result.output
    assert [head.name for head in MultiHeadStudent.from_pretrained(tmp_path / "out" / "student").heads] == [
        "ease",
        "kind",
    ]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--teacher", "a=x", "--teacher", "y"], "--teacher y has no name: give NAME=PATH"),
        (["--teacher", "a=x", "--teacher", "a=y"], "--teacher a was given twice"),
        (["--label", "a=x,y"], "'a=x,y' does not name a value for each head"),
        (["--teacher", "a=missing", "--teacher", "b=missing"], "missing"),
    ],
)
def test_options_of_several_questions_that_cannot_be_used(
    options: list[str], message: str, files: Path, tmp_path: Path
) -> None:
    unlabelled = ["--unlabelled", str(files / "more.txt"), "-o", str(tmp_path / "out")]
    result = CliRunner().invoke(app, ["distill", *unlabelled, *options])
    assert isinstance(result.exception, InputError)
    assert message in str(result.exception)


def test_a_killed_job_resumes_to_the_same_bits(files: Path, tmp_path: Path) -> None:
    class Killed(Speech):
        """Is interrupted after some texts."""

        def score(self, texts: Sequence[str]) -> NDArray[np.float64]:
            if self.texts >= limit:
                raise KeyboardInterrupt
            return super().score(texts)

    training = replace(CONFIG.training, steps=20)
    config = replace(CONFIG, shard_size=200, compact=False, training=training, finetuning=training)
    limit, weights = 400, []
    for output in ("killed", "killed", "whole"):
        question = Question(Killed().score, classes=("no", "yes"))
        try:
            student = distill_heads(
                {"speech": question, "ease": EASE},
                files / "train.jsonl",
                output=tmp_path / output,
                config=config,
            )
            weights.append(student.weights.output_weight.tobytes())
        except KeyboardInterrupt:
            labels = tmp_path / output / "labels" / "speech" / "manifest.json"
            assert not json.loads(labels.read_text())["complete"]
        limit = 10_000
    assert len(weights) == 2
    assert weights[0] == weights[1]
