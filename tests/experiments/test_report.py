"""The report: runs of recipes, which resume after an interruption."""

from __future__ import annotations

import csv
import gzip
import json
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.encoders import save_encoder
from support.sentences import error

from sparsedistill.experiments import ablations, speed
from sparsedistill.experiments.page import plots, render, results_of, retention
from sparsedistill.experiments.parts import PartIdentity, Parts
from sparsedistill.experiments.report import run_or_record, run_task
from sparsedistill.experiments.result import SpeedFigures, TaskFailure, TaskResult
from sparsedistill.pipeline.student_training import fit_student, train_student


@pytest.fixture
def films(tmp_path: Path) -> Path:
    """A recipe over good and bad films, with one text in both parts and a tiny encoder to fine-tune."""
    rows = [f"a {word} film , number {i}\t{word}\n" for i in range(150) for word in ("good", "bad")]
    (tmp_path / "train.tsv").write_text("text\tlabel\n" + "".join(rows))
    tests = "".join(f"{row.split(chr(9))[0]} again\t{row.split(chr(9))[1]}" for row in rows[:80])
    (tmp_path / "test.tsv").write_text("text\tlabel\nA good film, number 0!\tgood\n" + tests)
    (tmp_path / "more.txt").write_text(
        "A good film, number 0. The film is a bad one, I think, and long.\n"
        + "".join(f"Is the play number {i} good, or is it bad?\n" for i in range(40))
    )
    recipe = tmp_path / "films.toml"
    recipe.write_text(
        f"""
        data_dir = "{tmp_path}"
        threads = 1
        tune = false
        [data]
        labelled = {{ path = "train.tsv" }}
        test = {{ path = "test.tsv" }}
        unlabelled = {{ path = "more.txt", split_sentences = true }}
        [teacher]
        encoder = "{save_encoder(tmp_path / "encoder")}"
        learning_rate = 1e-3
        steps = 20
        evaluations = 2
        [vocabulary]
        max_ngram = 2
        [student]
        dim = 8
        hidden = 8
        [training]
        batch_size = 32
        steps = 40
        [finetuning]
        steps = 20
        [report]
        title = "Films"
        seeds = 2
        """
    )
    return recipe


def only(recipe: Path, work: Path) -> TaskResult:
    """The result of one recipe, with its ablations."""
    (found,) = results_of([recipe], work)
    assert isinstance(found, TaskResult)
    return found


