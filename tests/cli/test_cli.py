"""The command line: what it writes, and what it says of wrong input."""

from __future__ import annotations

import gzip
import io
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from support.commands import Run
from support.encoders import save_encoder

from sparsedistill import Student
from sparsedistill.model.compact import CompactWeights


def labelled(path: Path, count: int = 120, noun: str = "film") -> Path:
    rows = [f"a {word} {noun} , number {i}\t{word}\n" for i in range(count // 2) for word in ("good", "bad")]
    path.write_text("text\tlabel\n" + "".join(rows))
    return path


def test_help_tells_what_every_command_does(run: Run) -> None:
    code, out, _ = run("--help")
    assert code == 0
    for command in (
        "teach",
        "vocab",
        "label",
        "train",
        "distill",
        "report",
        "evaluate",
        "compress",
        "cascade",
        "predict",
        "filter",
        "explain",
        "inspect",
    ):
        assert command in out
        code, text, _ = run(command, "--help")
        assert code == 0
        assert f"sparsedistill {command}" in text
    assert run("--version")[1].startswith("sparsedistill ")


def test_text_from_standard_input_is_labelled_line_by_line(
    run: Run, student: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        sys, "stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(b"a good film\n\nsuch a BAD film!\n")))
    )
    code, out, _ = run("predict", student, "--coverage")
    assert code == 0
    rows = [line.split("\t") for line in out.splitlines()]
    assert rows[0] == ["label", "score", "coverage", "text"]
    assert [row[0] for row in rows[1:]] == ["good", "good", "bad"]
    assert [float(row[2]) for row in rows[1:]] == pytest.approx([1, 0, 0.6])
    assert rows[3][3] == "such a BAD film!"


@pytest.mark.slow
def test_teacher_prints_its_validation_figures(run: Run, tmp_path: Path) -> None:
    """With validation files, texts of which are not trained on, and without."""
    encoder = save_encoder(tmp_path / "encoder")
    data, held_out = labelled(tmp_path / "train.tsv"), labelled(tmp_path / "dev.tsv", 20)
    settings = ("--steps", 6, "--evaluations", 3, "--learning-rate", "2e-3")
    code, _, err = run("teach", encoder, data, "-o", tmp_path / "t", "--validation", held_out, *settings)
    assert code == 0
    result = json.loads((tmp_path / "t" / "finetuning.json").read_text())["result"]
    assert result["training_texts"] == 100
    figures = (
        f"accuracy {result['accuracy']:.1%} and macro F1 {result['macro_f1']:.1%} on 20 validation texts"
    )
    assert f"The teacher: {figures}; 6 steps of 32 texts, best at {result['best_step']};" in err
    assert "The teacher for bad, good is in" in err
    code, _, err = run("teach", encoder, data, "-o", tmp_path / "u", *settings)
    assert code == 0
    assert "on 24 validation texts" in err


@pytest.mark.parametrize("ending", ["csv", "tsv.gz", "jsonl.zst", "parquet"])
def test_files_of_all_formats_are_labelled(run: Run, student: Path, tmp_path: Path, ending: str) -> None:
    data = labelled(tmp_path / "in.tsv", 40)
    first = tmp_path / f"first.{ending}"
    code, _, err = run("predict", student, data, "-o", first, "--probabilities")
    assert (code, err.startswith("Error")) == (0, False)
    code, out, _ = run("predict", student, first, "--no-with-text")
    assert code == 0
    assert [line.split("\t")[0] for line in out.splitlines()] == ["label", *["good", "bad"] * 20]


def test_predictions_keep_the_order_of_several_files(run: Run, student: Path, tmp_path: Path) -> None:
    (tmp_path / "b.txt").write_text("bad\n" * 3)
    (tmp_path / "a.txt").write_text("good\n" * 2)
    out = tmp_path / "out.parquet"
    assert run("predict", student, tmp_path / "*.txt", "-o", out)[0] == 0
    assert pq.read_table(out).column("label").to_pylist() == ["good"] * 2 + ["bad"] * 3


def test_the_steps_make_the_same_as_the_whole(run: Run, tmp_path: Path) -> None:
    """vocab, label (scores in a file), train, evaluate, inspect."""
    data = labelled(tmp_path / "train.tsv")
    lines = data.read_text().splitlines()[1:]
    scored = "".join(
        f"{line}\t{3.0 if line.endswith('good') else -3.0}\t{3.0 if line.endswith('bad') else -3.0}\n"
        for line in lines
    )
    (tmp_path / "scored.tsv").write_text("text\tlabel\tg\tb\n" + scored)
    code, _, err = run("vocab", data, "-o", tmp_path / "v", "--max-ngram", 2)
    assert code == 0
    assert "counts are exact" in err
    code, out, err = run(
        "label", "good,bad", tmp_path / "scored.tsv", "--scores", "g,b", "-o", tmp_path / "l"
    )
    assert code == 0, err
    assert "120 texts" in err
    small = ["--set", "student.dim=16", "--set", "student.hidden=8", "--set", "training.batch_size=32"]
    code, out, err = run(
        *("train", tmp_path / "v", "--soft-targets", tmp_path / "l", "-o", tmp_path / "s", *small),
        *("--set", "training.steps=100"),
    )
    assert code == 0, err
    code, out, err = run("evaluate", tmp_path / "s", data, "--json")
    assert code == 0, err
    assert json.loads(out)["student"]["accuracy"] > 0.95
    code, out, err = run("inspect", tmp_path / "s", "--text", "a good film")
    assert code == 0, err
    assert "good" in out
    assert "coverage" in out
    assert "of 2 tokens" in run("inspect", tmp_path / "v")[1]
    assert "Soft targets" in run("inspect", tmp_path / "l")[1]


@pytest.mark.slow
def test_a_recipe_and_its_options_are_distilled_and_evaluated(run: Run, tmp_path: Path) -> None:
    data, test = labelled(tmp_path / "train.tsv"), labelled(tmp_path / "test.tsv", 150, "play")
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(
        f'[data]\nlabelled = "{data}"\ntest = "{test}"\n[student]\ndim = 16\nhidden = 8\n'
        "[training]\nsteps = 100\nbatch_size = 32\n[vocabulary]\nmax_ngram = 2\n"
    )
    code, out, err = run("distill", recipe, "-o", tmp_path / "out", "--seed", 3)
    assert code == 0, err
    assert "accuracy" in out
    assert "compact" in out
    assert Student.from_pretrained(tmp_path / "out" / "student").classes == ("bad", "good")
    compact = Student.from_pretrained(tmp_path / "out" / "compact")
    assert isinstance(compact.weights, CompactWeights)
    assert run("predict", tmp_path / "out" / "compact", test)[1].startswith("label\tscore\ttext\n")
    code, out, err = run("distill", recipe, "-o", tmp_path / "plain", "--no-compact")
    assert code == 0, err
    assert "compact" not in out
    assert not (tmp_path / "plain" / "compact").exists()
    code, out, err = run("evaluate", tmp_path / "out" / "student", test, "--json")
    assert code == 0, err
    assert json.loads(out)["student"]["accuracy"] == 1.0
    code, out, err = run("distill", recipe, "-o", tmp_path / "out")
    assert code == 2
    assert "exists already" in err


@pytest.mark.slow
def test_a_report_is_written_and_written_again(run: Run, tmp_path: Path) -> None:
    data, test = labelled(tmp_path / "train.tsv"), labelled(tmp_path / "test.tsv", 150, "play")
    (tmp_path / "films.toml").write_text(
        f'[data]\nlabelled = "{data}"\ntest = "{test}"\n[student]\ndim = 16\nhidden = 8\n'
        '[training]\nsteps = 100\nbatch_size = 32\n[vocabulary]\nmax_ngram = 2\n[report]\ntitle = "Films"\n'
    )
    (tmp_path / "lost.toml").write_text('[data]\nlabelled = { path = "lost.tsv" }\n')
    (tmp_path / "about.md").write_text("On a slide rule.\n")
    page = tmp_path / "docs" / "results.md"
    recipes = [tmp_path / "films.toml", tmp_path / "lost.toml"]
    command = ["report", *recipes, "-w", tmp_path / "work", "-o", page, "--preamble", tmp_path / "about.md"]
    assert run(*command, "--only-render")[0] == 0
    assert "- films: not run yet." in page.read_text()
    code, _, err = run(*command, "--data-dir", tmp_path)
    assert (code, "could not be run: the page has the reasons" in err) == (2, True), err
    assert "lost.tomlwasnotrun" in err.replace(" ", "")  # long lines are wrapped
    text = page.read_text()
    assert "On a slide rule." in text
    assert "| Films | - | 100.00 ± 0.00 | - | - |" in text
    assert "lost.tsv does not exist" in text
    page.unlink()
    assert run(*command, "--only-render")[0] == 0
    assert page.read_text() == text
    student = {"accuracy": 0.5, "macro_f1": 0.5, "log_loss": 0.7, "ece": 0.1}
    student |= {"validation": 0.5, "ngrams": 9, "parameters": 99}
    variants = [{"label": "1", "own": True, "students": [student]}]
    ablation = {"name": "order", "title": "Longest n-gram", "ordered": True, "variants": variants}
    (tmp_path / "work" / "films" / "ablations.json").write_text(json.dumps({"ablations": [ablation]}))
    assert run(*command, "--only-render")[0] == 0
    assert "(ablations/films-order.svg)" in page.read_text()
    assert (page.parent / "ablations" / "films-order.svg").read_text().startswith("<svg")


def test_an_answer_is_explained(run: Run, student: Path, tmp_path: Path) -> None:
    code, out, err = run("explain", student, "a good, good [b]film[/b]", "--html", tmp_path / "why.html")
    assert code == 0, err
    assert "a good, good [b]film[/b]" in out
    assert "for good" in out
    page = (tmp_path / "why.html").read_text()
    assert "rgba(26,152,80,1.00)" in page
    assert "for bad" in run("explain", student, "a good film", "--label", "bad")[1]
    code, _, err = run("explain", student, "a good film", "--label", "fair")
    assert code == 2
    assert "no class 'fair'" in err
    assert "Strongest n-grams" in run("inspect", student)[1]


def test_a_teacher_is_put_behind_a_student(run: Run, student: Path, tmp_path: Path) -> None:
    """From scores in the files: the teacher is not loaded."""
    rows = [
        f"a {word} film\t{label}\t{4 * (label == 'good')}\t{4 * (label == 'bad')}\n"
        for i in range(100)
        for word, label in (("good", "good"), ("bad", "bad"), ("fair", "good" if i % 3 else "bad"))
    ]
    data = tmp_path / "scored.tsv"
    data.write_text("text\tlabel\tg\tb\n" + "".join(rows))
    scores = ("--scores", "g,b")
    code, _, err = run("cascade", student, data, "--teacher", "the/teacher", *scores, "-o", tmp_path / "c")
    assert code == 0, err
    assert "The teacher scores 33.33% of 300 texts" in err
    picture = tmp_path / "curve.svg"
    evaluation = ("evaluate", tmp_path / "c", data, *scores)
    code, out, err = run(*evaluation, "--plot", picture)
    assert code == 0, err
    assert "33.33 %" in out
    assert picture.read_text().startswith("<svg ")
    figures = json.loads(run(*evaluation, "--json")[1])
    assert figures["deferral"]["points"][-1]["accuracy"] == figures["teacher"]["accuracy"] == 1
    assert "texts_per_second" not in figures["teacher"]
    (tmp_path / "sure.txt").write_text("a good film\n")
    code, out, err = run("predict", tmp_path / "c", tmp_path / "sure.txt")
    assert code == 0, err
    assert out.splitlines()[1].split("\t")[2] == "false"
    assert "the/teacher" in run("inspect", tmp_path / "c")[1]
    assert "for good" in run("explain", tmp_path / "c", "a good film")[1]
    code, _, err = run("predict", tmp_path / "c", data)
    assert code == 2
    assert "the/teacher" in err
    code, _, err = run("evaluate", student, data, "--plot", picture)
    assert code == 2
    assert "--teacher" in err
    none = ("cascade", student, data, "--teacher", "t", *scores, "--no-labels", "--calls", "0.5")
    assert run(*none, "-o", tmp_path / "n")[0] == 0
    assert json.loads((tmp_path / "n" / "cascade.json").read_text())["evaluation"]["metric"] == "agreement"


def test_groups_and_baselines_are_evaluated(run: Run, student: Path, tmp_path: Path) -> None:
    rows = [
        f"a {word} {noun}\t{word}\t{noun}\n" for noun in ("film", "play") for word in ["good", "bad"] * 20
    ]
    test = tmp_path / "test.tsv"
    test.write_text("text\tlabel\tkind\n" + "".join(rows))
    train = labelled(tmp_path / "train.tsv", 60, "song")
    evaluation = ("evaluate", student, test, "--by", "kind", "--labelled", train)
    code, out, err = run(*evaluation)
    assert code == 0, err
    assert "Accuracy in %, by kind" in out
    assert "film" in out
    assert "TF-IDF + LR" in out
    assert "The student is not measurably better than TF-IDF + LR" in err
    figures = json.loads(run(*evaluation, "--json")[1])
    assert figures["by"] == "kind"
    assert [group["texts"] for group in figures["groups"]] == [40, 40]
    assert figures["groups"][0]["accuracy"]["tfidf"]["accuracy"] == 1
    assert figures["warnings"]
    code, out, err = run("evaluate", student, test)
    assert code == 0, err
    assert "majority class" in out
    assert "TF-IDF" not in out
    code, _, err = run("evaluate", student, test, "--by", "language")
    assert code == 2
    assert "language" in err


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        ("x = ", "is not TOML"),
        ("steps = 3", "no setting 'steps'"),
        ("[training]\nstep = 3", "did you mean 'steps'?"),
        ('[training]\nsteps = "three"', "steps is 'three'"),
        ("[training]\nsteps = true", "steps is True"),
        ("[student]\ndim = 1.5", "dim is 1.5"),
        ("training = 3", "not a table"),
        ("[data]\nlabelled = 3", "labelled is 3"),
        ("[vocabulary]\nmax_ngram = 99", "max_ngram is 99"),
        ('[student]\ntable = "magic"', "table is 'magic'"),
        ("", "nothing to learn from"),
    ],
)
def test_wrong_recipes_are_named(run: Run, tmp_path: Path, recipe: str, message: str) -> None:
    (tmp_path / "r.toml").write_text(recipe)
    code, _, err = run("distill", tmp_path / "r.toml", "-o", tmp_path / "out")
    assert code == 2
    assert err.startswith("Error: ")
    assert message in err
    assert not (tmp_path / "out").exists()


