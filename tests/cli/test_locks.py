"""Long commands lock their output: a second one on it is refused, and the first continues."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from support.commands import Run
from support.encoders import save_encoder
from support.rows import put

from sparsedistill import CountingConfig, TokenizerConfig, Vocabulary

#: Runs a command, which waits in the middle of its work for a line of standard input.
WAITING = """
import sys
from importlib import import_module

module, _, name = sys.argv[1].partition(":")
holder, *rest = name.split(".")
owner = import_module(module)
if rest:
    owner, holder = getattr(owner, holder), rest[0]
original = getattr(owner, holder)

def waiting(*arguments, **options):
    print("working", flush=True)
    sys.stdin.readline()
    return original(*arguments, **options)

setattr(owner, holder, waiting)
sys.argv[1:] = sys.argv[2:]
from sparsedistill.cli.app import main
main()
"""


@pytest.fixture
def films(tmp_path: Path) -> Path:
    rows = "".join(f"a {word} film {i}\t{word}\n" for i in range(40) for word in ("good", "bad"))
    return put(tmp_path / "films.tsv", "text\tlabel\n" + rows)


def training(folder: Path, films: Path) -> list[object]:
    texts = [line.split("\t")[0] for line in films.read_text().splitlines()[1:]]
    Vocabulary.build(texts, TokenizerConfig(1), CountingConfig(min_count=1)).save(folder / "vocabulary")
    settings = ["--set", "finetuning.steps=5", "--set", "student.dim=4", "--set", "student.hidden=4"]
    return ["train", folder / "vocabulary", "--labelled", films, "-o", folder / "out", *settings]


def teaching(folder: Path, films: Path) -> list[object]:
    encoder = save_encoder(folder / "encoder")
    return ["teach", encoder, films, "-o", folder / "out", "--steps", 2, "--evaluations", 1]


def reporting(folder: Path, films: Path) -> list[object]:
    """A recipe that cannot be run: the page says so, which is quick."""
    recipe = put(folder / "films.toml", f'[data]\nlabelled = "{films}"\ntest = "nowhere.tsv"\n')
    return ["report", recipe, "--work", folder / "work", "-o", folder / "out"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "step", "locked"),
    [
        (training, "sparsedistill.pipeline.student_training:train_student", "out.checkpoints"),
        (teaching, "sparsedistill.teachers.finetuning.run:_Run.finish", "out.partial"),
        (reporting, "sparsedistill.experiments.report:run_task", "work/films"),
    ],
)
def test_a_second_run_is_refused_and_the_first_continues(
    run: Run,
    tmp_path: Path,
    films: Path,
    command: Callable[[Path, Path], list[object]],
    step: str,
    locked: str,
) -> None:
    arguments = command(tmp_path, films)
    program = [sys.executable, "-c", WAITING, step, *map(str, arguments)]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as first:
        try:
            assert first.stdout is not None
            assert first.stdout.readline() == "working\n"
            code, _, err = run(*arguments)
            assert code == 2
            assert f"{tmp_path / locked} is being written by another process: wait until it ends" in err
            assert not (tmp_path / "out").exists()
            first.communicate("\n", timeout=120)
        finally:
            first.kill()
    assert first.returncode == (2 if command is reporting else 0)  # a page that names a recipe that failed
    assert (tmp_path / "out").exists()
    assert not (tmp_path / "out.partial").exists()
    assert not (tmp_path / "out.checkpoints").exists()
