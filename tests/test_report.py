"""The report: what a page says of results, and a run that goes on where it was."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from sentences import error
from test_finetuning import save_encoder

from sparsedistill import report
from sparsedistill.report import run_or_record, run_task
from sparsedistill.results import render, results_of, retention


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
        "corpus": 10_900,
        "left_out": {"labelled": 3, "unlabelled": 4},
        "max_ngram": 2,
        "boundaries": True,
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
    assert sizes == "| Films | 900 | 200 | 10,900 | 7 | 1-2, ends | 100,000 | 6,400,000 | 22,000,000 |"
    assert "fastText is not installed." in page


def test_f1_means_groups_and_failures_are_shown() -> None:
    groups = {"tea": {"texts": 50.0, "teacher": 0.9, "labels only": 0.7, "KD": 0.8, "KD + FT": 0.81}}
    pairs = result(title="Pairs", metric="f1", pair=True, note="few of them.", by="kind", groups=groups)
    page = render([result(), pairs, {"recipe": "lost", "failure": "lost.tsv does not exist."}])
    assert "| Pairs (F1) | 45.00 |" in page
    assert "mean of the 1 tasks of single texts: 95.00 %" in page
    assert "| tea | 50 | 90.00 | 70.00 | 80.00 | 81.00 |" in page
    assert "- Pairs: few of them." in page
    assert "- lost: lost.tsv does not exist." in page


def test_a_task_without_a_teacher_has_no_retention() -> None:
    alone = result(teacher=None, speed=None, students={"labels only": [{"accuracy": 0.8, "parameters": 9}]})
    assert retention(alone) is None
    assert "| Films | - | 80.00 | - | - |" in render([alone])


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
