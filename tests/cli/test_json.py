"""``--json``: standard output is JSON and nothing else, with the figures of the tables."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.commands import Run
from support.students import three_questions

from sparsedistill._internal.settings import read_toml
from sparsedistill.cli.doctor import EXTRAS


@pytest.fixture
def result(run: Run) -> Any:
    """Run a command with ``--json``; gives the parsed output."""

    def call(*arguments: object) -> Any:
        code, out, err = run(*arguments, "--json")
        assert code == 0, err
        return json.loads(out)

    return call


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Labelled texts with the scores of a teacher."""
    rows = [
        f"a {word} film {i}\t{word}\t{4 * (word == 'good')}\t{4 * (word == 'bad')}\n"
        for i in range(60)
        for word in ("good", "bad")
    ]
    path = tmp_path / "data.tsv"
    path.write_text("text\tlabel\tg\tb\n" + "".join(rows))
    return path


def test_what_a_student_is(result: Any, student: Path) -> None:
    found = result("inspect", student, "--text", "a good film", "--top", 2)
    assert found["student"]["classes"] == ["good", "bad"]
    assert found["student"]["embedding dimensions"] == 2
    assert found["vocabulary"]["closed under prefixes"] is True
    assert len(found["vocabulary"]["most frequent"]) == 2
    assert found["strongest n-grams"]["good"][0] == "good"
    assert found["text"]["known n-grams"] == ["a", "good", "film"] or found["text"]["coverage"] == 1
    assert found["text"]["classes"]["good"] > 0.9


def test_several_questions(result: Any, tmp_path: Path) -> None:
    three_questions().save_pretrained(tmp_path / "student")
    found = result("inspect", tmp_path / "student")
    assert list(found["heads"]) == ["edu", "toxicity", "topic"]
    assert found["heads"]["toxicity"]["labels"] == "one per text"
    rows = [{"text": word, "toxicity": label} for word, label in (("good", "ok"), ("bad", "very bad"))]
    (tmp_path / "test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    command = ("evaluate", tmp_path / "student", tmp_path / "test.jsonl", "--label", "toxicity=toxicity")
    assert result(*command)["toxicity"]["student"]["accuracy"] == 1


def test_evaluate_explain_filter_cascade_and_compress(
    result: Any, run: Run, student: Path, data: Path, tmp_path: Path
) -> None:
    scores = ("--scores", "g,b")
    figures = result("evaluate", student, data, *scores)
    assert figures["student"]["accuracy"] == figures["teacher"]["accuracy"] == 1
    assert figures["deferral"]["points"]

    why = result("explain", student, "a good \x9b film", "--top", 1)
    assert (why["label"], why["ngrams"][0]["ngram"]) == ("good", "good")
    assert why["ngrams"][0]["contributions"]["good"] > 1
    assert "\x9b" not in run("explain", student, "a good \x9b film", "--json")[1]

    rule = ("--keep", "good >= 0.9", "--no-scores")
    kept = result("filter", student, data, "-o", tmp_path / "kept.tsv", *rule)
    assert kept["total"]["kept"] == 60
    code, _, err = run("filter", student, data, "-o", "-", *rule, "--json")
    assert code == 2
    assert "--json and -o - both write to standard output: name an output file." in err

    command = ("cascade", student, data, "--teacher", "the/teacher", *scores, "-o", tmp_path / "cascade")
    cascade = result(*command)
    assert cascade["texts"] == 120
    assert cascade["evaluation"]["metric"] == "accuracy"
    assert "threshold" in result("inspect", tmp_path / "cascade")["cascade"]

    compact = result("compress", student, data, "-o", tmp_path / "compact")
    assert compact["compression"]["steps"][-1]["agreement"] == 1
    assert compact["bytes"] > 0


def test_distill_and_report(result: Any, data: Path, tmp_path: Path) -> None:
    test = tmp_path / "test.tsv"
    test.write_text(data.read_text().replace("film", "play"))
    recipe = tmp_path / "films.toml"
    recipe.write_text(
        f'[data]\nlabelled = "{data}"\ntest = "{test}"\n[student]\ndim = 8\nhidden = 8\n'
        "[training]\nsteps = 40\nbatch_size = 32\n[vocabulary]\nmax_ngram = 1\n"
    )
    quick = ("--no-tune", "--no-baselines", "--no-compact")
    found = result("distill", recipe, "-o", tmp_path / "out", *quick)
    assert found["evaluation"]["student"]["accuracy"] > 0.9
    command = ("report", recipe, "-w", tmp_path / "work", "-o", tmp_path / "results.md", "--only-render")
    assert result(*command)[0]["recipe"] == "films"


def test_doctor(result: Any, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    found = result("doctor")
    assert found["machine"]["instruction sets"][0] == "PORTABLE"
    assert found["machine"]["threads by default"] >= 1
    assert found["training"]["table"] in ("fbgemm", "embedding_bag")
    assert found["versions"]["numpy"]
    monkeypatch.setattr("sparsedistill.cli.doctor.find_spec", lambda name: None)
    code, out, _ = run("doctor")
    assert code == 0
    words = " ".join(out.replace("│", " ").split())
    assert "missing (polars), for expressions of Polars: pip install" in words
    assert "no: pip install 'sparsedistill[train]'" in words


def test_doctor_knows_the_extras_for_users() -> None:
    project = read_toml(Path(__file__).parents[2] / "pyproject.toml", "the project")["project"]
    known = {extra.name for extra in EXTRAS} | {"bench", "demo", "dev", "docs"}
    assert known == set(project["optional-dependencies"])
