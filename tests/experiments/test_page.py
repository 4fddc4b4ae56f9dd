"""The page of results: tables, sentences and plots, and reading of the results that it shows."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.sentences import error

from sparsedistill.experiments.page import lead_kept, plots, render, results_of, retention
from sparsedistill.experiments.result import (
    AblationResult,
    BaselineFigures,
    SpeedFigures,
    StudentFigures,
    TaskFailure,
    TaskResult,
    TeacherFigures,
    VariantResult,
    metric_of,
    read_ablations,
    read_result,
    write_ablations,
    write_result,
)


def student(accuracy: float, ngrams: int = 100_000) -> StudentFigures:
    return StudentFigures(
        **quality(accuracy), validation=accuracy + 0.01, parameters=64 * ngrams, ngrams=ngrams
    )


def quality(accuracy: float) -> dict[str, Any]:
    return {
        "accuracy": accuracy,
        "macro_f1": accuracy,
        "log_loss": 0.5,
        "ece": 0.01,
        "f1": accuracy / 2,
        "agreement": 0.9,
        "error": 0.02,
    }


def result(**changes: Any) -> TaskResult:
    base = TaskResult(
        recipe="films",
        title="Films",
        metric="accuracy",
        seeds=3,
        by=None,
        note="",
        classes=["bad", "good"],
        pair=False,
        labelled=900,
        test=200,
        validation=100,
        corpus=10_900,
        left_out={"labelled": 3, "unlabelled": 4},
        tokenizer="1-2, ends, 3-5 characters",
        ngrams=100_000,
        dim=64,
        teacher=TeacherFigures(**quality(0.9), name="teacher", parameters=22_000_000),
        students={
            "labels only": [student(0.7), student(0.8), student(0.9)],
            "KD": [student(0.8)],
            "KD + FT": [student(0.855)],
        },
        baselines={
            "majority class": BaselineFigures(**quality(0.5), settings={}),
            "fastText": BaselineFigures(failure="fastText is not installed."),
            "TF-IDF + LR": BaselineFigures(**quality(0.75), settings={"C": 4.0}),
        },
        groups={},
        speed=SpeedFigures(
            teacher=10.0, student=12344.0, ratio=1234.4, lowest=999.6, highest=2000.0, texts=64, rounds=5
        ),
    )
    return replace(base, **changes)


def ablated(ordered: bool = True) -> AblationResult:
    return AblationResult(
        name="order",
        title="Longest n-gram",
        ordered=ordered,
        variants=[
            VariantResult(label="1", own=False, students=[student(0.7, 1000), student(0.8, 1000)]),
            VariantResult(label="<2>", own=True, students=[student(0.9, 2000)]),
            VariantResult(label="3", own=False),
        ],
    )


def test_page_has_one_row_per_task() -> None:
    page = render([result()], "Measured on a slide rule.")
    assert "Measured on a slide rule." in page
    row = next(line for line in page.splitlines() if line.startswith("| Films"))
    assert row == (
        "| Films | 90.00 ± 2.00 | 80.00 ± 2.00 (10.00) | 80.00 ± 2.00 | 85.50 ± 2.00 | 50.00 ± 2.00 "
        "| 75.00 ± 2.00 | not installed | 95.00 | 70.00 | 90.00 | 1,234x (1,000 - 2,000) |"
    )
    sizes = [line for line in page.splitlines() if line.startswith("| Films")][1]
    assert (
        sizes
        == "| Films | 900 | 200 | 10,900 | 7 | 1-2, ends, 3-5 characters | 100,000 | 6,400,000 | 22,000,000 |"
    )
    assert "fastText is not installed." in page


def test_no_lead_is_kept_of_a_teacher_that_does_not_lead() -> None:
    behind = TeacherFigures(**quality(0.77), name="teacher")  # within one standard error of the baseline
    assert lead_kept(result(teacher=behind)) is None
    assert lead_kept(result()) == pytest.approx(0.7)
    unknown = BaselineFigures(**{**quality(0.75), "error": None}, settings={"C": 4.0})
    assert lead_kept(result(baselines={"TF-IDF + LR": unknown})) is None


def test_numbers_have_baselines_of_their_own() -> None:
    def figures(value: float) -> dict[str, Any]:
        return {"spearman": value, "agreement": 0.8, "error": 0.02}

    own = StudentFigures(**figures(0.6), validation=0.6, parameters=64, ngrams=1)
    ease = result(
        title="Ease",
        metric="spearman",
        classes=["score"],
        teacher=TeacherFigures(**figures(0.75), name="teacher"),
        students={"KD + FT": [own]},
        baselines={
            "mean": BaselineFigures(**{**figures(0.0), "error": 0.0}, settings={}),
            "TF-IDF + ridge": BaselineFigures(**figures(0.5), settings={"alpha": 1.0}),
        },
    )
    page = render([ease])
    assert "| mean | TF-IDF + ridge | fastText |" in page
    assert "| Ease (Spearman) | 75.00 ± 2.00 | - | - | 60.00 ± 2.00 | 0.00 ± 0.00 | 50.00 ± 2.00 | - " in page
    assert "| 80.00 | 40.00 | 80.00 |" in page  # retention, lead kept, agreement
    assert "100 times Spearman's correlation" in page
    both = render([result(), ease])
    assert "| majority class or mean | TF-IDF + LR or TF-IDF + ridge | fastText |" in both


def test_f1_means_groups_and_failures_are_shown() -> None:
    groups = {"tea": {"texts": 50.0, "teacher": 0.9, "labels only": 0.7, "KD": 0.8, "KD + FT": 0.81}}
    pairs = result(title="Pairs", metric="f1", pair=True, note="few of them.", by="kind", groups=groups)
    teacher = TeacherFigures(**quality(1.0), name="teacher", parameters=22_000_000)
    elsewhere = result(title="Elsewhere", teacher=teacher, by="kind", groups=groups)
    page = render([result(), pairs, elsewhere, TaskFailure("lost", "lost.tsv does not exist.")])
    assert "| Pairs (F1) | 45.00 ± 2.00 |" in page
    assert "Mean retention of the 1 task with single texts: 95.00 %" in page
    assert "| tea | 50 | 90.00 | 70.00 | 80.00 | 81.00 |" in page
    assert "- Pairs: few of them." in page
    assert "- lost: lost.tsv does not exist." in page


def test_task_without_a_teacher_has_no_retention() -> None:
    alone = result(
        teacher=None, speed=None, students={"labels only": [replace(student(0.8), agreement=None)]}
    )
    assert retention(alone) is None
    assert "| Films | - | 80.00 ± 2.00 | - | - |" in render([alone])


def test_ablations_are_plotted_and_tabulated() -> None:
    films = result(ablations=[ablated(), replace(ablated(), name="dim", variants=[])])
    page = render([films, result()])
    assert "![Films: Longest n-gram](ablations/films-order.svg)" in page
    # sqrt(0.9 * 0.1 / 200) and sqrt(0.9 * 0.1 / 100)
    assert (
        "The standard error of an accuracy is 2.1 points on 200 test texts and 3.0 points on 100 validation "
        "texts"
    ) in page
    assert "| 1 | 75.00 ± 7.07 | 76.00 ± 7.07 | 1,000 | 64,000 | 2 |" in page
    assert "| **<2>** | 90.00 | 91.00 | 2,000 | 128,000 | 1 |" in page
    assert "Not trained yet: 3." in page
    assert "## Ablations" not in render([result()])
    assert list(plots([films, TaskFailure("lost", "lost.")])) == ["ablations/films-order.svg"]


@pytest.mark.parametrize("ordered", [True, False])
def test_plot_marks_the_recipes_own_setting(ordered: bool) -> None:
    picture = ET.fromstring(plots([result(ablations=[ablated(ordered)])])["ablations/films-order.svg"])
    elements = {
        name: [element for element in picture.iter() if element.tag.endswith(f"}}{name}")]
        for name in ("circle", "polyline", "rect", "text")
    }
    assert len(elements["polyline"]) == (2 if ordered else 0)
    assert len(elements["circle"]) == 2 * 2 + 2  # two in the legend
    words = {element.text: float(element.get("x", "")) for element in elements["text"]}
    band = elements["rect"][1]  # behind the second of the two settings
    begin, width = float(band.get("x", "")), float(band.get("width", ""))
    assert words["1"] < begin < words["<2>"] == words["recipe"] < begin + width
    heights = [float(circle.get("cy", "")) for circle in elements["circle"]]
    assert min(heights) > 0
    assert max(heights) < 400


def test_results_are_read_as_they_were_written(tmp_path: Path) -> None:
    films, folder = result(), tmp_path / "films"
    write_result(folder, replace(films, ablations=[ablated()]))
    assert read_result(folder) == films
    assert read_ablations(folder) is None
    write_ablations(folder, [ablated()])
    write_result(tmp_path / "lost", TaskFailure("lost", "lost.tsv does not exist."))
    assert json.loads((tmp_path / "lost" / "result.json").read_text()) == {
        "recipe": "lost",
        "failure": "lost.tsv does not exist.",
    }
    assert results_of([Path("films.toml"), Path("a/lost.toml"), Path("new.toml")], tmp_path) == [
        replace(films, ablations=[ablated()]),
        TaskFailure("lost", "lost.tsv does not exist."),
        TaskFailure("new", "not run yet."),
    ]


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("result.json", lambda values: values.pop("left_out")),
        ("result.json", lambda values: values["students"]["KD"][0].pop("validation")),
        ("result.json", lambda values: values["baselines"]["fastText"].pop("failure")),
        ("ablations.json", lambda values: values["ablations"][0].pop("ordered")),
    ],
)
def test_results_of_other_versions_name_the_folder_to_delete(tmp_path: Path, name: str, change: Any) -> None:
    folder = tmp_path / "films"
    write_result(folder, result())
    write_ablations(folder, [ablated()])
    values = json.loads((folder / name).read_text())
    change(values)
    (folder / name).write_text(json.dumps(values))
    message = error(lambda: results_of([Path("films.toml")], tmp_path))
    assert f"{folder / name} cannot be used" in message
    assert f"delete the folder {folder} and run the recipe again" in message


def test_figures_without_the_metric_are_an_error() -> None:
    assert "roc_auc was not measured" in error(lambda: metric_of(student(0.8), "roc_auc"))