def wrong_inputs(folder: Path) -> dict[str, tuple[list[object], list[str]]]:
    """Commands over wrong input, and what their one sentence must say."""
    good = labelled(folder / "good.tsv")
    (folder / "nolabel.tsv").write_text("text\tother\na\tb\n")
    (folder / "empty.csv").write_bytes(b"")
    (folder / "header.csv").write_text("text,label\n")
    (folder / "latin.tsv").write_bytes("text\tlabel\ngood\tgood\ncaf\xe9\tbad\n".encode("latin-1"))
    (folder / "ragged.tsv").write_text("text\tlabel\na\tgood\nb\n")
    (folder / "one.tsv").write_text("text\tlabel\na\tgood\nb\tgood\n")
    (folder / "unknown.tsv").write_text("text\tlabel\na\tgood\nb\tawful\n")
    (folder / "bad.jsonl").write_text('{"text": "a"}\n{"text": \n')
    (folder / "cut.txt.gz").write_bytes(gzip.compress(b"line\n" * 1000)[:-20])
    (folder / "cut.parquet").write_bytes(b"PAR1 and no more")
    student, output = folder / "student", folder / "out"
    train = ["distill", "-o", output, "--labelled"]
    return {
        "missing file": (["predict", student, folder / "no.txt"], ["no.txt", "does not exist"]),
        "missing column": ([*train, folder / "nolabel.tsv"], ["nolabel.tsv", "'label'", "other"]),
        "empty file": ([*train, folder / "empty.csv"], ["empty.csv"]),
        "no rows": ([*train, folder / "header.csv"], ["header.csv"]),
        "bad UTF-8": ([*train, folder / "latin.tsv"], ["latin.tsv", "line 3", "UTF-8"]),
        "wrong number of fields": ([*train, folder / "ragged.tsv"], ["ragged.tsv", "line 3"]),
        "one class": ([*train, folder / "one.tsv"], ["one.tsv", "two classes"]),
        "unknown label": (
            ["evaluate", student, folder / "unknown.tsv"],
            ["unknown.tsv", "line 3", "'awful'"],
        ),
        "invalid JSON": (["predict", student, folder / "bad.jsonl"], ["bad.jsonl", "line 2"]),
        "truncated gz": (["predict", student, folder / "cut.txt.gz"], ["cut.txt.gz", "truncated"]),
        "truncated parquet": (["predict", student, folder / "cut.parquet"], ["cut.parquet"]),
        "no pattern match": (["vocab", folder / "*.zip", "-o", output], ["*.zip"]),
        "unknown format": (["vocab", folder / "student", "-o", output], ["student"]),
        "no student": (["predict", folder, good], ["config.json", "does not exist"]),
        "no teacher": (["label", folder / "student", good, "-o", output], ["student"]),
        "impossible size": (["vocab", good, "-o", output, "--memory", "lots"], ["'lots'"]),
        "too little memory": (["vocab", good, "-o", output, "--memory", "1MiB"], ["memory"]),
        "unwritable output": (["predict", student, good, "-o", "/proc/no/out.tsv"], ["/proc/no"]),
        "unknown setting": ([*train, good, "--set", "training.step=3"], ["'step'", "steps"]),
        "no value": ([*train, good, "--set", "training.steps"], ["--set training.steps"]),
        "wrong option": (["predict", student, "--nonsense"], ["--nonsense"]),
    }


