"""Filtering a corpus beside predicting it: speed and peak memory of the commands, on jsonl.gz of ten columns.

The texts are those of the files, repeated, each with nine other columns. Each command runs in a process of
its own, and the commands take turns. It is checked that kept lines are those of the input to the byte, but
for the scores at their end, and that they are the lines that predict would have chosen.
"""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow.parquet as pq
from _machine import available_cores, processor
from _report import Measurement, make_parser, rates, report
from _students import random_student
from _texts import add_texts_option, read_texts

from sparsedistill import CountingConfig, Student, Vocabulary

BASE = "predict, labels only"


def lines(texts: Sequence[str], size: int) -> Iterator[bytes]:
    """Lines of jsonl with `size` bytes together."""
    written = row = 0
    while written < size:
        text = texts[row % len(texts)]
        record = {
            "id": f"<urn:uuid:{row:032x}>",
            "url": f"https://host{row % 1000}.example/{row}?q=é",
            "host": f"host{row % 1000}.example",
            "date": f"2026-01-{row % 28 + 1:02}T00:00:00Z",
            "language": {"code": "en", "score": round(1 / (row % 7 + 1), 4)},
            "tokens": len(text.split()),
            "hash": row * 0x9E3779B97F4A7C15,
            "tags": ["a", "b", None][: row % 4],
            "text": text,
            "dump": "CC-MAIN-2026-01" if row % 3 else None,
        }
        line = json.dumps(record, ensure_ascii=row % 2 == 0).encode() + b"\n"
        written += len(line)
        row += 1
        yield line


def make_corpus(path: Path, texts: Sequence[str], size: int) -> int:
    """Write a corpus, and return its size in bytes before compression."""
    written = 0
    with gzip.open(path, "wb", compresslevel=6) as file:
        for line in lines(texts, size):
            written += file.write(line)
    return written


def make_student(folder: Path, texts: Sequence[str]) -> tuple[float, float]:
    """Save a compact student with random weights; return scores that 50 % and 10 % of the texts reach."""
    vocabulary = Vocabulary.build(list(texts), counting=CountingConfig(max_rows=200_000))
    student = random_student(vocabulary, 64, rank=1).compress(list(texts[-2000:]))
    student.save_pretrained(folder)
    scores = Student.from_pretrained(folder).predict_proba(list(texts))[:, 0]
    half, tenth = np.quantile(scores, [0.5, 0.9]).tolist()
    return half, tenth


# A small process starts each command: a process inherits the peak memory of the one that it was forked from.
_STARTER = """
import json, os, subprocess, sys, time
begin = time.perf_counter()
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, usage = os.wait4(process.pid, 0)
found = time.perf_counter() - begin, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1000
print(json.dumps(found) if not status else "")
"""


def run(arguments: Sequence[object]) -> tuple[float, float, float]:
    """Run the command line; return its seconds, those of the processor, and its peak memory in MB."""
    command = [sys.executable, "-m", "sparsedistill", *map(str, arguments)]
    done = subprocess.run(
        [sys.executable, "-c", _STARTER, *command], capture_output=True, text=True, check=True
    )
    if not done.stdout.strip():
        raise SystemExit(f"{arguments[0]} failed: {done.stderr}")
    seconds, cpu, memory = json.loads(done.stdout)
    return seconds, cpu, memory


def check(corpus: Path, kept: Path, labels: Path, threshold: float) -> None:
    """Check that a file has the lines of the corpus with a score of at least `threshold`, to the byte."""
    shares = pq.read_table(labels)["p_0"].to_numpy()
    with gzip.open(corpus, "rb") as before, gzip.open(kept, "rb") as after:
        chosen = (line for line, share in zip(before, shares, strict=True) if share >= np.float32(threshold))
        count = 0
        for original, line in zip(chosen, after, strict=True):
            if not line.startswith(original[:-2] + b', "label": ') or not line.endswith(b"}\n"):
                raise SystemExit(f"A kept line is not that of the corpus: {line[:200]!r}")
            count += 1
    print(f"{count:,} of {len(shares):,} lines were kept, equal to the byte")


def main() -> None:
    parser = make_parser(__doc__, rounds=3)
    add_texts_option(parser, "train")
    parser.add_argument(
        "--megabytes",
        type=float,
        default=1000,
        help="size of the corpus, uncompressed (default: %(default)s)",
    )
    parser.add_argument("--threads", type=int, default=available_cores(), help="threads (default: all)")
    parser.add_argument(
        "--few", action="store_true", help="run only predict and the filter that keeps 10 %% of the texts"
    )
    options = parser.parse_args()
    with TemporaryDirectory() as name:
        folder = Path(name)
        texts = read_texts(options.texts)
        half, tenth = make_student(folder / "student", texts)
        small, corpus = folder / "small.jsonl.gz", folder / "corpus.jsonl.gz"
        make_corpus(small, texts, int(options.megabytes * 1e6 / 4))
        size = make_corpus(corpus, texts, int(options.megabytes * 1e6))

        def predict(path: Path, output: str, *more: object) -> list[object]:
            return [
                "predict",
                folder / "student",
                path,
                "-o",
                folder / output,
                "--threads",
                options.threads,
                *more,
            ]

        def filtered(path: Path, output: str, *rule: object) -> list[object]:
            return [
                "filter",
                folder / "student",
                path,
                "-o",
                folder / output,
                "--threads",
                options.threads,
                *rule,
            ]

        def commands(path: Path) -> Mapping[str, list[object]]:
            few: dict[str, list[object]] = {
                BASE: predict(path, "labels.parquet", "--no-with-text", "--probabilities"),
                "filter, 10 % kept": filtered(path, "tenth.jsonl.gz", "--keep", f'"0" >= {tenth}'),
            }
            if options.few:
                return few
            return few | {
                "predict, with text": predict(path, "texts.jsonl.gz"),
                "filter, 10 % kept, by source": filtered(
                    path, "source.jsonl.gz", "--keep", f'"0" >= {tenth}', "--by-source", "host"
                ),
                "filter, 50 % kept": filtered(path, "half.jsonl.gz", "--keep", f'"0" >= {half}'),
                "filter, 10 % by two passes": filtered(
                    path, "share.jsonl.gz", "--keep-share", "10%", "--by", "0"
                ),
            }

        seconds: dict[str, list[float]] = {}
        cpu: dict[str, list[float]] = {}
        memory: dict[str, list[float]] = {}
        for _ in range(options.rounds):
            for what, arguments in commands(corpus).items():
                for figures, value in zip((seconds, cpu, memory), run(arguments), strict=True):
                    figures.setdefault(what, []).append(value)
        check(corpus, folder / "tenth.jsonl.gz", folder / "labels.parquet", tenth)
        if not options.few:
            check(corpus, folder / "half.jsonl.gz", folder / "labels.parquet", half)
        found = rates(seconds, size / 1e6, "MB/s", BASE)
        found += [
            replace(row, name=f"{row.name}: processor", ratio_to=f"{BASE}: processor")
            for row in rates(cpu, size / 1e6, "MB/s", BASE)
        ]
        for what, arguments in commands(small).items():
            peaks, quarter = memory[what], run(arguments)[2]
            found.append(Measurement(f"{what}: peak memory", max(peaks), "MB", min(peaks), max(peaks)))
            found.append(Measurement(f"{what}: the same, a quarter of the corpus", quarter, "MB"))
    report(
        f"{size / 1e6:,.0f} MB of jsonl.gz, ten columns; {options.threads} threads, {processor()}",
        found,
        options.json,
    )


if __name__ == "__main__":
    main()
