"""What is checked before work starts: outputs that would replace inputs, and settings out of range."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from support.commands import Run

LABELLED = "text\tlabel\n" + "a good film\tgood\na bad film\tbad\n" * 20


@pytest.fixture
def films(tmp_path: Path) -> Path:
    path = tmp_path / "films.tsv"
    path.write_text(LABELLED)
    return path


@pytest.mark.parametrize("link", [None, "symbolic", "hard"])
def test_outputs_do_not_replace_what_is_read(
    run: Run, student: Path, films: Path, tmp_path: Path, link: str | None
) -> None:
    output = films if link is None else tmp_path / "link.tsv"
    if link == "symbolic":
        output.symlink_to(films)
    elif link == "hard":
        output.hardlink_to(films)
    commands: list[list[object]] = [
        ["predict", student, films, "-o", output],
        ["evaluate", student, films, "--plot", output],
        ["evaluate", student, films, "--labelled", films, "--plot", output],
        ["filter", student, films, "-o", output, "--keep", "good > 0", "--prefix", "x_"],
        ["filter", student, films, "-o", tmp_path / "k.tsv", "--keep", "good > 0", "--report", output],
    ]
    for command in commands:
        code, _, err = run(*command)
        assert (code, "is both read and written: choose another output" in err) == (2, True), err
    assert films.read_text() == LABELLED


def test_outputs_do_not_replace_the_model(run: Run, student: Path, films: Path, tmp_path: Path) -> None:
    config = student / "config.json"
    before = config.read_bytes()
    for command in (
        ["evaluate", student, films, "--plot", config],
        ["explain", student, "a good film", "--html", config],
        ["filter", student, films, "-o", tmp_path / "k.tsv", "--keep", "good > 0", "--report", config],
        ["predict", student, films, "-o", config],
    ):
        code, _, err = run(*command)
        assert (code, "is both read and written" in err) == (2, True), err
    assert config.read_bytes() == before


@pytest.mark.parametrize(("output", "message"), [("", "'' is not a path"), (".", "exists already")])
def test_outputs_without_a_name(
    run: Run, student: Path, films: Path, output: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(films.parent)
    code, out, err = run("evaluate", student, films, "--plot", output)
    assert (code, out) == (2, "")  # before anything is measured
    assert "is not a regular file" in err
    assert run("vocab", films, "-o", "vocabulary")[0] == 0
    code, _, err = run("train", "vocabulary", "--labelled", films, "-o", output)
    assert code == 2
    assert message in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["inspect", "{student}", "--top", "0"], "--top is 0"),
        (["explain", "{student}", "good", "--top", "-1"], "--top is -1"),
        (["compress", "{student}", "{films}", "-o", "c", "--count", "0"], "--count is 0"),
        (["compress", "{student}", "{films}", "-o", "c", "--count", "1" + 30 * "0"], "less than 2^31"),
        (["compress", "{student}", "{films}", "-o", "c", "--agreement", "-1"], "it must be 0 to 1"),
        (["compress", "{student}", "{films}", "-o", "c", "--agreement", "2"], "it must be 0 to 1"),
        (["evaluate", "{student}", "{films}", "--threads", "1" + 30 * "0"], "at most 1,048,576"),
        (["vocab", "{films}", "-o", "v", "--threads", "1" + 30 * "0"], "at most 1,048,576"),
        (["teach", "none", "{films}", "-o", "t", "--seed", "-1"], "it must be 0 to 2^63 - 1"),
        (["teach", "none", "{films}", "-o", "t", "--batch-size", "1" + 30 * "0"], "less than 2^31"),
        (["distill", "--labelled", "{films}", "--set", "training.class_weights=[-1,1]"], "weight is -1"),
        (["distill", "--labelled", "{films}", "--set", "training.class_weights=[nan,1]"], "weight is nan"),
        (["distill", "--labelled", "{films}", "--set", "training.batch_size=1" + 30 * "0"], "less than 2^31"),
        (["distill", "--labelled", "{films}", "--set", "data=1"], "data is not a table"),
        (["distill", "--labelled", "{films}", "--set", "teacher.soft_targets=['x']"], "without their t"),
        (["label", "a,", "{films}", "--scores", "s", "-o", "l"], "A class name is empty"),
        (["label", "a, a", "{films}", "--scores", "s", "-o", "l"], "two or more distinct names"),
        (["label", "a," + 2000 * "b", "{films}", "--scores", "s", "-o", "l"], "has 2,000 characters"),
        (["report", "lost.toml"], "lost.toml does not exist"),
        (["report", "{films}"], "is not TOML"),
        (["report", "{recipe}", "{recipe}"], "Two recipes are named job"),
        (["report", "{recipe}", "-o", "{recipe}"], "is both read and written"),
        (["report", "{recipe}", "--teachers", "lost"], "--teachers: lost is not a directory"),
        (["report", "{recipe}", "--set", "training.dim=1"], "[training] has no setting 'dim'"),
    ],
)
def test_settings_are_checked_before_work_starts(
    run: Run,
    student: Path,
    films: Path,
    tmp_path: Path,
    arguments: list[str],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    recipe = tmp_path / "job.toml"
    recipe.write_text('[data]\nlabelled = "films.tsv"\n')
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    code, _, err = run(*(part.format(student=student, films=films, recipe=recipe) for part in arguments))
    assert (code, message in err) == (2, True), err
    shutil.rmtree(tmp_path / "distilled", ignore_errors=True)  # the folder of the job, and its lock
    assert sorted(tmp_path.rglob("*")) == before
