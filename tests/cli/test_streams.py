"""Closed standard streams, narrow terminals, and systems without threads."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.students import good_or_bad

COMMAND = f"{sys.executable} -m sparsedistill"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("streams")
    good_or_bad().save_pretrained(folder / "student")
    (folder / "texts.txt").write_text("good\nbad\n")
    (folder / "labelled.csv").write_text("text,label\ngood,good\nbad,bad\n")
    return folder


def shell(folder: Path, line: str, **environment: str) -> tuple[int, str]:
    """Run a line of bash, in which ``sd`` is the command; gives the exit code and stderr."""
    script = f'sd() {{ {COMMAND} "$@"; }}; {line}'
    ran = subprocess.run(
        ["bash", "-c", script], cwd=folder, env=os.environ | environment, capture_output=True, text=True
    )
    return ran.returncode, ran.stderr.strip().splitlines()[-1] if ran.stderr.strip() else ""


@pytest.mark.parametrize(
    "arguments",
    [
        "predict student texts.txt",
        "filter student texts.txt -o - --keep 'good > 0'",
        "inspect student",
        "explain student good",
        "--version",
    ],
)
def test_closed_output(folder: Path, arguments: str) -> None:
    code, said = shell(folder, f"sd {arguments} >&-")
    assert code == 2
    assert said.endswith("Standard output is closed: give it a file or a pipe.")


@pytest.mark.parametrize("arguments", ["predict student", "vocab - --format txt -o v"])
def test_closed_input(folder: Path, arguments: str) -> None:
    code, said = shell(folder, f"sd {arguments} <&-")
    assert code == 2
    assert said.endswith("Standard input is closed: name a file or give it a pipe.")


def test_a_command_that_prints_nothing_to_a_closed_stream_succeeds(folder: Path) -> None:
    assert shell(folder, "sd predict student texts.txt -o a.tsv >&- <&- 2>&-")[0] == 0
    assert (folder / "a.tsv").read_text().count("\n") == 3


def test_a_terminal_without_columns(folder: Path) -> None:
    code, said = shell(folder, "sd predict student nothing.txt", COLUMNS="0")
    assert code == 2
    assert "nothing.txt" in said
    shown = subprocess.run(
        [*COMMAND.split(), "inspect", "student"],
        cwd=folder,
        env=os.environ | {"COLUMNS": "0"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "good" in shown.stdout


def test_names_that_are_not_utf_8(folder: Path) -> None:
    line = r"cp -r student $'s\xff'; sd inspect $'s\xff' && sd vocab texts.txt --min-count 1 -o $'v\xff'"
    assert shell(folder, line)[0] == 0


def test_an_output_that_cannot_be_made_is_refused_before_the_work(folder: Path) -> None:
    (folder / "file").write_text("")
    code, said = shell(folder, "sd vocab texts.txt --min-count 1 -o file/v")
    assert code == 2
    assert "file/v cannot be written" in said
    assert "Counting" not in said


def test_a_pipe_for_the_strings(folder: Path) -> None:
    line = "cp -r student piped; rm piped/ngrams.parquet; mkfifo piped/ngrams.parquet; timeout 20 "
    code, said = shell(folder, f"{line} {COMMAND} inspect piped")
    assert code == 2
    assert "ngrams.parquet is not a regular file" in said
