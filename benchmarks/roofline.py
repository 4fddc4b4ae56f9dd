"""Where the time of a compact student goes, and how near each stage is to what the machine can do.

Builds core/tools/roofline.cpp and runs it over the texts and the student's table, on one thread. Limits are a
scan that counts the characters of the texts, and random reads of cache lines with so many under way at once.
Stages are timed by themselves where they can be run so (tokens, met n-grams, sums of rows that are near) and
else by what is left of the kernel's time. Logits must equal, bit for bit, those that Python gets.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import thread_time

import numpy as np
from _report import Measurement, arguments, report
from _students import make_student
from _texts import add_texts, read_texts

from sparsedistill import CountingConfig, Student, Vocabulary
from sparsedistill.model.compact import CompactWeights

PROJECT = Path(__file__).parents[1]
CHAINS = (1, 2, 4, 8, 16, 32)


@dataclass(frozen=True)
class Found:
    """What the program printed.

    Attributes:
        path: The instruction set.
        counts: Of texts, bytes, tokens, look-ups, ...
        seconds: Of the processor's time, of each engine in each round.
    """

    path: str
    counts: dict[str, int]
    seconds: dict[str, np.ndarray]


def build() -> Path:
    """The program, built as the package is."""
    folder = PROJECT / "build" / "roofline"
    tools = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    cmake, ninja = shutil.which("cmake", path=tools), shutil.which("ninja", path=tools)
    if cmake is None or ninja is None:
        raise SystemExit("cmake or ninja is missing: pip install '.[dev]'.")
    configure = [cmake, "-S", PROJECT, "-B", folder, "-G", "Ninja", f"-DCMAKE_MAKE_PROGRAM={ninja}"]
    configure += ["-DCMAKE_BUILD_TYPE=Release", "-DSPARSEDISTILL_ROOFLINE=ON"]
    for command in configure, [cmake, "--build", folder]:
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"{done.stdout}{done.stderr}\nThe core could not be built.")
    return folder / "roofline"


def run(program: Path, student: Student, texts: list[str], rounds: int, large: int) -> Found:
    """Run the program, and hold its answers against those of `student`."""
    network = student.weights
    assert isinstance(network, CompactWeights)
    encoded = [text.encode("utf-8", "surrogatepass") for text in texts]
    tokenizer = student.vocabulary.tokenizer
    settings = [network.slots, network.wide, tokenizer.max_ngram, int(tokenizer.boundaries)]
    settings += [int(student.vocabulary.closed), rounds, large]
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "texts").write_bytes(b"".join(encoded))
        np.cumsum([len(text) for text in encoded], dtype=np.uint64).tofile(folder / "ends")
        for array, content in network.arrays().items():
            content.tofile(folder / array)
        done = subprocess.run(
            [program, folder, *map(str, settings)], stdout=subprocess.PIPE, text=True, check=False
        )
        if done.returncode:
            raise SystemExit("The program failed.")
        logits, coverage = (np.fromfile(folder / name, np.float32) for name in ("logits", "coverage"))
    expected = student.score(texts, threads=1)
    if not np.array_equal(logits, expected.logits.ravel()) or not np.array_equal(coverage, expected.coverage):
        raise SystemExit("The program's answers are not those of the student.")
    path, counts, seconds = "", {}, {}
    for kind, key, *values in map(str.split, done.stdout.splitlines()):
        if kind == "path":
            path = key
        elif kind == "count":
            counts[key] = int(values[0])
        else:
            seconds[key] = np.array(values, float)
    return Found(path, counts, seconds)


def limits(found: Found, large: int, lines: int) -> list[Measurement]:
    """What the machine can do."""
    read = found.counts["reads"] / 1e6
    measurements = [
        _rate("scan: characters of the texts", found.counts["bytes"] / 1e6, found.seconds["scan"], "MB/s"),
    ]
    for pages in "small", "huge":
        name = f"sequential reads, {large / 1e9:.1f} GB, {pages} pages"
        measurements.append(_rate(name, large / 1e6, found.seconds[f"sequential/{pages}"], "MB/s"))
    sizes = {"near/small": "0.26 MB, small pages"}
    for where, size in ("table", f"{lines * 64 / 1e6:.1f} MB"), ("large", f"{large / 1e9:.1f} GB"):
        sizes |= {f"{where}/{pages}": f"{size}, {pages} pages" for pages in ("small", "huge")}
    for key, size in sizes.items():
        for chains in CHAINS:
            name = f"lines of {size}, {chains} at once"
            measurements.append(_rate(name, read, found.seconds[f"random/{key}/{chains}"], "M lines/s"))
    return measurements


def stages(found: Found, python: Sequence[float]) -> list[Measurement]:
    """What the kernel takes, and makes of the limits."""
    counts, seconds = found.counts, found.seconds
    texts = counts["texts"]
    orders = sorted(int(key.split("/")[1]) for key in counts if key.startswith("look_ups/"))
    look_ups = sum(counts[f"look_ups/{order}"] for order in orders)
    kernel = seconds[f"kernel/{orders[-1]}"]
    whole = seconds["classifier"]
    sums = (seconds["sums/5"] - seconds["sums/1"]) / 4
    looking_up = kernel - seconds["tokens"] - seconds["met"] - sums

    def time(name: str, its: np.ndarray) -> Measurement:
        return _measurement(name, its / texts * 1e6, "us/text", "the whole", its / whole)

    def rate(name: str, work: int, its: np.ndarray, unit: str, limit: str, best: np.ndarray) -> Measurement:
        each = work / 1e6 / its
        return _measurement(name, each, unit, limit, each / best)

    def random_lines(where: str) -> np.ndarray:
        rounds = [seconds[f"random/{where}/{chains}"] for chains in CHAINS]
        return counts["reads"] / 1e6 / np.min(rounds, axis=0)

    times = [time("time: tokens and their hashes", seconds["tokens"])]
    times.append(time("time: look-ups (what is left of the kernel)", looking_up))
    times.append(time("time: which n-grams are met anew", seconds["met"]))
    times.append(time("time: sums of rows that are near", sums))
    times.append(time("time: head (texts without tokens)", seconds["head"]))
    times.append(time("time: the whole", whole))
    for order in orders:
        name = f"time: kernel, n-grams up to {order}"
        times.append(time(name, seconds[f"kernel/{order}"]))
    times.append(time("time: kernel, table in huge pages", seconds["kernel/huge"]))
    times.append(time("time: the lines read, known beforehand", seconds["lines/small"]))
    times.append(time("time: the same, in huge pages", seconds["lines/huge"]))
    times.append(
        _measurement("time: Student.score of a list of str", np.array(python) / texts * 1e6, "us/text")
    )

    scan = counts["bytes"] / 1e6 / seconds["scan"]
    near, table = random_lines("near/small"), random_lines("table/small")
    known = look_ups / 1e6 / seconds["lines/small"]
    best = "best, table's size"
    megabytes, million = "MB/s", "M lines/s"
    return [
        *times,
        rate("rate: tokens and their hashes", counts["bytes"], seconds["tokens"], megabytes, "scan", scan),
        rate("rate: the whole", counts["bytes"], whole, megabytes, "scan", scan),
        rate("rate: look-ups", look_ups, looking_up, million, "known beforehand", known),
        rate("rate: look-ups", look_ups, looking_up, million, best, table),
        rate("rate: lines known beforehand", look_ups, seconds["lines/small"], million, best, table),
        rate("rate: sums", counts["ngrams"], sums, "M rows/s", "best, 0.26 MB", near),
    ]


def _measurement(
    name: str, values: np.ndarray, unit: str, to: str | None = None, ratios: np.ndarray | None = None
) -> Measurement:
    ratio = None if ratios is None else median(ratios)
    return Measurement(name, median(values), unit, float(min(values)), float(max(values)), to, ratio)


def _rate(name: str, work: float, seconds: np.ndarray, unit: str) -> Measurement:
    return _measurement(name, work / seconds, unit)


def _processor_seconds(student: Student, texts: list[str]) -> float:
    begin = thread_time()
    student.score(texts, threads=1)
    return thread_time() - begin


def _machine() -> str:
    for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
        if line.startswith("model name"):
            return f"{line.split(':', 1)[1].strip()}, {os.cpu_count()} cores"
    return f"{os.uname().machine}, {os.cpu_count()} cores"


def _student(given: Path | None, corpus: list[str]) -> Student:
    """The student to look into, compact."""
    if given is None:
        vocabulary = Vocabulary.build(corpus, counting=CountingConfig(max_rows=1_000_000))
        student = make_student(vocabulary, 64, rank=1)
    else:
        student = Student.from_pretrained(given)
    if student.pair:
        raise SystemExit("The student compares two texts: name one that reads single texts.")
    if not isinstance(student.weights, CompactWeights):
        student = student.compress(corpus[:: -(-len(corpus) // 5000)])
    assert isinstance(student.weights, CompactWeights)
    if student.weights.rows is not None:
        raise SystemExit(
            "The student's rows are too wide for the lines of its table: cut it to fewer dimensions."
        )
    return student


def main() -> None:
    parser = arguments(__doc__.split("\n")[0], rounds=7)
    add_texts(parser, "train", "unlabeled")
    parser.add_argument(
        "--student",
        type=Path,
        metavar="DIR",
        help="the student to look into, made compact if it is not (default: drawn weights of rank 1 over "
        "1 M n-grams of the texts)",
    )
    parser.add_argument("--count", type=int, default=4000, help="texts to score (the last ones of the files)")
    parser.add_argument(
        "--large", type=float, default=4.0, help="GB of the larger array (default: %(default)s)"
    )
    options = parser.parse_args()

    program = build()
    corpus = read_texts(options.texts)
    student, texts = _student(options.student, corpus), corpus[-options.count :]
    large = int(options.large * 1e9) // 4096 * 4096
    found = run(program, student, texts, options.rounds, large)
    python = [_processor_seconds(student, texts) for _ in range(options.rounds + 1)][1:]
    print(f"{_machine()}; {found.path}; one thread")
    counts = {name: count / found.counts["texts"] for name, count in found.counts.items()}  # a text
    by_order = " + ".join(f"{counts[name]:.1f}" for name in counts if name.startswith("look_ups/"))
    print(
        f"{found.counts['texts']:,} texts; of each on average {counts['bytes']:,.0f} bytes, "
        f"{counts['tokens']:.1f} tokens, {by_order} look-ups (n = 1, 2, ...), "
        f"{counts['hits']:.1f} n-grams found, {counts['ngrams']:.1f} once each"
    )
    lines = len(student.weights.lines)  # type: ignore[union-attr]
    print(f"{found.counts['distinct_lines']:,} of the {lines:,} lines of the table are read")
    measurements = limits(found, large, lines) + stages(found, python)
    report(f"Limits and stages, {_machine()}, one thread", measurements, options.json)


if __name__ == "__main__":
    main()
