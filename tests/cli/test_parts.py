"""``--part`` and ``status``: jobs that several processes do together."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.commands import Run
from support.rows import put, tree

from sparsedistill._internal.ledger import Ledger


def test_predictions_of_a_directory(run: Run, student: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in "abc":
        put(tmp_path / "in" / f"{name}.csv", f"text\ngood {name}\nbad\n")
    arguments = ("predict", student, tmp_path / "in", "-o", tmp_path / "out")
    assert run(*arguments, "--part", "2/2")[0] == 0
    with Ledger(tmp_path / "out").locked("c.csv"):
        code, out, _ = run("status", tmp_path / "out")
    assert code == 1
    assert out == "predict: 1 of 3 files are done.\nrunning  c.csv\nmissing  a.csv\n"
    code, _, err = run(*arguments, "--part", "1/2")
    assert code == 0
    assert "4 texts in 2 files are in" in err
    code, out, _ = run("status", tmp_path / "out")
    assert (code, out) == (0, "predict: 3 of 3 files are done.\n")
    code, _, err = run(*arguments)
    assert "6 texts in 3 files are in" in err
    assert "3 of the files were done before." in err
    assert run("predict", student, tmp_path / "in/a.csv", "-o", f"{tmp_path}/a/")[0] == 0
    assert tree(tmp_path / "a") == {"a.csv": (tmp_path / "out/a.csv").read_bytes()}


def test_parts_of_one_file_are_refused(run: Run, student: Path, tmp_path: Path) -> None:
    path = put(tmp_path / "a.csv", "text\ngood\n")
    code, _, err = run("predict", student, path, "-o", tmp_path / "o.csv", "--part", "1/2")
    assert (code, "A part is whole files, and" in err) == (2, True)
    code, _, err = run("predict", student, path, "-o", f"{tmp_path}/o/", "--part", "3/2")
    assert (code, "Part 3/2 does not exist" in err) == (2, True)
    keep = ("--keep", "good > 0.5", "--part", "1/2")
    code, _, err = run("filter", student, path, "-o", tmp_path / "o.csv", *keep)
    assert (code, "A part is whole files, and" in err) == (2, True)
    put(tmp_path / "b.csv", "text\nbad\n")
    share = ("--keep-share", "10%", "--by", "good", "--part", "1/2")
    code, _, err = run("filter", student, path, tmp_path / "b.csv", "-o", tmp_path / "o", *share)
    assert (code, "A share is one of all texts, which a part does not know" in err) == (2, True)
    assert not (tmp_path / "o").exists()
    code, _, err = run("status", tmp_path)
    assert (code, "has no job of several parts" in err) == (2, True)


def test_filters_of_a_directory(run: Run, student: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in "abc":
        put(tmp_path / "in" / f"{name}.csv", f"text,host\ngood {name},{name}\nbad,x\n")
    keep = ("--keep", "good > 0.5", "--by-source", "host")
    whole = ("filter", student, tmp_path / "in", *keep, "-o", tmp_path / "whole")
    report = ("--report", tmp_path / "whole.json", "--excluded", tmp_path / "rest")
    assert run(*whole, *report)[0] == 0
    parts = [*whole[:-1], tmp_path / "parts", "--excluded", tmp_path / "parts-rest"]
    for number in (3, 1, 4, 2):
        code, out, err = run(*parts, "--part", f"{number}/4")
        assert code == 0, err
        assert f"Kept {1 if number < 4 else 0} of {2 if number < 4 else 0} texts" in out
    assert tree(tmp_path / "parts") == tree(tmp_path / "whole")
    assert tree(tmp_path / "parts-rest") == tree(tmp_path / "rest")
    code, _, err = run(*parts, "--report", tmp_path / "parts.json")
    assert (code, "3 of 3 files were done before." in err) == (0, True)
    found, expected = ((tmp_path / name).read_text() for name in ("parts.json", "whole.json"))
    assert found.replace("/parts/", "/whole/") == expected
    code, _, err = run("filter", student, tmp_path / "in", "--keep", "good > 0.6", "-o", tmp_path / "whole")
    assert (code, "was begun with another" in err) == (2, True)


def texts(folder: Path) -> Path:
    """Three files of texts."""
    folder.mkdir()
    for name in "abc":
        put(folder / f"{name}.csv", f"text\ngood {name} film\nbad film\n")
    return folder


def test_counts_are_merged_to_a_vocabulary(run: Run, tmp_path: Path) -> None:
    folder = texts(tmp_path / "in")
    options = ("--max-ngram", 2, "--threads", 1)
    assert run("vocab", folder, "-o", tmp_path / "whole", *options)[0] == 0
    parts = ("vocab", folder, "-o", tmp_path / "counts", *options)
    code, _, err = run(*parts, "--part", "2/4")
    assert code == 0
    assert "Part 2/4 has 7 n-grams of 2 texts" in err
    code, out, _ = run("status", tmp_path / "counts")
    assert code == 1
    assert out.startswith("vocab --part: 1 of 4 parts are done.\nmissing  part-00001-of-00004\n")
    code, _, err = run("merge", tmp_path / "counts", "-o", tmp_path / "merged")
    assert (code, "lacks 3 of 4 parts" in err) == (2, True)
    code, _, err = run(*parts, "--part", "1/3")
    assert (code, "another number of parts (4, now 3)" in err) == (2, True)
    code, _, err = run(*parts, "--part", "1/4", "--approximate")
    assert (code, "Only exact counts can be added up" in err) == (2, True)
    for number in (1, 3, 4):
        assert run(*parts, "--part", f"{number}/4")[0] == 0
    assert run("status", tmp_path / "counts")[0] == 0
    code, _, err = run("merge", tmp_path / "counts", "-o", tmp_path / "merged")
    assert (code, "counts are exact" in err) == (0, True)
    assert tree(tmp_path / "merged") == tree(tmp_path / "whole")
    put(folder / "c.csv", "text\nother\n")
    code, _, err = run("merge", tmp_path / "counts", "-o", tmp_path / "again")
    assert (code, "has changed since it was counted" in " ".join(err.split())) == (2, True)


def test_labels_of_parts_and_of_several_directories(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for name in "ab":
        put(folder / f"{name}.csv", "text,no,yes\n" + "".join(f"film {name}{i},0,{i}\n" for i in range(5)))
    arguments = ("label", "no,yes", folder, "--scores", "no,yes", "--shard-size", 2)
    assert run(*arguments, "-o", tmp_path / "whole")[0] == 0
    code, _, err = run(*arguments, "-o", tmp_path / "parts", "--part", "2/2")
    assert code == 0
    assert "Part 2/2 has the soft targets of 6 texts" in err
    assert "other parts are missing" in err
    code, out, _ = run("status", tmp_path / "parts")
    assert (code, out.splitlines()[0]) == (1, "label: 3 of 5 shards are done.")
    code, _, err = run("merge", tmp_path / "whole", "-o", tmp_path / "merged")
    assert (code, "has no counts" in err) == (2, True)
    code, _, err = run(*arguments, "-o", tmp_path / "parts", "--part", "1/2")
    assert (code, "all parts are done" in err) == (0, True)
    assert tree(tmp_path / "parts") == tree(tmp_path / "whole")
    code, out, _ = run("status", tmp_path / "parts")
    assert (code, out) == (0, "label: 5 of 5 shards are done.\n")


@pytest.mark.slow
def test_the_line_of_the_guide(student: Path, tmp_path: Path, run: Run) -> None:
    guide = Path(__file__).parents[2] / "docs" / "guides" / "many-machines.md"
    line = next(line for line in guide.read_text().splitlines() if line.startswith("seq 16 | xargs"))
    folder = texts(tmp_path / "crawl")
    scripts = Path(sys.executable).parent
    shell = {**os.environ, "PATH": f"{scripts}:{os.environ['PATH']}"}
    subprocess.run(line, shell=True, check=True, cwd=tmp_path, env=shell, timeout=300)
    assert run("predict", student, folder, "-o", tmp_path / "whole")[0] == 0
    assert tree(tmp_path / "answers") == tree(tmp_path / "whole")
