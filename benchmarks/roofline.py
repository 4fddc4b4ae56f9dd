"""Time of a compact student by stage, compared with the limits of the machine.

Builds core/tools/roofline/ and runs it over the texts and the student's table, on one thread. The limits
are a scan that counts the characters of the texts, and random reads of cache lines with 1 to 32 reads in
flight. Stages that can run alone (tokens, distinct n-grams, sums of cached rows) are timed alone; the time of
the look-ups is what remains of the kernel's time. The logits must equal, bit for bit, those of Python.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import thread_time

import numpy as np
from _report import Measurement, make_parser, report
from _students import random_student
from _texts import add_texts_option, read_texts
from numpy.typing import NDArray

from sparsedistill import CountingConfig, Student, Vocabulary
from sparsedistill.model.compact import CompactWeights

PROJECT = Path(__file__).parents[1]
CHAINS = (1, 2, 4, 8, 16, 32)  # reads in flight

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Output:
    """Output of the program.

    Attributes:
        instruction_set: The instruction set that the core used.
        counts: Numbers of texts, bytes, tokens, look-ups, ...
        seconds: Processor time of each stage or limit, one value per round.
    """

    instruction_set: str
    counts: dict[str, int]
    seconds: dict[str, Floats]


def build() -> Path:
    """Build the program with the settings of the package, and return its path."""
    folder = PROJECT / "build" / "roofline"
    tools = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    cmake, ninja = shutil.which("cmake", path=tools), shutil.which("ninja", path=tools)
    if cmake is None or ninja is None:
        raise SystemExit("cmake or ninja was not found: pip install '.[dev]'")
    configure: list[str | Path] = [
        cmake,
        "-S",
        PROJECT,
        "-B",
        folder,
        "-G",
        "Ninja",
        f"-DCMAKE_MAKE_PROGRAM={ninja}",
    ]
    configure += ["-DCMAKE_BUILD_TYPE=Release", "-DSPARSEDISTILL_ROOFLINE=ON"]
    compile_core: list[str | Path] = [cmake, "--build", folder]
    for command in configure, compile_core:
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"{done.stdout}{done.stderr}\nThe build failed.")
    return folder / "roofline"


def run(program: Path, student: Student, texts: list[str], rounds: int, large: int) -> Output:
    """Run the program, and compare its logits and coverage with those of `student`.

    Raises:
        SystemExit: The program failed, or they differ.
    """
    weights = student.weights
    assert isinstance(weights, CompactWeights)
    encoded = [text.encode("utf-8", "surrogatepass") for text in texts]
    tokenizer = student.vocabulary.tokenizer
    settings = [weights.slots, weights.wide, tokenizer.max_ngram, int(tokenizer.boundaries)]
    settings += [int(student.vocabulary.closed), rounds, large]
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "texts").write_bytes(b"".join(encoded))
        np.cumsum([len(text) for text in encoded], dtype=np.uint64).tofile(folder / "ends")
        for array, content in weights.arrays().items():
            content.tofile(folder / array)
        done = subprocess.run(
            [program, folder, *map(str, settings)], stdout=subprocess.PIPE, text=True, check=False
        )
        if done.returncode:
            raise SystemExit(f"{program} failed with exit status {done.returncode}.")
        logits, coverage = (np.fromfile(folder / name, np.float32) for name in ("logits", "coverage"))
    expected = student.score(texts, threads=1)
    if not np.array_equal(logits, expected.logits.ravel()) or not np.array_equal(coverage, expected.coverage):
        raise SystemExit(f"The logits or coverage of {program} differ from those of the student.")
    instruction_set = ""
    counts: dict[str, int] = {}
    seconds: dict[str, Floats] = {}
    for kind, key, *values in map(str.split, done.stdout.splitlines()):
        if kind == "path":
            instruction_set = key
        elif kind == "count":
            counts[key] = int(values[0])
        else:
            seconds[key] = np.array(values, float)
    return Output(instruction_set, counts, seconds)


def limits(output: Output, large: int, lines: int) -> list[Measurement]:
    """Speed of the scan, of sequential reads and of random reads of cache lines.

    Args:
        output: Output of the program.
        large: Bytes of the large array.
        lines: Cache lines of the student's table.
    """
    read = output.counts["reads"] / 1e6
    measurements = [
        _rate("scan: characters of the texts", output.counts["bytes"] / 1e6, output.seconds["scan"], "MB/s"),
    ]
    for pages in "small", "huge":
        name = f"sequential reads, {large / 1e9:.1f} GB, {pages} pages"
        measurements.append(_rate(name, large / 1e6, output.seconds[f"sequential/{pages}"], "MB/s"))
    sizes = {"near/small": "0.26 MB, small pages"}
    for where, size in ("table", f"{lines * 64 / 1e6:.1f} MB"), ("large", f"{large / 1e9:.1f} GB"):
        sizes |= {f"{where}/{pages}": f"{size}, {pages} pages" for pages in ("small", "huge")}
    for key, size in sizes.items():
        for chains in CHAINS:
            name = f"random lines, {size}, {chains} in flight"
            measurements.append(_rate(name, read, output.seconds[f"random/{key}/{chains}"], "M lines/s"))
    return measurements


def stages(output: Output, python: Sequence[float]) -> list[Measurement]:
    """Time and speed of each stage, with its share of the total time or of a limit.

    Args:
        output: Output of the program.
        python: Processor seconds of ``Student.score``, one value per round.
    """
    counts, seconds = output.counts, output.seconds
    texts = counts["texts"]
    orders = sorted(int(key.split("/")[1]) for key in counts if key.startswith("look_ups/"))
    look_ups = sum(counts[f"look_ups/{order}"] for order in orders)
    kernel = seconds[f"kernel/{orders[-1]}"]
    total = seconds["classifier"]
    sums = (seconds["sums/5"] - seconds["sums/1"]) / 4
    looking_up = kernel - seconds["tokens"] - seconds["met"] - sums

    def time(name: str, stage: Floats) -> Measurement:
        return _measurement(f"time: {name}", stage / texts * 1e6, "us/text", "total", stage / total)

    def rate(name: str, work: int, stage: Floats, unit: str, limit: str, best: Floats) -> Measurement:
        rounds = work / 1e6 / stage
        return _measurement(f"rate: {name}", rounds, unit, limit, rounds / best)

    def random_lines(where: str) -> Floats:
        rounds = np.array([seconds[f"random/{where}/{chains}"] for chains in CHAINS])
        fastest: Floats = counts["reads"] / 1e6 / rounds.min(axis=0)
        return fastest

    times = [
        time("tokens and their hashes", seconds["tokens"]),
        time("look-ups (remainder of the kernel)", looking_up),
        time("distinct n-grams of a text", seconds["met"]),
        time("sums of cached rows", sums),
        time("head (texts without tokens)", seconds["head"]),
        time("total", total),
        *(time(f"kernel, n-grams up to {order}", seconds[f"kernel/{order}"]) for order in orders),
        time("kernel, table in huge pages", seconds["kernel/huge"]),
        time("reads of the same lines, known in advance", seconds["lines/small"]),
        time("reads of the same lines, known in advance, huge pages", seconds["lines/huge"]),
        _measurement("time: Student.score of a list of str", np.array(python) / texts * 1e6, "us/text"),
    ]

    scan = counts["bytes"] / 1e6 / seconds["scan"]
    near, table = random_lines("near/small"), random_lines("table/small")
    known = look_ups / 1e6 / seconds["lines/small"]
    best = "best, table's size"
    megabytes, million = "MB/s", "M lines/s"
    return [
        *times,
        rate("tokens and their hashes", counts["bytes"], seconds["tokens"], megabytes, "scan", scan),
        rate("total", counts["bytes"], total, megabytes, "scan", scan),
        rate("look-ups", look_ups, looking_up, million, "known in advance", known),
        rate("look-ups", look_ups, looking_up, million, best, table),
        rate("reads known in advance", look_ups, seconds["lines/small"], million, best, table),
        rate("sums", counts["ngrams"], sums, "M rows/s", "best, 0.26 MB", near),
    ]


def _measurement(
    name: str, values: Floats, unit: str, to: str | None = None, ratios: Floats | None = None
) -> Measurement:
    ratio = None if ratios is None else float(np.median(ratios))
    return Measurement(
        name, float(np.median(values)), unit, float(min(values)), float(max(values)), to, ratio
    )


def _rate(name: str, work: float, seconds: Floats, unit: str) -> Measurement:
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
    """Return the compact student to measure: the one in a directory, or one with random weights.

    Raises:
        SystemExit: The student cannot be measured.
    """
    if given is None:
        vocabulary = Vocabulary.build(corpus, counting=CountingConfig(max_rows=1_000_000))
        student = random_student(vocabulary, 64, rank=1)
    else:
        student = Student.from_pretrained(given)
    if student.pair:
        raise SystemExit("The student compares two texts: pass a student of single texts.")
    if not isinstance(student.weights, CompactWeights):
        student = student.compress(corpus[:: -(-len(corpus) // 5000)])
    assert isinstance(student.weights, CompactWeights)
    if student.weights.rows is not None:
        raise SystemExit(
            "The student's rows do not fit in the lines of its table: compress it to fewer dimensions."
        )
    return student


def main() -> None:
    parser = make_parser(__doc__, rounds=7)
    add_texts_option(parser, "train", "unlabeled")
    parser.add_argument(
        "--student",
        type=Path,
        metavar="DIR",
        help="student to measure; compressed if it is not compact (default: random weights of rank 1 over "
        "1 M n-grams of the texts)",
    )
    parser.add_argument(
        "--count",
        type=int,
        default=4000,
        help="number of texts to score, from the end of the files (default: %(default)s)",
    )
    parser.add_argument(
        "--large", type=float, default=4.0, help="size of the large array in GB (default: %(default)s)"
    )
    options = parser.parse_args()

    program = build()
    corpus = read_texts(options.texts)
    student, texts = _student(options.student, corpus), corpus[-options.count :]
    large = int(options.large * 1e9) // 4096 * 4096
    output = run(program, student, texts, options.rounds, large)
    python = [_processor_seconds(student, texts) for _ in range(options.rounds + 1)][1:]
    print(f"{_machine()}; {output.instruction_set}; one thread")
    counts = {name: count / output.counts["texts"] for name, count in output.counts.items()}  # per text
    by_order = " + ".join(f"{counts[name]:.1f}" for name in counts if name.startswith("look_ups/"))
    print(
        f"{output.counts['texts']:,} texts; on average {counts['bytes']:,.0f} bytes, "
        f"{counts['tokens']:.1f} tokens, {by_order} look-ups (n = 1, 2, ...), "
        f"{counts['hits']:.1f} n-grams found, {counts['ngrams']:.1f} of them distinct"
    )
    assert isinstance(student.weights, CompactWeights)
    lines = len(student.weights.lines)
    print(f"{output.counts['distinct_lines']:,} of the {lines:,} lines of the table are read")
    measurements = limits(output, large, lines) + stages(output, python)
    report(f"Limits and stages, {_machine()}, one thread", measurements, options.json)


if __name__ == "__main__":
    main()