@pytest.mark.parametrize("case", [
    "missing file", "missing column", "empty file", "no rows", "bad UTF-8",
    "wrong number of fields", "one class", "unknown label", "invalid JSON", "truncated gz",
    "truncated parquet", "no pattern match", "unknown format", "no student", "no teacher",
    "impossible size", "too little memory", "unwritable output", "unknown setting", "no value",
    "wrong option",
])  # fmt: skip
def test_wrong_input_gets_one_sentence_and_exit_code_2(
    run: Run, student: Path, tmp_path: Path, case: str
) -> None:
    arguments, words = wrong_inputs(student.parent)[case]
    code, _, err = run(*arguments)
    assert code == 2, err
    assert "Traceback" not in err
    for word in words:
        assert word.replace(" ", "") in err.replace(" ", ""), err  # long lines are wrapped
    assert not (tmp_path / "out").exists() or not any((tmp_path / "out").iterdir())


def test_a_failed_prediction_leaves_no_output(run: Run, student: Path, tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_text('{"text": "good"}\n' * 20_000 + "{\n")
    code, _, err = run("predict", student, tmp_path / "in.jsonl", "-o", tmp_path / "out.tsv")
    assert code == 2
    assert "line 20001" in err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.jsonl", "student"]


def test_a_full_disk_gets_one_sentence(student: Path, tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text("a good film\n" * 100_000)
    limited = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000));"
        "sys.argv = ['sparsedistill', *sys.argv[1:]];"
        "from sparsedistill.cli.app import main; main()"
    )
    command: list[str | Path] = [
        sys.executable,
        "-c",
        limited,
        "predict",
        student,
        tmp_path / "in.txt",
        "-o",
        tmp_path / "o.tsv",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert "o.tsv" in done.stderr
    assert "Traceback" not in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.txt", "student"]


def test_a_reader_that_stops_early_is_no_error(student: Path, tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text("a good film\n" * 200_000)
    command = f"{sys.executable} -m sparsedistill predict {student} {tmp_path / 'in.txt'} | head -n 2"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert done.stdout.count("\n") == 2
    assert "Traceback" not in done.stderr


def test_an_interrupted_command_exits_with_130_and_leaves_no_output(student: Path, tmp_path: Path) -> None:
    options = ["predict", str(student), "-o", str(tmp_path / "o.tsv")]
    command = [sys.executable, "-m", "sparsedistill", *options]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        deadline = time.monotonic() + 60
        while not list(tmp_path.glob(".o.tsv.*")) and time.monotonic() < deadline:
            time.sleep(0.05)  # until the output has been opened
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"Interrupted" in err
    assert b"Traceback" not in err
    assert [path.name for path in tmp_path.iterdir()] == ["student"]
