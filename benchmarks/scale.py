"""Cost and memory at 1x, 10x and 100x of text, n-grams and parameters; docs/scale.md has the results.

Each task runs in a process of its own. Costs are CPU seconds, which neighbours on the machine change less
than the time on the clock. Memory is that of the process without pages of files.
"""

from __future__ import annotations

import gzip
import json
import sys
from argparse import SUPPRESS
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import cycle
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from _child import Outcome, answer, in_child
from _machine import available_cores, processor
from _projection import print_projection
from _report import make_parser
from _scale_tasks import TASKS
from _texts import add_texts_option, read_texts

_MEMORY = 256 << 20  # bytes, for counting
_WORDS = 20  # of a line that occur nowhere else
_NEW = 4 * _WORDS - 6  # n-grams of such a line
_GIB = 1 << 30


def task(name: str, **arguments: Any) -> Outcome:
    """Run a task of :mod:`_scale_tasks` in a process of its own."""
    return in_child(__file__, name, **arguments)


def lines(ngrams: int, texts: Sequence[str]) -> Iterator[str]:
    """Lines with this number of distinct n-grams, beside the same amount of real text."""
    real = cycle(texts)
    generated = given = word = 0
    for _ in range(ngrams // _NEW):
        line = " ".join(f"x{number:x}y" for number in range(word, word + _WORDS))
        word += _WORDS
        generated += len(line)
        yield line
        while given < generated:
            text = next(real).replace("\n", " ").replace("\r", " ")
            given += len(text)
            yield text


def write_lines(path: Path, ngrams: int, texts: Sequence[str]) -> float:
    """Write these lines; return their megabytes."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(line + "\n" for line in lines(ngrams, texts))
    return path.stat().st_size / 1e6


def counting(folder: Path, texts: Sequence[str], sizes: Sequence[int]) -> None:
    """Exact counts of ever more distinct n-grams, and of the halves of a corpus."""
    print("\n| distinct n-grams | MB of text | CPU s per 100 MB | own memory, MiB | of the bound |")
    print("| ---: | ---: | ---: | ---: | ---: |")
    for size in sizes:
        path = folder / "lines.txt"
        megabytes = write_lines(path, size, texts)
        whole = task("shard", paths=[str(path)], memory=_MEMORY, output=str(folder / "whole.counts"))
        (folder / "whole.counts").unlink()
        built = task("count", path=str(path), memory=_MEMORY, folder=str(folder))
        memory = built.anonymous - built.found["before"]
        cost = 100 * built.found["seconds"] / megabytes
        print(
            f"| {whole.found['ngrams']:,} | {megabytes:,.0f} | {cost:.1f} | {memory / 2**20:,.0f} | "
            f"{memory / _MEMORY:.0%} |",
            flush=True,
        )
        if size == sizes[0]:
            halves(folder, path, whole.found["digest"])
        path.unlink()


def halves(folder: Path, path: Path, digest: str) -> None:
    """Check that the counts of two halves add up to those of the whole file, byte for byte.

    Raises:
        SystemExit: They do not.
    """
    given = path.read_text(encoding="utf-8").splitlines(keepends=True)
    outputs = []
    for i in range(2):
        half = folder / f"half-{i}.txt"
        half.write_text("".join(given[i::2]), encoding="utf-8")
        outputs.append(str(half.with_suffix(".counts")))
        task("shard", paths=[str(half)], memory=_MEMORY, output=outputs[-1])
    merged = task("merge", paths=outputs, output=str(folder / "merged.counts"))
    if merged.found["digest"] != digest:
        raise SystemExit("The counts of two halves are not those of the whole.")


def write_corpus(folder: Path, texts: Sequence[str], copies: int, files: int, kind: str) -> list[str]:
    """Write `copies` of texts to `files` files of a format."""
    paths = []
    for number in range(files):
        path = folder / f"{copies}-{number}.{kind}"
        rows = [text for _ in range(copies) for text in texts[number::files]]
        if kind == "parquet":
            pq.write_table(pa.table({"text": rows}), path, compression="zstd")
        else:
            with gzip.open(path, "wt", encoding="utf-8", compresslevel=6) as file:
                file.writelines(json.dumps({"text": row}) + "\n" for row in rows)
        paths.append(str(path))
    return paths


def predicting(folder: Path, given: Sequence[str], texts: Sequence[str], most: int) -> dict[str, float]:
    """Scoring files with more text, more n-grams and more processes; rates in MB per CPU-second."""
    print("\n| n-grams | format | MB of text | processes | CPU s | MB per CPU-second | peak memory, MiB |")
    print("| ---: | --- | ---: | ---: | ---: | ---: | ---: |")
    sample = texts[:2500]
    size = sum(len(text.encode()) for text in sample) / 1e6
    rates: dict[str, float] = {}
    for rows in (10_000, 100_000, 1_000_000):
        student = str(folder / f"student-{rows}")
        task("make_student", texts=given, rows=rows, output=student)
        plans = [("jsonl.gz", 10, 1)]
        if rows == 1_000_000:
            plans = [(kind, copies, 1) for kind in ("jsonl.gz", "parquet") for copies in (1, 10, 100)]
            plans += [("jsonl.gz", 10, 2), ("parquet", 10, 2)]
        plans = [plan for plan in plans if plan[1] <= most]
        first: dict[str, float] = {}
        for kind, copies, processes in plans:
            paths = write_corpus(folder, sample, copies, 4, kind)
            output = folder / f"out-{rows}-{kind}-{copies}-{processes}"
            found = task(
                "predict", student=student, paths=paths, output=f"{output}/", processes=processes
            ).found
            rate = size * copies / found["seconds"]
            if processes == 1:
                if copies > 1 and kind in first:  # without the start of the process
                    rates[kind] = size * (copies - 1) / (found["seconds"] - first[kind])
                first.setdefault(kind, found["seconds"])
            print(
                f"| {rows:,} | {kind} | {size * copies:,.0f} | {processes} | {found['seconds']:.1f} | "
                f"{rate:.0f} | {found['peak'] / 2**20:,.0f} |",
                flush=True,
            )
            for path in paths:
                Path(path).unlink()
        alone = task("score", student=student, texts=given).found
        rates["scoring"] = alone["bytes"] / 1e6 / alone["seconds"]
        print(
            f"| {rows:,} | in memory | {alone['bytes'] / 1e6:,.0f} | 1 | {alone['seconds']:.1f} | "
            f"{rates['scoring']:.0f} | |",
            flush=True,
        )
    return rates


def training() -> None:
    """Training steps with more parameters."""
    print("\n| parameters | CPU ms per text | own memory, GiB |")
    print("| ---: | ---: | ---: |")
    for rows in (10_000, 100_000, 1_000_000):
        done = task("step", rows=rows, dim=1000, texts=1024, steps=3)
        cost = 1000 * done.found["seconds"] / (3 * 1024)
        print(f"| {1000 * rows:,} | {cost:.2f} | {done.anonymous / _GIB:.1f} |", flush=True)


def large(folder: Path, given: Sequence[str], labelled: Sequence[str], rows: int, dim: int) -> None:
    """A table of `rows` x `dim`: trained, saved, opened and compressed."""
    print(f"\n| {rows:,} x {dim:,} | CPU s | own memory at its peak, GiB |")
    print("| --- | ---: | ---: |")
    options = {"folder": str(folder), "test": list(labelled)}
    steps: Mapping[str, Callable[[], Outcome]] = {
        "trained and saved": lambda: task("train_large", texts=list(given), rows=rows, dim=dim, **options),
        "opened, first answer": lambda: task("open_large", **options),
        "compressed": lambda: task("compress_large", **options),
    }
    for name, run in steps.items():
        done = run()
        notes = (
            f" ({done.found['step']}, agreement {done.found['agreement']:.2%})"
            if "step" in done.found
            else ""
        )
        print(f"| {name}{notes} | {done.found['seconds']:.1f} | {done.anonymous / _GIB:.2f} |", flush=True)


def main() -> None:
    if "--task" in sys.argv:
        answer(TASKS, *sys.argv[-2:])
        return
    parser = make_parser(__doc__ or "", rounds=1)
    add_texts_option(parser, "train", "unlabeled")
    parser.add_argument("--task", help=SUPPRESS)
    parser.add_argument("parts", nargs="*", metavar="PART", help="counting, predicting, training, large")
    parser.add_argument("--ngrams", type=int, nargs="+", default=[10**6, 10**7, 10**8], help="to count")
    parser.add_argument("--copies", type=int, default=100, help="largest multiple of 3 MB of text to score")
    parser.add_argument("--rows", type=int, default=1_000_000, help="of the large table")
    parser.add_argument("--dim", type=int, default=1000, help="of the large table")
    parser.add_argument("--folder", type=Path, help="where files go; by default a temporary directory")
    options = parser.parse_args()
    parts = options.parts or ["counting", "predicting", "training", "large"]
    print(f"{processor()}, {available_cores()} cores")
    texts = read_texts(options.texts)
    with TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        if "counting" in parts:
            counting(folder, texts, options.ngrams)
        if "training" in parts:
            training()
        if "large" in parts:
            large(folder, options.texts, options.texts[:1], options.rows, options.dim)
        if "predicting" in parts:
            print_projection(predicting(folder, options.texts, texts, options.copies))


if __name__ == "__main__":
    main()
