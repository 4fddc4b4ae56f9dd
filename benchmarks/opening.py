"""Opening a student, and its first answer: from disk, from the page cache, and ten processes at once.

A student of 10^9 parameters (1 M n-grams of the texts x 1000, drawn weights; 4 GB) and a compact one of as
many n-grams are made once, in a work folder. Every figure is of a fresh process, for one text after the
other on one thread; the answers must equal, bit for bit, those of the student held in memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from mmap import mmap
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np
from _page_cache import disk_bytes, drop, mapped_bytes, process_bytes
from _report import Measurement, arguments, report
from _students import make_student
from _texts import add_texts, read_texts
from safetensors.numpy import load_file

import sparsedistill.student
from sparsedistill import CountingConfig, Student, Vocabulary
from sparsedistill.vocabulary.vocabulary import BUCKETS

PROCESSES = 10
_spawn = get_context("spawn")


@dataclass(frozen=True)
class Opening:
    """What a fresh process saw; times in seconds, sizes in bytes."""

    open: float
    open_read: int
    first: float
    first_read: int
    again: float
    rest: float
    rest_read: int
    logits: np.ndarray


def answer(pipe: Connection, directory: Path, texts: list[str]) -> None:
    """Open the student, answer the texts one by one, and stay until told to go."""
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


def answer_held(pipe: Connection, directory: Path, texts: list[str]) -> None:
    """The answers of the student read into memory, by the safetensors package, instead of mapped."""

    def read(path: Path) -> dict[str, np.ndarray]:
        arrays = load_file(path)
        for name in {BUCKETS, "lines"} & arrays.keys():  # the hash table begins at a cache line
            array, memory = arrays[name], mmap(-1, arrays[name].nbytes)
            arrays[name] = np.frombuffer(memory, array.dtype).reshape(array.shape)
            arrays[name][:] = array
        return arrays

    sparsedistill.student.map_tensors = read  # type: ignore[attr-defined]
    answer(pipe, directory, texts)


class Process:
    """A fresh process that answers; while the context lasts, it keeps the student open."""

    def __init__(self, directory: Path, texts: list[str], work=answer) -> None:
        self._pipe, theirs = _spawn.Pipe()
        self._process = _spawn.Process(target=work, args=(theirs, directory, texts))
        self._process.start()
        theirs.close()

    @property
    def number(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def opening(self) -> Opening:
        found: Opening = self._pipe.recv()
        return found

    def end(self) -> None:
        self._pipe.send(None)
        self._process.join()


def run(directory: Path, texts: list[str], work=answer) -> Opening:
    process = Process(directory, texts, work)
    opening = process.opening()
    process.end()
    return opening


def make_students(folder: Path, texts: list[str]) -> dict[str, Path]:
    """The students to open, by what they are called; those that are there already are taken."""
    large, compact = folder / "large", folder / "compact"
    if not (large.exists() and compact.exists()):
        vocabulary = Vocabulary.build(texts, counting=CountingConfig(max_rows=1_000_000))
        if not compact.exists():
            make_student(vocabulary, 64, rank=1).compress(texts[-5000:]).save_pretrained(compact)
        if not large.exists():
            make_student(vocabulary, 1000).save_pretrained(large)
    parameters = Student.from_pretrained(large).weights.table.size  # type: ignore[union-attr]
    return {f"{parameters:.1e} parameters".replace("e+09", " x 10^9"): large, "compact": compact}


def measure(name: str, directory: Path, texts: list[str], rounds: int) -> list[Measurement]:
    file = directory / "model.safetensors"
    held = run(directory, texts, answer_held)
    cold: list[Opening] = []
    warm: list[Opening] = []
    for counted in [False] + [True] * rounds:
        drop(file)
        openings = run(directory, texts), run(directory, texts)
        if not all(np.array_equal(held.logits, one.logits) for one in openings):
            raise SystemExit(f"{name}: a mapped student answers otherwise than the same held in memory.")
        if counted:
            cold.append(openings[0])
            warm.append(openings[1])

    def row(what: str, values: list[float], unit: str) -> Measurement:
        return Measurement(f"{name}: {what}", median(values), unit, min(values), max(values))

    rest = f"next {len(texts) - 1} texts"
    found = [Measurement(f"{name}: file", file.stat().st_size / 1e6, "MB")]
    for state, openings_ in ("from disk", cold), ("from the page cache", warm):
        found += [
            row(f"opened {state}", [1e3 * one.open for one in openings_], "ms"),
            row(f"first text {state}", [1e3 * one.first for one in openings_], "ms"),
            row(f"{rest} {state}", [1e3 * one.rest for one in openings_], "ms"),
        ]
    found += [
        row("the first text again", [1e3 * one.again for one in warm], "ms"),
        row("read to open", [one.open_read / 1e6 for one in cold], "MB"),
        row("read for the first text", [one.first_read / 1e6 for one in cold], "MB"),
        row(f"read for the {rest}", [one.rest_read / 1e6 for one in cold], "MB"),
    ]
    return found + memory(name, directory, texts)


def memory(name: str, directory: Path, texts: list[str]) -> list[Measurement]:
    """Memory of the model file and altogether: of one process, and of ten that run at once."""
    found = []
    for count in 1, PROCESSES:
        processes = [Process(directory, texts) for _ in range(count)]
        for process in processes:
            process.opening()
        numbers = [process.number for process in processes]
        mapped = sum(mapped_bytes(number, directory / "model.safetensors") for number in numbers)
        whole = sum(process_bytes(number) for number in numbers)
        for process in processes:
            process.end()
        who = "1 process" if count == 1 else f"{count} processes together"
        found.append(Measurement(f"{name}: the file in memory, {who}", mapped / 1e6, "MB"))
        found.append(Measurement(f"{name}: all memory, {who}", whole / 1e6, "MB"))
    return found


def main() -> None:
    parser = arguments(__doc__.split("\n")[0], rounds=5)
    add_texts(parser, "train", "unlabeled")
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path(__file__).parents[1] / "build" / "opening",
        help="where the students are made and kept, on a disk with 5 GB to spare (default: %(default)s)",
    )
    parser.add_argument("--count", type=int, default=100, help="texts to answer (default: %(default)s)")
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
