"""Outputs inside of inputs, and names that records cannot hold."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import fsspec
import pytest
from support.commands import Run
from support.rows import put, tree

from sparsedistill._internal import object_store
from sparsedistill._internal.ledger import Ledger

KEEP = ("--keep", "good > 0.5")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A directory with two files, one of them in a directory."""
    (tmp_path / "in/x").mkdir(parents=True)
    put(tmp_path / "in/a.csv", "text\ngood\nbad\n")
    put(tmp_path / "in/x/b.csv", "text\nbad\n")
    return tmp_path / "in"


@pytest.mark.parametrize("pattern", ["", "**/*.csv"])
def test_an_output_directory_inside_of_the_input(
    run: Run, student: Path, folder: Path, pattern: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder.parent)
    predict = ("predict", student, f"in/{pattern}", "-o", "in/out")
    assert run(*predict)[0] == 0
    written = tree(folder / "out")
    assert sorted(written) == ["a.csv", "x/b.csv"]
    code, _, err = run(*predict)
    assert (code, "2 of the files were done before." in err) == (0, True), err
    assert f"{folder}/out is left out, as it was made from the other files." in err
    put(folder / "c.csv", "text\ngood\n")
    code, _, err = run(*predict)
    assert code == 0
    assert "4 texts in 3 files are in in/out. 2 of the files were done before." in err
    # Outputs of other files, and outputs that are named, are files like all others.
    put(folder.parent / "other.csv", "text\ngood\n")
    assert run("predict", student, "other.csv", "-o", "in/other/")[0] == 0
    assert "5 texts in 4 files" in run("predict", student, f"in/{pattern}", "-o", "all")[2]
    assert "4 texts in 3 files" in run("predict", student, f"in/out/{pattern}", "-o", "again")[2]


def test_a_job_inside_of_its_input_that_was_killed_in_its_first_file(
    run: Run, student: Path, folder: Path
) -> None:
    predict = ("predict", student, folder, "-o", folder / "out")
    assert run(*predict)[0] == 0
    for unit in ("a.csv", "x/b.csv"):
        Ledger(folder / "out").forget(unit)
    code, _, err = run(*predict)
    assert (code, "3 texts in 2 files are in" in err) == (0, True), err


def test_the_other_texts_inside_of_the_input(run: Run, student: Path, folder: Path) -> None:
    filtered = ("filter", student, folder, *KEEP, "-o", folder / "z/kept", "--excluded", folder / "rest")
    assert run(*filtered)[0] == 0
    rest = tree(folder / "rest")
    code, _, err = run(*filtered)
    assert (code, "2 of 2 files were done before." in err) == (0, True), err
    assert tree(folder / "rest") == rest
    outside = ("filter", student, folder, *KEEP, "-o", folder.parent / "kept", "--excluded", folder / "left")
    assert run(*outside)[0] == 0
    code, _, err = run(*outside)
    assert code == 2
    assert f"{folder}/left exists already, and has the input {folder}/left/" in err


def test_objects_inside_of_the_input(
    run: Run, student: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    files = fsspec.filesystem("dir", path=str(folder.parent), fs=fsspec.filesystem("file", auto_mkdir=True))
    monkeypatch.setattr(object_store, "_file_system", lambda *_: files)
    put(folder / "c.csv.bz2", "?")
    predict = ("predict", student, "hf://in", "-o", "hf://in/out")
    code, _, err = run(*predict)
    assert (code, "3 texts in 2 files are in hf://in/out" in err) == (0, True), err
    assert "hf://in/c.csv.bz2 has a compression that is not read" in err
    code, _, err = run(*predict)
    assert (code, "2 of the files were done before." in err) == (0, True), err
    code, _, err = run("predict", student, "hf://in/x", "-o", "hf://in/")
    assert (code, "hf://in/ exists already, and has the input hf://in/x/b.csv: choose" in err) == (2, True)


def test_the_input_is_the_output_directory(run: Run, student: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    a = put(tmp_path / "in/a.txt", "good\n")
    (tmp_path / "link").symlink_to("in")
    for output in (f"{tmp_path}/in/", tmp_path / "link", f"{tmp_path}/"):
        said = f"{output} exists already, and has the input {a}: choose another output directory."
        for command in (
            ("predict", student, a.parent, "-o", output),
            ("predict", student, a, "-o", output),
            ("filter", student, a.parent, *KEEP, "-o", output),
            ("filter", student, a.parent, *KEEP, "-o", f"{tmp_path}/new/", "--excluded", output),
        ):
            code, _, err = run(*command)
            assert (code, said in err, "delete" in err) == (2, True, False), err
    assert tree(tmp_path / "in") == {"a.txt": b"good\n"}


def test_names_that_are_not_utf8(run: Run, student: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    odd = put(tmp_path / "in" / os.fsdecode(b"x\xff.txt"), "good\n")
    put(tmp_path / "in/b.txt", "bad\n")
    said = "The name x\\xff.txt is not UTF-8, so that no record can hold it: rename it."
    jobs: list[tuple[Any, ...]] = [
        ("predict", student, tmp_path / "in"),
        ("predict", student, odd),
        ("filter", student, tmp_path / "in", *KEEP),
    ]
    for job in jobs:
        code, _, err = run(*job, "-o", f"{tmp_path}/out/")
        assert (code, said in err) == (2, True), err
    assert not (tmp_path / "out").exists()
    put(tmp_path / "a.txt", "good\n")
    other = tmp_path / os.fsdecode(b"rest\xfe")
    code, _, err = run(
        "filter", student, tmp_path / "a.txt", *KEEP, "-o", f"{tmp_path}/out/", "--excluded", f"{other}/"
    )
    assert (code, "rest\\xfe is not UTF-8" in err) == (2, True), err
    assert not (tmp_path / "out").exists()
    assert run("predict", student, odd, "-o", tmp_path / "one.tsv")[0] == 0
    assert run("predict", student, tmp_path / "in", "-o", tmp_path / "all.tsv")[0] == 0
    assert (tmp_path / "one.tsv").read_text().startswith("label\tscore\ttext\ngood\t")
