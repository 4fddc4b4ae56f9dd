"""``filter``: options, the report on the terminal and in its file, and standard input and output."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest
from support.commands import Run
from support.rows import inside, put
from support.students import rating, three_questions

ROWS = (
    '{"text":"a good film","id":1,"host":"x"}\n'
    '{"text":"a \x9b5m[bold] bad\\u001b[2J film","id":2,"host":"y"}\n'
)


def test_kept_rows_and_a_report(run: Run, student: Path, tmp_path: Path) -> None:
    path = put(tmp_path / "a.jsonl.gz", ROWS * 20)
    output, excluded, report = (tmp_path / name for name in ("o.jsonl", "x.jsonl", "r.json"))
    code, out, err = run(
        *("filter", student, path, "-o", output, "--keep", 'label == "good"', "--by-source", "host"),
        *("--excluded", excluded, "--report", report, "--prefix", "my_"),
    )
    assert code == 0, err
    assert out.startswith('Kept 20 of 40 texts (50.00%), those with label == "good".')
    for said in ("Kept, nearest to good 0.5", "Not kept, nearest to good 0.5", "good: quantiles by host"):
        assert said in out
    assert "a \ufffd5m[bold] bad\ufffd[2J film" in out
    assert "\x1b" not in out
    row = json.loads(output.read_text().splitlines()[0])
    assert list(row) == ["text", "id", "host", "my_label", "my_score", "my_p_good"]
    assert len(excluded.read_text().splitlines()) == 20
    record = json.loads(report.read_text())
    assert record["total"]["kept"] == 20
    assert record["total"]["quantiles"]["0.5"] == pytest.approx(0.045, abs=1e-3)
    assert {name: one["share"] for name, one in record["sources"].items()} == {"x": 1.0, "y": 0.0}
    assert [example["kept"] for example in record["examples"]] == [True] * 5 + [False] * 5
    assert record["files"] == [{"input": str(path), "output": str(output), "texts": 40, "kept": 20}]


@pytest.mark.parametrize("share", ["10%", "0.1", "10.0%"])
def test_a_share_of_a_student_of_numbers(run: Run, tmp_path: Path, share: str) -> None:
    words = [f"w{i}" for i in range(50)]
    rating(words).save_pretrained(tmp_path / "s")
    path = put(tmp_path / "a.csv", "text,n\n" + "".join(f"{word},1\n" for word in words))
    code, out, err = run("filter", tmp_path / "s", path, "-o", tmp_path / "o.csv", "--keep-share", share)
    assert code == 0, err
    assert out.startswith("Kept 5 of 50 texts (10.00%), those whose score is at least 3.6")
    assert [line.split(",")[0] for line in (tmp_path / "o.csv").read_text().splitlines()] == [
        "text",
        *words[-5:],
    ]
    code, out, _ = run(
        *("filter", tmp_path / "s", path, "-o", tmp_path / "o.csv", "--keep-share", share),
        *("--sample", 20, "--seed", 3),
    )
    assert code == 0
    assert "the threshold of 0.1 found in 20 texts" in " ".join(out.split())


def test_several_questions_in_one_pass(run: Run, tmp_path: Path) -> None:
    three_questions().save_pretrained(tmp_path / "s")
    path = put(tmp_path / "a.jsonl", '{"text":"good"}\n{"text":"bad"}\n{"text":"good bad"}\n')
    keep = "edu >= 1 and toxicity == 'ok' and topic.science >= 0.5"
    output = tmp_path / "o.jsonl"
    code, out, err = run("filter", tmp_path / "s", path, "-o", output, "--keep", keep, "--probabilities")
    assert code == 0, err
    assert " ".join(out.split()).startswith(f"Kept 2 of 3 texts (66.67%), those with {keep}. Texts by edu")
    code, predicted, err = run(
        *("predict", tmp_path / "s", path, "--probabilities", "--no-with-text", "--output-format", "jsonl")
    )
    assert code == 0, err
    rows = [json.loads(line) for line in predicted.splitlines()]
    kept = [json.loads(line) for line in output.read_text().splitlines()]
    assert [row.pop("text") for row in kept] == ["good", "good bad"]
    assert kept == [rows[0], rows[2]]
    assert [list(row) for row in kept] == [list(rows[0])] * 2
    code, out, err = run(
        *("filter", tmp_path / "s", path, "-o", output, "--keep-share", "30%"),
        *("--by", "topic.computer science"),
    )
    assert code == 0, err
    assert "those whose topic.computer science is at least" in out
    assert json.loads(output.read_text())["text"] == "bad"


def test_one_head_is_a_student_by_itself(run: Run, tmp_path: Path) -> None:
    three_questions().save_pretrained(tmp_path / "s")
    path = put(tmp_path / "a.csv", "text\ngood\nbad\n")
    arguments = ("filter", tmp_path / "s", path, "-o", tmp_path / "o.csv", "--head", "toxicity")
    code, _, err = run(*arguments, "--keep", "label == 'very bad'")
    assert code == 0, err
    assert (tmp_path / "o.csv").read_text().splitlines()[0] == "text,label,score,p_very bad"
    code, _, err = run(*arguments, "--keep", "edu >= 1")
    assert code == 2
    assert "'edu' is not a score of this student: use one of label, score, 'ok', 'very bad', 'score'." in err


def test_standard_input_and_output(
    run: Run, student: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = io.TextIOWrapper(io.BufferedReader(io.BytesIO(b"text,n\ngood,1\nbad,2\n")))
    monkeypatch.setattr(sys, "stdin", stream)
    arguments = ("filter", student, "-", "--format", "csv", "-o", "-", "--keep", "good >= 0.5")
    code, out, err = run(*arguments)
    assert (code, out) == (0, "text,n,label,score,p_good\ngood,1,good,0.9816611,0.9816611\n")
    assert err.startswith("Kept 1 of 2 texts")
    share = ("filter", student, "-", "--format", "csv", "-o", "-", "--keep-share", "10%", "--by", "good")
    code, out, err = run(*share)
    assert (code, out) == (2, "")
    assert "standard input can be read only once, and a share takes two passes" in err
    assert inside(tmp_path) == ["student"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "Say what to keep: give an expression or a share"),
        (
            ("--keep", "nice >= 1"),
            "'nice' is not a score of this student: use one of label, score, 'good', 'bad'.",
        ),
        (("--keep-share", "ten"), "The share 'ten' is not a number: give one such as 10% or 0.1."),
        (("--keep-share", "10"), "The share to keep is 10: give more than 0 and at most 1."),
        (("--keep-share", "10%"), "Say which score to rank the texts by"),
        (("--keep", "good > 0", "--report", "o.txt"), "is to be written twice"),
        (("--keep", "good > 0", "--report", "a.txt"), "is both read and written"),
    ],
)
def test_wrong_options(
    run: Run,
    student: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: tuple[str, ...],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    put(tmp_path / "a.txt", "good\n")
    code, out, err = run("filter", student, "a.txt", "-o", "o.txt", *options)
    assert (code, out) == (2, "")
    assert message in err
    assert sorted(inside(tmp_path)) == ["a.txt", "student"]
