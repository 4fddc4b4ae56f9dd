"""The report: what a page says of results, and a run that goes on where it was."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from support.sentences import error
from teachers.test_finetuning import save_encoder

from sparsedistill._internal.files import read_json
from sparsedistill.experiments import ablations, report
from sparsedistill.experiments.report import run_or_record, run_task
from sparsedistill.experiments.results import plots, render, results_of, retention


def result(**changes: Any) -> dict[str, Any]:
    def quality(accuracy: float) -> dict[str, Any]:
        return {"accuracy": accuracy, "f1": accuracy / 2, "agreement": 0.9, "parameters": 6_400_000}

    return {
        "recipe": "films",
        "title": "Films",
        "metric": "accuracy",
        "by": None,
        "note": "",
        "pair": False,
        "labelled": 900,
        "test": 200,
        "validation": 100,
        "corpus": 10_900,
        "left_out": {"labelled": 3, "unlabelled": 4},
        "tokenizer": "1-2, ends, 3-5 characters",
        "ngrams": 100_000,
        "teacher": {**quality(0.9), "parameters": 22_000_000},
        "students": {
            "labels only": [quality(0.7), quality(0.8), quality(0.9)],
            "KD": [quality(0.8)],
            "KD + FT": [quality(0.855)],
        },
        "baselines": {"fastText": {"failure": "fastText is not installed."}, "TF-IDF + LR": quality(0.75)},
        "groups": {},
        "speed": {"ratio": 1234.4, "lowest": 999.6, "highest": 2000.0},
        **changes,
    }


def test_a_page_has_a_row_a_task() -> None:
    page = render([result()], "Measured on a slide rule.")
    assert "Measured on a slide rule." in page
    row = next(line for line in page.splitlines() if line.startswith("| Films"))
    assert row == (
        "| Films | 90.00 | 80.00 ± 10.00 | 80.00 | 85.50 | not installed | 75.00 | 95.00 | 90.00 "
        "| 1,234x (1,000 - 2,000) |"
    )
    sizes = [line for line in page.splitlines() if line.startswith("| Films")][1]
    assert (
        sizes
        == "| Films | 900 | 200 | 10,900 | 7 | 1-2, ends, 3-5 characters | 100,000 | 6,400,000 | 22,000,000 |"
    )
    assert "fastText is not installed." in page


def test_f1_means_groups_and_failures_are_shown() -> None:
    groups = {"tea": {"texts": 50.0, "teacher": 0.9, "labels only": 0.7, "KD": 0.8, "KD + FT": 0.81}}
    pairs = result(title="Pairs", metric="f1", pair=True, note="few of them.", by="kind", groups=groups)
    elsewhere = result(
        title="Elsewhere", teacher=result()["teacher"] | {"accuracy": 1.0}, by="kind", groups=groups
    )
    page = render([result(), pairs, elsewhere, {"recipe": "lost", "failure": "lost.tsv does not exist."}])
    assert "| Pairs (F1) | 45.00 |" in page
    assert "mean of the 1 tasks of single texts: 95.00 %" in page
    assert "| tea | 50 | 90.00 | 70.00 | 80.00 | 81.00 |" in page
    assert "- Pairs: few of them." in page
    assert "- lost: lost.tsv does not exist." in page


def test_a_task_without_a_teacher_has_no_retention() -> None:
    alone = result(teacher=None, speed=None, students={"labels only": [{"accuracy": 0.8, "parameters": 9}]})
    assert retention(alone) is None
    assert "| Films | - | 80.00 | - | - |" in render([alone])


def ablated(ordered: bool = True) -> dict[str, Any]:
    def student(test: float, ngrams: int = 1000) -> dict[str, Any]:
        return {"accuracy": test, "validation": test + 0.01, "ngrams": ngrams, "parameters": 64 * ngrams}

    variants = [
        {"label": "1", "own": False, "students": [student(0.7), student(0.8)]},
        {"label": "<2>", "own": True, "students": [student(0.9, 2000)]},
        {"label": "3", "own": False, "students": []},
    ]
    return {"name": "order", "title": "Longest n-gram", "ordered": ordered, "variants": variants}


def test_ablations_are_drawn_and_written_down() -> None:
    films = result(ablations=[ablated(), {**ablated(), "name": "dim", "variants": []}])
    page = render([films, result()])
    assert "![Films: Longest n-gram](ablations/films-order.svg)" in page
    assert "standard error of one accuracy is 2.1 and 3.0 points" in page  # sqrt(0.9 * 0.1 / 200), / 100
    assert "| 1 | 75.00 ± 7.07 | 76.00 ± 7.07 | 1,000 | 64,000 | 2 |" in page
    assert "| **<2>** | 90.00 | 91.00 | 2,000 | 128,000 | 1 |" in page
    assert "Not trained yet: 3." in page
    assert "## Ablations" not in render([result()])
    assert list(plots([films, {"recipe": "lost", "failure": "lost."}])) == ["ablations/films-order.svg"]


@pytest.mark.parametrize("ordered", [True, False])
def test_a_plot_marks_the_recipes_own(ordered: bool) -> None:
    picture = ET.fromstring(plots([result(ablations=[ablated(ordered)])])["ablations/films-order.svg"])
    elements = {
        name: [element for element in picture.iter() if element.tag.endswith(f"}}{name}")]
        for name in ("circle", "polyline", "rect", "text")
    }
    assert len(elements["polyline"]) == (2 if ordered else 0)
    assert len(elements["circle"]) == 2 * 2 + 2  # two of the legend
    words = {element.text: float(element.get("x", "")) for element in elements["text"]}
    band = elements["rect"][1]  # behind the one in the middle of what is drawn
    begin, width = float(band.get("x", "")), float(band.get("width", ""))
    assert words["1"] < begin < words["<2>"] == words["recipe"] < begin + width
    heights = [float(circle.get("cy", "")) for circle in elements["circle"]]
    assert min(heights) > 0
    assert max(heights) < 400


@pytest.fixture
def films(tmp_path: Path) -> Path:
    """A recipe over films, good and bad, with one text in both parts, and a tiny encoder to fine-tune."""
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
        [data]
        labelled = {{ path = "train.tsv" }}
        test = {{ path = "test.tsv" }}
        unlabelled = {{ path = "more.txt", split_sentences = true }}
        [teacher]
        encoder = "{save_encoder(tmp_path / "encoder")}"
        learning_rate = 1e-3
        max_length = 16
        [vocabulary]
        max_ngram = 2
        [student]
        dim = 8
        hidden = 8
        [training]
        batch_size = 32
        [report]
        title = "Films"
        seeds = 2
        """
    )
    return recipe


