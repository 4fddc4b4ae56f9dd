"""Predictions of many files: divided by file, skipped if they are done, resumed."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from support.rows import put, tree
from support.sentences import error
from support.students import good_or_bad

from sparsedistill import Columns, Corpus, Student
from sparsedistill._internal.ledger import LEDGER, Ledger
from sparsedistill._internal.part import Part
from sparsedistill.data.file_job import FileRecord, FilesDone
from sparsedistill.prediction import (
    PredictionConfig,
    ScoreTask,
    predict_files,
    predict_stream,
    score_shard,
)

NAMES = ["a.jsonl", "b.csv.gz", "x/c.parquet.jsonl", "x/d.txt.zst", "y/e.parquet"]
OUTPUTS = ["a.jsonl", "b.csv.gz", "x/c.parquet.jsonl", "x/d.txt.tsv.zst", "y/e.parquet"]

#: Scores files, and dies as by kill -9 when it begins the third.
KILLED = """
import os, signal, sys
from sparsedistill import Columns, Corpus, Student
from sparsedistill.prediction import PredictionConfig, predict, predict_files

original, calls = predict.score_shard, []

def score(*arguments):
    calls.append(0)
    if len(calls) == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return original(*arguments)

predict.score_shard = score
predict_files(Student.from_pretrained(sys.argv[1]), Corpus(sys.argv[2]), sys.argv[3], PredictionConfig())
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Five files, one of each format."""
    texts = ["good", "bad", "neither", "good bad bad"]
    lines = "".join(f'{{"text": "{text}", "id": {i}}}\n' for i, text in enumerate(texts))
    for name in ("in/x", "in/y"):
        (tmp_path / name).mkdir(parents=True)
    put(tmp_path / "in/a.jsonl", lines)
    put(tmp_path / "in/b.csv.gz", "id,text\n" + "".join(f"{i},{text}\n" for i, text in enumerate(texts)))
    put(tmp_path / "in/x/c.parquet.jsonl", lines * 3)
    put(tmp_path / "in/x/d.txt.zst", "\n".join(texts))
    predict_stream(good_or_bad(), Corpus(tmp_path / "in/a.jsonl"), str(tmp_path / "in/y/e.parquet"), CONFIG)
    return tmp_path / "in"


CONFIG = PredictionConfig(coverage=True)


def run(
    folder: Path, output: Path, part: str = "1/1", student: Student | None = None
) -> FilesDone[FileRecord]:
    return predict_files(student or good_or_bad(), Corpus(folder), output, CONFIG, part=Part.parse(part))


def test_each_file_has_the_answers_of_a_run_of_its_own(folder: Path, tmp_path: Path) -> None:
    done = run(folder, tmp_path / "out")
    assert sorted(tree(tmp_path / "out")) == OUTPUTS
    assert [record.texts for record in done.records.values()] == [4, 4, 12, 4, 4]
    for name, output in zip(NAMES, OUTPUTS, strict=True):
        alone = tmp_path / "alone" / output
        predict_stream(good_or_bad(), Corpus(folder / name), str(alone), CONFIG)
        assert (tmp_path / "out" / output).read_bytes() == alone.read_bytes()


def test_a_format_for_all_files(folder: Path, tmp_path: Path) -> None:
    (folder / "x/d.txt.zst").unlink()
    put(folder / "x/empty.csv", "")
    config = PredictionConfig(with_text=False)
    predict_files(good_or_bad(), Corpus(folder), tmp_path / "out", config, format="parquet")
    names = ["a.parquet", "b.parquet", "x/c.parquet.parquet", "x/empty.parquet", "y/e.parquet"]
    assert sorted(tree(tmp_path / "out")) == names
    rows = [pq.read_table(tmp_path / "out" / name) for name in names]
    assert [table.column_names for table in rows] == [["label", "score"]] * 5
    assert [len(table) for table in rows] == [4, 4, 12, 0, 4]


@pytest.mark.parametrize("of", [2, 3, 9])
def test_parts_give_what_one_process_gives(folder: Path, tmp_path: Path, of: int) -> None:
    run(folder, tmp_path / "whole")
    done = [run(folder, tmp_path / "parts", f"{i + 1}/{of}") for i in range(of)]
    assert sum(len(part.records) for part in done) == 5
    assert tree(tmp_path / "parts") == tree(tmp_path / "whole")


def test_what_is_done_is_skipped(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(folder, out)
    before = {name: (out / name).stat().st_ino for name in OUTPUTS}
    assert run(folder, out).skipped == 5
    put(folder / "a.jsonl", '{"text": "bad"}\n')  # changed
    put(folder / "new.jsonl", '{"text": "bad"}\n')
    (out / "x/c.parquet.jsonl").unlink()
    (out / "y/e.parquet").write_bytes(b"")
    again = run(folder, out)
    assert (again.skipped, len(again.records)) == (2, 6)
    assert again.records["a.jsonl"].texts == 1
    after = {name: (out / name).stat().st_ino for name in OUTPUTS}
    same = {name for name in OUTPUTS if after[name] == before[name]}
    assert same == {"b.csv.gz", "x/d.txt.tsv.zst"}
    assert run(folder, out).skipped == 6


def test_a_killed_run_resumes(folder: Path, tmp_path: Path) -> None:
    good_or_bad().save_pretrained(tmp_path / "student")
    student = Student.from_pretrained(tmp_path / "student")
    arguments = [sys.executable, "-c", KILLED, *map(str, (tmp_path / "student", folder, tmp_path / "out"))]
    assert subprocess.run(arguments, check=False, timeout=300).returncode == -signal.SIGKILL
    assert sorted(tree(tmp_path / "out")) == OUTPUTS[:2]
    done = predict_files(student, Corpus(folder), tmp_path / "out", PredictionConfig())
    assert (done.skipped, len(done.records)) == (2, 5)
    predict_files(student, Corpus(folder), tmp_path / "whole", PredictionConfig())
    assert tree(tmp_path / "out") == tree(tmp_path / "whole")


def test_files_of_another_process_are_left_to_it(folder: Path, tmp_path: Path) -> None:
    run(folder, tmp_path / "out", "1/5")
    with Ledger(tmp_path / "out").locked("b.csv.gz") as mine:
        assert mine
        assert Ledger(tmp_path / "out").running() == ["b.csv.gz"]
        done = run(folder, tmp_path / "out")
    assert (done.skipped, done.busy, len(done.records)) == (1, 1, 4)
    assert Ledger(tmp_path / "out").running() == []
    assert run(folder, tmp_path / "out").skipped == 4


def test_an_unreadable_file_leaves_the_others(folder: Path, tmp_path: Path) -> None:
    (folder / "x/d.txt.zst").write_bytes(b"\x28\xb5\x2f\xfd broken")
    assert "d.txt.zst" in error(lambda: run(folder, tmp_path / "out"))
    assert sorted(tree(tmp_path / "out")) == OUTPUTS[:3]
    assert "d.txt.zst" in error(lambda: run(folder, tmp_path / "out", "4/5"))
    run(folder, tmp_path / "out", "5/5")
    put(folder / "x/d.txt.zst", "good")
    assert run(folder, tmp_path / "out").skipped == 4


def test_other_settings_are_refused(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(folder, out)
    other = good_or_bad(("fine", "bad"))
    assert "was begun with another student" in error(lambda: run(folder, out, "1/2", other))
    config = PredictionConfig()
    message = error(lambda: predict_files(good_or_bad(), Corpus(folder), out, config))
    assert "was begun with another setting of coverage (True, now False): give the same" in message
    columns = Columns("id")
    message = error(lambda: predict_files(good_or_bad(), Corpus(folder, columns), out, CONFIG))
    assert "another text column (text, now id)" in message
    (tmp_path / "other").mkdir()
    put(tmp_path / "other/notes.txt", "mine")
    assert "other exists already" in error(lambda: run(folder, tmp_path / "other"))


def test_names_that_cannot_be(folder: Path, tmp_path: Path) -> None:
    put(folder / "a.csv", "text\nbad\n")
    corpus = Corpus([folder / "a.csv", folder / "a.jsonl"])
    message = error(lambda: predict_files(good_or_bad(), corpus, tmp_path / "o", CONFIG, format="tsv.gz"))
    assert "a.csv and a.jsonl would both be written to a.tsv.gz" in message
    message = error(lambda: predict_files(good_or_bad(), corpus, tmp_path / "o", CONFIG, format="txt"))
    assert "txt is txt, which has no columns" in message
    assert "is both read and written" in error(lambda: run(folder, folder))


def test_tasks_travel(folder: Path, tmp_path: Path) -> None:
    good_or_bad().save_pretrained(tmp_path / "student")
    student = Student.from_pretrained(tmp_path / "student")
    corpus = Corpus(folder / "a.jsonl")
    task = ScoreTask(corpus.sources[0], corpus.columns, str(tmp_path / "o.tsv"), None, CONFIG, 1)
    moved = pickle.dumps((score_shard, student, task))
    assert len(moved) < 3000
    call, *arguments = pickle.loads(moved)
    assert call(*arguments).texts == 4
    assert len((tmp_path / "o.tsv").read_text().splitlines()) == 5


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ("3/2", "Part 3/2 does not exist: give i/n with i from 1 to n"),
        ("0/2", "Part 0/2 does not exist"),
        ("1/100000", "n of at most 99,999"),
        ("1", "The part '1' is not i/n"),
        ("-1/2", "is not i/n"),
    ],
)
def test_wrong_parts(part: str, message: str) -> None:
    assert message in error(lambda: Part.parse(part))


def test_the_ledger_is_checked(folder: Path, tmp_path: Path) -> None:
    run(folder, tmp_path / "out")
    job = tmp_path / "out" / LEDGER / "job.json"
    text = job.read_text()
    job.write_text(text.replace("a.jsonl", "../a.jsonl"))
    assert "is not a path below the directory" in error(lambda: run(folder, tmp_path / "out"))
    job.write_text(text.replace('"format": 1', '"format": 9'))
    assert "has format 9, not 1" in error(lambda: run(folder, tmp_path / "out"))
    job.write_text(text.replace('"predict"', '"filter"'))
    assert "is the output of `filter`, not of `predict`" in error(lambda: run(folder, tmp_path / "out"))
    job.write_text(text)
    os.truncate(tmp_path / "out" / LEDGER / "a.jsonl.done", 5)
    assert f"delete {tmp_path / 'out'} and start again" in error(lambda: run(folder, tmp_path / "out"))