@pytest.mark.slow
def test_report_resumes(films: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trained: list[object] = []

    def counting(train: Any) -> Any:
        def counted(*arguments: Any, **settings: Any) -> Any:
            trained.append(None)
            if len(trained) == 4:
                raise KeyboardInterrupt
            return train(*arguments, **settings)

        return counted

    monkeypatch.setattr("sparsedistill.experiments.run.train_student", counting(train_student))
    monkeypatch.setattr("sparsedistill.pipeline.labels_alone.fit_student", counting(fit_student))
    monkeypatch.setitem(sys.modules, "fasttext", None)
    monkeypatch.setattr(speed, "_ROUNDS", 1)
    with pytest.raises(KeyboardInterrupt):
        run_task(films, tmp_path / "work" / "films")
    assert len(trained) == 4
    assert results_of([films], tmp_path / "work") == [TaskFailure("films", "not run yet.")]
    found = run_task(films, tmp_path / "work" / "films")
    assert len(trained) == 4 + 3  # three of the six students were finished
    assert run_task(films, tmp_path / "work" / "films") == found
    assert len(trained) == 4 + 3
    assert results_of([films], tmp_path / "work") == [found]
    assert found.left_out["labelled"] == 1
    assert found.left_out["unlabelled"] >= 1
    assert found.teacher is not None
    assert found.teacher.parameters is not None
    assert found.teacher.parameters > 100_000
    assert [len(students) for students in found.students.values()] == [2, 2, 2]
    assert (found.students["labels only"][0].accuracy or 0) > 0.9
    assert (found.baselines["TF-IDF + LR"].accuracy or 0) > 0.9
    assert "pip install 'sparsedistill[report]'" in (found.baselines["fastText"].failure or "")
    assert found.speed is not None
    assert found.speed.ratio > 1
    assert "| Films |" in render([found])
    assert not (tmp_path / "work" / "films" / "checkpoints").exists()
    ranked = run_task(
        films, tmp_path / "work" / "films", settings=["report.metric=roc_auc", "report.seeds=1"]
    )
    assert len(trained) == 4 + 3 + 3  # the earlier figures have no ROC AUC
    assert 0.9 < (ranked.students["labels only"][0].roc_auc or 0) <= 1
    assert "| Films (ROC AUC) |" in render([ranked])


@pytest.mark.slow
def test_ablations_resume(films: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fasttext", None)
    monkeypatch.setattr(speed, "_ROUNDS", 1)
    for name, values in {"_ORDERS": (1,), "_DIMS": (4,), "_SHARES": (0.0, 0.5, 1.0), "_ROWS": (20,)}.items():
        monkeypatch.setattr(ablations, name, values)
    folder, settings = tmp_path / "work" / "films", ["report.seeds=1", "training.steps=20"]
    made: list[str] = []
    original = Parts.figures

    def counted(
        self: Parts, name: str, identity: PartIdentity, kind: type[Any], measure: Callable[[], Any]
    ) -> Any:
        def measure_and_count() -> Any:
            if len(made) == 8 and "interrupted" not in made:
                made.append("interrupted")
                raise KeyboardInterrupt
            figures = measure()
            made.append(name)
            return figures

        return original(self, name, identity, kind, measure_and_count)

    monkeypatch.setattr(Parts, "figures", counted)
    with pytest.raises(KeyboardInterrupt):
        run_task(films, folder, settings=settings, ablations=True)
    shown = only(films, tmp_path / "work").ablations or []
    assert 0 < sum(len(variant.students) for ablation in shown for variant in ablation.variants) < 14
    run_task(films, folder, settings=settings, ablations=True)
    before = list(made)
    run_task(films, folder, settings=settings, ablations=True)
    assert made == before
    assert len(set(made)) == len(made)
    assert {name for name in made if name.startswith("ablation-")} == {
        f"ablation-{name}-0"
        for name in (
            *("order-1", "rows-20", "dim-4", "share-0", "share-50"),
            *("pooling-max", "pooling-sum", "pooling-scalar-attention", "pooling-query-attention"),
        )
    }
    found = only(films, tmp_path / "work")
    variants = {
        (ablation.name, variant.label): variant
        for ablation in found.ablations or []
        for variant in ablation.variants
    }
    own = found.students["KD + FT"]
    assert all(variant.students == own for variant in variants.values() if variant.own)
    assert variants["training", "labels only"].students == found.students["labels only"]
    assert variants["rows", "20"].students[0].ngrams == 20
    none, half = (variants["share", label].students[0].ngrams for label in ("0 %", "50 %"))
    assert none < half < own[0].ngrams
    # A student of labels alone is trained on the validation texts too in the end.
    assert none < found.students["labels only"][0].ngrams
    assert variants["dim", "4"].students[0].parameters < own[0].parameters
    assert not {"ablations", "checkpoints"} & {path.name for path in folder.iterdir()}
    assert len(plots([found])) == 6
    labels = json.loads((folder / "labels" / "manifest.json").read_text())
    assert labels["texts"] == found.corpus


def labels_only(folder: Path, classes: tuple[str, ...] = ("good", "bad")) -> Path:
    """A recipe without a teacher."""
    rows = "".join(f"a {word} film {i}\t{word}\n" for i in range(30) for word in classes)
    (folder / "films.tsv").write_text(f"text\tlabel\n{rows}")
    (folder / "test.tsv").write_text(f"text\tlabel\n{rows.replace('film', 'play')}")
    recipe = folder / "r.toml"
    recipe.write_text(f'[data]\nlabelled = "{folder}/films.tsv"\ntest = "{folder}/test.tsv"\n')
    return recipe


def test_ablations_need_a_teacher(tmp_path: Path) -> None:
    recipe = labels_only(tmp_path)
    assert "no teacher" in error(lambda: run_task(recipe, tmp_path / "work" / "r", ablations=True))
    assert not (tmp_path / "work").exists()  # no work was done


@pytest.mark.parametrize("metric", ["f1", "roc_auc"])
def test_metrics_of_two_classes_need_two_classes(tmp_path: Path, metric: str) -> None:
    recipe, settings = labels_only(tmp_path, ("good", "bad", "fair")), [f"report.metric={metric}"]
    message = error(lambda: run_task(recipe, tmp_path / "work" / "r", settings=settings))
    assert f"3 classes and the metric '{metric}', which needs two" in message
    assert not (tmp_path / "work" / "r" / "tuning").exists()


@pytest.mark.slow
def test_a_recipe_of_numbers(tmp_path: Path, shared_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speed, "_ROUNDS", 1)
    with gzip.open(shared_data / "clear" / "train.tsv.gz", "rt", encoding="utf-8") as file:
        rows = random.Random(0).sample(list(csv.DictReader(file, delimiter="\t")), 400)
    for name, part in {"train": rows[:320], "test": rows[320:]}.items():
        lines = [f"{' '.join(row['text'].split()[:60])}\t{row['label']}\n" for row in part]
        (tmp_path / f"{name}.tsv").write_text("".join(["text\tlabel\n", *lines]), encoding="utf-8")
    recipe = tmp_path / "ease.toml"
    recipe.write_text(
        f"""
        data_dir = "{tmp_path}"
        threads = 1
        tune = false
        [data]
        problem = "regression"
        labelled = {{ path = "train.tsv" }}
        test = {{ path = "test.tsv" }}
        [teacher]
        encoder = "{save_encoder(tmp_path / "encoder")}"
        steps = 2
        evaluations = 1
        max_length = 32
        [vocabulary]
        max_ngram = 1
        [student]
        dim = 8
        hidden = 8
        [training]
        batch_size = 32
        steps = 30
        [finetuning]
        steps = 10
        [report]
        title = "Ease"
        """
    )
    found = run_task(recipe, tmp_path / "work" / "ease")
    assert run_task(recipe, tmp_path / "work" / "ease") == found
    assert results_of([recipe], tmp_path / "work") == [found]
    assert (found.metric, found.classes, found.test) == ("spearman", ["score"], 80)
    assert list(found.baselines) == ["mean", "TF-IDF + ridge"]
    assert found.baselines["mean"].spearman == 0
    assert (found.baselines["TF-IDF + ridge"].spearman or 0) > 0.3
    (student,) = found.students["KD + FT"]
    assert student.accuracy is None
    assert student.spearman is not None
    assert student.agreement is not None
    assert found.teacher is not None
    assert found.teacher.agreement == pytest.approx(1)
    assert retention(found) == pytest.approx(student.spearman / (found.teacher.spearman or 0))
    assert "| Ease (Spearman) |" in render([found])
    message = error(lambda: run_task(recipe, tmp_path / "work" / "x", settings=["report.metric=accuracy"]))
    assert (
        "Ease has numbers and the metric 'accuracy': set the metric of its [report] to 'spearman'" in message
    )


def test_classes_have_no_correlation(tmp_path: Path) -> None:
    recipe, settings = labels_only(tmp_path), ["report.metric=spearman"]
    message = error(lambda: run_task(recipe, tmp_path / "work" / "r", settings=settings))
    assert "has classes and the metric 'spearman': set the metric of its [report] to 'accuracy'" in message


def test_failed_task_records_the_reason(tmp_path: Path) -> None:
    recipe = tmp_path / "r.toml"
    recipe.write_text('[data]\nlabelled = "nowhere.tsv"\n')
    run_or_record(recipe, tmp_path / "work" / "r")
    found = json.loads((tmp_path / "work" / "r" / "result.json").read_text())
    assert set(found) == {"recipe", "failure"}
    assert "nowhere.tsv" in found["failure"]
    recipe.write_text("[report]\nseeds = 0\n")
    assert "seeds" in error(lambda: run_task(recipe, tmp_path / "work" / "r"))
    recipe.write_text("")
    wrong = ["report.metric=luck"]
    assert "metric is 'luck'" in error(lambda: run_task(recipe, tmp_path / "work" / "r", settings=wrong))


def test_parts_are_measured_again_if_their_identity_changes(tmp_path: Path) -> None:
    parts = Parts(tmp_path)
    measured: list[None] = []

    def measure() -> SpeedFigures:
        measured.append(None)
        rates = {"teacher": 1.0, "student": 2.0, "ratio": 2.0, "lowest": 2.0, "highest": 2.0}
        return SpeedFigures(**rates, texts=64, rounds=5)

    one = PartIdentity("a", "f1", {"rows": (1, 2), "teacher": None}, corpus=[(3, "hash")])
    other = PartIdentity("a", "f1", {"rows": (1, 3), "teacher": None}, corpus=[(3, "hash")])
    for identity, times in ((one, 1), (one, 1), (other, 2), (other, 2), (one, 3)):
        assert parts.figures("speed", identity, SpeedFigures, measure).ratio == 2
        assert len(measured) == times
    path = tmp_path / "parts" / "speed.json"
    values = json.loads(path.read_text())
    del values["figures"]["rounds"]
    path.write_text(json.dumps(values))
    message = error(lambda: parts.figures("speed", one, SpeedFigures, measure))
    assert str(path) in message
    assert f"delete the folder {tmp_path} and" in message
    assert parts.figures("speed", other, SpeedFigures, measure).rounds == 5


def test_results_are_rendered_without_torch() -> None:
    code = (
        "import sys; sys.modules.update(dict.fromkeys(['torch', 'transformers', 'sklearn']))\n"
        "from sparsedistill.experiments import TaskFailure, render\n"
        "print(render([TaskFailure('lost', 'not run yet.')]))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "- lost: not run yet." in found.stdout