def test_a_report_goes_on_where_it_was(films: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trained: list[object] = []
    train_student = report.train_student

    def counted(*arguments: Any, **settings: Any) -> Any:
        if len(trained) == 3:
            trained.append(None)
            raise KeyboardInterrupt
        trained.append(None)
        return train_student(*arguments, **settings)

    monkeypatch.setattr(report, "train_student", counted)
    monkeypatch.setitem(__import__("sys").modules, "fasttext", None)
    monkeypatch.setattr(report, "_ROUNDS", 1)
    with pytest.raises(KeyboardInterrupt):
        run_task(films, tmp_path / "work" / "films")
    assert len(trained) == 4
    assert results_of([films], tmp_path / "work")[0]["failure"] == "not run yet."
    found = run_task(films, tmp_path / "work" / "films")
    assert len(trained) == 4 + 3  # three of six were there
    assert run_task(films, tmp_path / "work" / "films") == found
    assert len(trained) == 4 + 3
    assert results_of([films], tmp_path / "work") == [found]
    assert found["left_out"]["labelled"] == 1
    assert found["left_out"]["unlabelled"] >= 1
    assert found["teacher"]["parameters"] > 100_000
    assert [len(students) for students in found["students"].values()] == [2, 2, 2]
    assert found["students"]["labels only"][0]["accuracy"] > 0.9
    assert found["baselines"]["TF-IDF + LR"]["accuracy"] > 0.9
    assert "pip install 'sparsedistill[report]'" in found["baselines"]["fastText"]["failure"]
    assert found["speed"]["ratio"] > 1
    assert "| Films |" in render([found])
    assert not (tmp_path / "work" / "films" / "checkpoints").exists()
    ranked = run_task(
        films, tmp_path / "work" / "films", settings=["report.metric=roc_auc", "report.seeds=1"]
    )
    assert len(trained) == 4 + 3 + 3  # what was measured before has no such figure
    assert 0.9 < ranked["students"]["labels only"][0]["roc_auc"] <= 1
    assert "| Films (ROC AUC) |" in render([ranked])


def test_ablations_go_on_where_they_were(
    films: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "fasttext", None)
    monkeypatch.setattr(report, "_ROUNDS", 1)
    for name, values in {"_ORDERS": (1,), "_DIMS": (4,), "_SHARES": (0.0, 0.5, 1.0), "_ROWS": (20,)}.items():
        monkeypatch.setattr(ablations, name, values)
    folder, settings = tmp_path / "work" / "films", ["report.seeds=1", "training.epochs=2"]
    made: list[str] = []
    part = report._Run._part

    def counted(self: Any, name: str, identity: dict[str, Any], make: Any) -> dict[str, Any]:
        def make_and_count() -> dict[str, Any]:
            if len(made) == 8 and "interrupted" not in made:
                made.append("interrupted")
                raise KeyboardInterrupt
            figures: dict[str, Any] = make()
            made.append(name)
            return figures

        return part(self, name, identity, make_and_count)

    monkeypatch.setattr(report._Run, "_part", counted)
    with pytest.raises(KeyboardInterrupt):
        run_task(films, folder, settings=settings, ablations=True)
    shown = results_of([films], tmp_path / "work")[0]["ablations"]
    assert 0 < sum(len(variant["students"]) for ablation in shown for variant in ablation["variants"]) < 14
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
    found = results_of([films], tmp_path / "work")[0]
    variants = {
        (ablation["name"], variant["label"]): variant
        for ablation in found["ablations"]
        for variant in ablation["variants"]
    }
    own = found["students"]["KD + FT"]
    assert all(variant["students"] == own for variant in variants.values() if variant["own"])
    assert variants["training", "labels only"]["students"] == found["students"]["labels only"]
    assert variants["rows", "20"]["students"][0]["ngrams"] == 20
    none, half = (variants["share", label]["students"][0]["ngrams"] for label in ("0 %", "50 %"))
    assert none < half < own[0]["ngrams"]
    assert none == found["students"]["labels only"][0]["ngrams"]
    assert variants["dim", "4"]["students"][0]["parameters"] < own[0]["parameters"]
    assert not {"ablations", "checkpoints"} & {path.name for path in folder.iterdir()}
    assert len(plots([found])) == 6
    labels = read_json(folder / "labels" / "manifest.json")
    assert labels["texts"] == found["corpus"]


def test_ablations_need_a_teacher(tmp_path: Path) -> None:
    rows = "".join(f"a {word} film {i}\t{word}\n" for i in range(30) for word in ("good", "bad"))
    (tmp_path / "films.tsv").write_text(f"text\tlabel\n{rows}")
    (tmp_path / "test.tsv").write_text(f"text\tlabel\n{rows.replace('film', 'play')}")
    recipe = tmp_path / "r.toml"
    recipe.write_text(f'[data]\nlabelled = "{tmp_path}/films.tsv"\ntest = "{tmp_path}/test.tsv"\n')
    assert "no teacher" in error(lambda: run_task(recipe, tmp_path / "work" / "r", ablations=True))
    assert (tmp_path / "work" / "r" / "result.json").exists()


def test_a_task_that_cannot_run_says_why(tmp_path: Path) -> None:
    recipe = tmp_path / "r.toml"
    recipe.write_text('[data]\nlabelled = "nowhere.tsv"\n')
    run_or_record(recipe, tmp_path / "work" / "r")
    found = json.loads((tmp_path / "work" / "r" / "result.json").read_text())
    assert "nowhere.tsv" in found["failure"]
    recipe.write_text("[report]\nseeds = 0\n")
    assert "seeds" in error(lambda: run_task(recipe, tmp_path / "work" / "r"))
    recipe.write_text("")
    wrong = ["report.metric=luck"]
    assert "metric is 'luck'" in error(lambda: run_task(recipe, tmp_path / "work" / "r", settings=wrong))
