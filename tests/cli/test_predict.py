"""``predict``: columns that are carried through."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.commands import Run
from support.rows import put

ROWS = [
    '{"id": 123456789012345678901234567890, "text": "a good film", "url": {"host": "x", "n": [1, 2.50]}, '
    '"more": null}',
    '{"id": "é, \\"q\\"\\t", "text": "a bad film", "more": 1e400}',
    '{"id": null, "text": "\\ud83d film", "url": true}',
]


def test_values_of_jsonl_stay_as_they_are_written(run: Run, student: Path, tmp_path: Path) -> None:
    path = put(tmp_path / "a.jsonl", "\n".join(ROWS))
    code, _, err = run(
        "predict",
        student,
        path,
        "--keep-columns",
        "id, url,more",
        "-o",
        tmp_path / "o.jsonl",
        "--no-with-text",
    )
    assert code == 0, err
    lines = (tmp_path / "o.jsonl").read_text().splitlines()
    assert lines[0].startswith(
        '{"id": 123456789012345678901234567890, "url": {"host": "x", "n": [1, 2.50]}, "more": null, '
        '"label": "good"'
    )
    assert '"more": 1e400' in lines[1]
    assert [list(json.loads(line))[:4] for line in lines] == [["id", "url", "more", "label"]] * 3
    code, _, err = run(
        "predict", student, path, "--keep-columns", "id,url", "-o", tmp_path / "o.parquet", "--no-with-text"
    )
    assert code == 0, err
    table = pq.read_table(tmp_path / "o.parquet")
    assert table["id"].to_pylist() == ["123456789012345678901234567890", 'é, "q"\t', None]
    assert table["url"].to_pylist() == ['{"host": "x", "n": [1, 2.50]}', None, "true"]
    _, out, _ = run("predict", student, path, "--keep-columns", "id")
    assert [line.split("\t")[0] for line in out.splitlines()] == [
        "id",
        "123456789012345678901234567890",
        'é, "q" ',
        "",
    ]


def test_columns_of_csv_and_parquet_keep_their_types(run: Run, student: Path, tmp_path: Path) -> None:
    put(tmp_path / "a.csv", 'id,text,day\n007,good,"a\nb"\nx9,bad,\n')
    code, out, _ = run("predict", student, tmp_path / "a.csv", "--keep-columns", "day,id")
    assert code == 0
    assert [line.split("\t")[:2] for line in out.splitlines()] == [["day", "id"], ["a b", "007"], ["", "x9"]]
    table = pa.table(
        {
            "n": pa.array([1, None], pa.int16()),
            "day": [date(2026, 1, 2), None],
            "tags": [["a"], None],
            "raw": [b"\xff", b""],
            "text": ["good", "bad"],
        }
    )
    pq.write_table(table, tmp_path / "b.parquet")
    arguments = ("predict", student, tmp_path / "b.parquet", "--keep-columns", "n,day,tags,raw")
    assert run(*arguments, "-o", tmp_path / "o.parquet")[0] == 0
    written = pq.read_table(tmp_path / "o.parquet")
    assert written.select(["n", "day", "tags", "raw", "text"]).cast(table.schema).equals(table)
    assert written.schema.field("n").type == pa.int16()
    assert run(*arguments, "-o", tmp_path / "o.jsonl")[0] == 0
    first = json.loads((tmp_path / "o.jsonl").read_text().splitlines()[0])
    assert [first[name] for name in ("n", "day", "tags", "raw")] == [1, "2026-01-02", ["a"], "\\xff"]


def test_files_of_several_formats(run: Run, student: Path, tmp_path: Path) -> None:
    put(tmp_path / "a.csv", "id,text\n1,good\n")
    pq.write_table(pa.table({"id": [2], "text": ["bad"]}), tmp_path / "b.parquet")
    put(tmp_path / "c.jsonl", '{"id":3,"text":"good"}\n')
    arguments = ("predict", student, *(tmp_path / name for name in ("a.csv", "b.parquet", "c.jsonl")))
    code, out, _ = run(*arguments, "--keep-columns", "id")
    assert (code, [line.split("\t")[:2] for line in out.splitlines()[1:]]) == (
        0,
        [["1", "good"], ["2", "bad"], ["3", "good"]],
    )
    code, _, err = run(*arguments, "--keep-columns", "id", "-o", tmp_path / "o.parquet")
    assert code == 2
    assert "'id' has the type int64 in one file and large_string in an earlier one" in err
    assert not (tmp_path / "o.parquet").exists()


@pytest.mark.parametrize(
    ("name", "content", "columns", "message"),
    [
        ("a.csv", "id,text\n1,a\n", "nr", "has no column 'nr': use one of 'id', 'text'."),
        ("a.jsonl", '{"id":1,"text":"a"}\n', "id,nr", "has no column 'nr': use one of 'id', 'text'."),
        ("a.txt", "a\n", "id", "is plain text, which has no column 'id'"),
        ("a.csv", "id,text\n1,a\n", "id,id", "The column 'id' is kept twice"),
        ("a.csv", "id,text\n1,a\n", "id,", "have an empty name"),
        ("a.csv", "id,text\n1,a\n", "text", "leave it out or add --no-with-text"),
        (
            "a.csv",
            "score,text\n1,a\n",
            "score",
            "'score' cannot be kept, as predict writes a column of that name",
        ),
    ],
)
def test_columns_that_cannot_be_kept(
    run: Run, student: Path, tmp_path: Path, name: str, content: str, columns: str, message: str
) -> None:
    code, out, err = run("predict", student, put(tmp_path / name, content), "--keep-columns", columns)
    assert (code, out) == (2, "")
    assert message in err


def test_options_of_files(run: Run, student: Path, tmp_path: Path) -> None:
    path = put(tmp_path / "a.tsv", 'text\tlabel\n"He said ""good""\nand left"\ta\nbad\tb\n')
    code, out, err = run("predict", student, path, "--quoting", "--no-with-text")
    assert (code, [line.split("\t")[0] for line in out.splitlines()]) == (0, ["label", "good", "bad"]), err
    path = put(tmp_path / "b.csv", "n;text\n1;good, é\n".encode("cp1252"))
    code, out, err = run("predict", student, path, "--delimiter", ";", "--encoding", "cp1252")
    assert (code, out.splitlines()[1].split("\t")[2:]) == (0, ["good, é"]), err
    for tab in ("tab", "\\t", "\t"):
        path = put(tmp_path / "c.csv", "n\ttext\n1\tgood, bad\n")
        assert run("predict", student, path, "--delimiter", tab)[1].endswith("\tgood, bad\n")
    code, out, err = run("predict", student, path, "--delimiter", "::")
    assert (code, out) == (2, "")
    assert "The delimiter '::' cannot separate fields" in err


def test_damaged_files_are_skipped(run: Run, student: Path, tmp_path: Path) -> None:
    put(tmp_path / "a.csv", "text,n\ngood,1\n")
    put(tmp_path / "b.csv", 'text,n\n"bad,1\n')
    put(tmp_path / "c.csv", "text,n\nbad,1\n")
    files = [tmp_path / f"{name}.csv" for name in "abc"]
    code, out, err = run("predict", student, *files, "--skip-damaged")
    assert (code, [line.split("\t")[0] for line in out.splitlines()]) == (0, ["label", "good", "bad"])
    assert "b.csv, line 2: a quote opens here" in err
    assert "1 of 3 files are damaged." in err
    assert run("predict", student, *files)[0] == 2


def test_lines_of_standard_input_are_answered_at_once(student: Path) -> None:
    command = [sys.executable, "-m", "sparsedistill", "predict", str(student)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        answers: list[str] = []
        for line in ("a good film\n", "a bad film\n"):
            process.stdin.write(line)
            process.stdin.flush()
            answers += [process.stdout.readline() for _ in range(1 if answers else 2)]
        process.stdin.close()
        assert [answer.split("\t")[0] for answer in answers] == ["label", "good", "bad"]
        assert process.wait(30) == 0


def test_every_command_that_reads_files_has_their_options(run: Run) -> None:
    for command in (
        *("distill", "teach", "label", "vocab", "train", "evaluate", "compress", "predict", "filter"),
        "cascade",
    ):
        code, out, _ = run(command, "--help")
        assert code == 0
        for option in ("--format", "--delimiter", "--encoding", "--quoting", "--skip-damaged"):
            assert option in out, (command, option)
