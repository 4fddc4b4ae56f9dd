"""Opening a student, and its first predictions: from disk, from the page cache, and in ten processes at once.

A student of 10^9 parameters (1 M n-grams of the texts x 1000, random weights; 4 GB) and a compact student
with as many n-grams are made once, in a work folder. Every figure is from a new process that scores one text
after the other on one thread. The logits must equal, bit for bit, those of the student read into memory.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from mmap import mmap
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
from _page_cache import disk_bytes, evict, mapped_bytes, process_bytes
from _report import Measurement, make_parser, report
from _students import random_student
from _texts import add_texts_option, read_texts
from numpy.typing import NDArray
from safetensors.numpy import load_file

import sparsedistill.student
from sparsedistill import CountingConfig, Student, Vocabulary
from sparsedistill.model.weights import StudentWeights
from sparsedistill.vocabulary.buckets import BUCKETS

PROCESSES = 10
Target = Callable[[Connection, Path, list[str]], None]

_spawn = get_context("spawn")


@dataclass(frozen=True)
class Opening:
    """Measurements of a new process: times in seconds, bytes read from disk.

    Attributes:
        open: Time to open the student.
        open_read: Bytes read for that.
        first: Time for the first text.
        first_read: Bytes read for that.
        again: Time for the first text again.
        rest: Time for the other texts.
        rest_read: Bytes read for that.
        logits: (texts, classes).
    """

    open: float
    open_read: int
    first: float
    first_read: int
    again: float
    rest: float
    rest_read: int
    logits: NDArray[np.float32]


def score_mapped(pipe: Connection, directory: Path, texts: list[str]) -> None:
    """Open the student, score the texts one by one, send an Opening, and wait for a message to end."""
    times, reads = [perf_counter()], [disk_bytes()]

    def lap() -> None:
        times.append(perf_counter())
        reads.append(disk_bytes())

    student = Student.from_pretrained(directory)
    lap()
    first = student.score(texts[:1], threads=1).logits
    lap()
    student.score(texts[:1], threads=1)
    lap()
    rest = [student.score([text], threads=1).logits for text in texts[1:]]
    lap()
    seconds, read = np.diff(times), np.diff(reads)
    pipe.send(
        Opening(
            *(seconds[0], read[0], seconds[1], read[1], seconds[2], seconds[3], read[3]),
            np.concatenate([first, *rest]),
        )
    )
    pipe.recv()


def score_in_memory(pipe: Connection, directory: Path, texts: list[str]) -> None:
    """Do the same with a student that the safetensors package reads into memory instead of mapping it."""

    def read(path: str | Path, **_: bool | None) -> dict[str, NDArray[Any]]:
        arrays = load_file(path)
        for name in {BUCKETS, "lines"} & arrays.keys():  # the hash table must begin at a cache line
            array, memory = arrays[name], mmap(-1, arrays[name].nbytes)
            arrays[name] = np.frombuffer(memory, array.dtype).reshape(array.shape)
            arrays[name][:] = array
        return arrays

    sparsedistill.student.open_tensors = read  # type: ignore[attr-defined]
    score_mapped(pipe, directory, texts)


class Process:
    """A new process that opens and scores; it keeps the student open until :meth:`end`."""

    def __init__(self, directory: Path, texts: list[str], target: Target = score_mapped) -> None:
        self._pipe, theirs = _spawn.Pipe()
        self._process = _spawn.Process(target=target, args=(theirs, directory, texts))
        self._process.start()
        theirs.close()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def opening(self) -> Opening:
        """Wait for the measurements."""
        found: Opening = self._pipe.recv()
        return found

    def end(self) -> None:
        """End the process."""
        self._pipe.send(None)
        self._process.join()


def run(directory: Path, texts: list[str], target: Target = score_mapped) -> Opening:
    """Measure in a new process, and end it."""
    process = Process(directory, texts, target)
    opening = process.opening()
    process.end()
    return opening


def make_students(folder: Path, texts: list[str]) -> dict[str, Path]:
    """Return the directories of the students by name; those of an earlier run are reused."""
    large, compact = folder / "large", folder / "compact"
    if not (large.exists() and compact.exists()):
        vocabulary = Vocabulary.build(texts, counting=CountingConfig(max_rows=1_000_000))
        if not compact.exists():
            random_student(vocabulary, 64, rank=1).compress(texts[-5000:]).save_pretrained(compact)
        if not large.exists():
            random_student(vocabulary, 1000).save_pretrained(large)
    weights = Student.from_pretrained(large).weights
    assert isinstance(weights, StudentWeights)
    parameters = weights.table.size
    return {f"{parameters:.1e} parameters".replace("e+09", " x 10^9"): large, "compact": compact}


def measure(name: str, directory: Path, texts: list[str], rounds: int) -> list[Measurement]:
    """Measure times and bytes read, from disk and from the page cache, and memory."""
    file = directory / "model.safetensors"
    expected = run(directory, texts, score_in_memory)
    cold: list[Opening] = []
    warm: list[Opening] = []
    for timed in [False] + [True] * rounds:
        evict(file)
        openings = run(directory, texts), run(directory, texts)
        if not all(np.array_equal(expected.logits, one.logits) for one in openings):
            raise SystemExit(
                f"{name}: the logits of the mapped student differ from those of the student in memory."
            )
        if timed:
            cold.append(openings[0])
            warm.append(openings[1])

    def row(what: str, values: list[float], unit: str) -> Measurement:
        return Measurement(f"{name}: {what}", median(values), unit, min(values), max(values))

    rest = f"next {len(texts) - 1} texts"
    found = [Measurement(f"{name}: size of the file", file.stat().st_size / 1e6, "MB")]
    for source, times in ("from disk", cold), ("from the page cache", warm):
        found += [
            row(f"open {source}", [1e3 * one.open for one in times], "ms"),
            row(f"first text {source}", [1e3 * one.first for one in times], "ms"),
            row(f"{rest} {source}", [1e3 * one.rest for one in times], "ms"),
        ]
    found += [
        row("first text again", [1e3 * one.again for one in warm], "ms"),
        row("read to open", [one.open_read / 1e6 for one in cold], "MB"),
        row("read for the first text", [one.first_read / 1e6 for one in cold], "MB"),
        row(f"read for the {rest}", [one.rest_read / 1e6 for one in cold], "MB"),
    ]
    return found + memory(name, directory, texts)


def memory(name: str, directory: Path, texts: list[str]) -> list[Measurement]:
    """Measure the memory of the mapped file and of the whole process, for one process and for ten at once."""
    found = []
    for count in 1, PROCESSES:
        processes = [Process(directory, texts) for _ in range(count)]
        for process in processes:
            process.opening()
        pids = [process.pid for process in processes]
        mapped = sum(mapped_bytes(pid, directory / "model.safetensors") for pid in pids)
        total = sum(process_bytes(pid) for pid in pids)
        for process in processes:
            process.end()
        who = "1 process" if count == 1 else f"{count} processes together"
        found.append(Measurement(f"{name}: mapped file in memory, {who}", mapped / 1e6, "MB"))
        found.append(Measurement(f"{name}: total memory, {who}", total / 1e6, "MB"))
    return found


def main() -> None:
    parser = make_parser(__doc__, rounds=5)
    add_texts_option(parser, "train", "unlabeled")
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path(__file__).parents[1] / "build" / "opening",
        help="folder for the students, 5 GB, on a disk (default: %(default)s)",
    )
    parser.add_argument(
        "--count",
        type=int,
        default=100,
        help="number of texts to score, from the end of the files (default: %(default)s)",
    )
    options = parser.parse_args()

    corpus = read_texts(options.texts)
    texts = corpus[-options.count :]
    sizes = [len(text.encode()) for text in texts]
    print(f"The first text has {sizes[0]:,} bytes, all {len(texts):,} have {sum(sizes) / 1e6:.2f} MB")
    measurements: list[Measurement] = []
    for name, directory in make_students(options.folder, corpus).items():
        measurements += measure(name, directory, texts, options.rounds)
    report("Opening a student, one thread", measurements, options.json)


if __name__ == "__main__":
    main()
