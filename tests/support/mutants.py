"""Opens damaged copies of students and predicts with them: ``python -m support.mutants COUNT [SEED]``.

Nothing but answers and :class:`InputError` may come of it. A mutant that takes longer than a second of the
processor ends the process by SIGPROF, and one that asks for much more memory than its files is a MemoryError.
Under AddressSanitizer (``make fuzz``) no request may exceed four times the size of the files, the largest one
of undamaged students, and 1 MiB. The number of the mutant is printed before it is tried, and makes it again:
``python -m support.mutants 1 SEED``.
"""

from __future__ import annotations

import json
import random
import resource
import signal
import sys
from collections.abc import Callable
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from sparsedistill import InputError, Student, TokenizerConfig, Vocabulary
from sparsedistill.compression import Floor
from sparsedistill.model.weights import StudentWeights

from .requests import Requests

TEXTS = ["good film", "a bad, bad film", "unheard of", "", "\ud800 日本の映画 " * 50]
MEMORY = 192 << 20  # bytes above what the interpreter has: room for Arrow and the buffers of the core
REQUEST = 4  # the largest request for memory under AddressSanitizer, as a multiple of the size of the files
WORKING = 1 << 20  # bytes of a buffer of the core, whose size follows from the width of the rows
SECONDS = 1.0  # of the processor

#: What JSON values are replaced by.
VALUES: list[Any] = [
    *(None, True, "", "x", "\x1b]0;x\x07", "a" * 100_000),
    *(0, 1, -1, 2**31, 2**32, 2**63, 2**64, 10**4_000, 1e308),
    *([], {}, [[]] * 50, [0, 2**62], {"a": {"b": {}}}, [2**40, 2**40], [0]),
    *("F32", "U8", "I64", "F99"),
]

Folder = dict[str, bytes]


def student(pair: bool, characters: bool, dim: int = 6) -> Student:
    """A small student with random weights."""
    draw = np.random.default_rng(1)
    words = ["good", "bad", "film", "a", "日", "本", "good film", *(f"w{i}" for i in range(200))]
    words += ["##<u", "##un"] if characters else []
    vocabulary = Vocabulary.from_ngrams(words, TokenizerConfig(2, False, 2, 3 if characters else 0))
    features = 5 * dim + 3 if pair else dim
    shapes = ((len(words), dim), (4, features), (4,), (3, 4), (3,))
    weights = StudentWeights(*(draw.standard_normal(shape, dtype=np.float32) for shape in shapes))
    return Student(vocabulary, weights, ("x", "y", "z"), pair=pair)


def originals(work: Path) -> list[Folder]:
    """The files of all kinds of students."""
    found = []
    for number, (pair, characters) in enumerate([(False, False), (False, True), (True, True)]):
        trained = student(pair, characters)
        texts = [f"{word} {i}" for i in range(20) for word in ("good film", "bad", "a film", "日本")]
        compact = trained.compress(texts, texts[::-1] if pair else None, floor=Floor(0.0, 1.0))
        for name, one in (("trained", trained), ("compact", compact)):
            one.save_pretrained(work / f"{number}-{name}")
            found.append({path.name: path.read_bytes() for path in (work / f"{number}-{name}").iterdir()})
    return found


def mutate_json(draw: random.Random, text: bytes) -> bytes:
    """Replace, remove or repeat a value of a JSON object."""
    document = json.loads(text)
    places: list[tuple[Any, Any]] = []

    def collect(value: Any) -> None:
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            places.append((value, key))
            if isinstance(inner, dict | list):
                collect(inner)

    collect(document)
    holder, key = draw.choice(places)
    if draw.random() < 0.2 and isinstance(holder, dict):
        holder[str(draw.choice(VALUES))] = holder.pop(key)
    elif draw.random() < 0.3 and type(holder[key]) is int:
        holder[key] += draw.choice([-1, 1, 8, 64, 2**32])
    else:
        holder[key] = draw.choice(VALUES)
    sys.set_int_max_str_digits(0)
    changed = json.dumps(document)
    if draw.random() < 0.05:
        changed = changed.replace("{", '{"format":{},"table":[],', 1)
    return changed.encode()


def mutate_bytes(draw: random.Random, content: bytes) -> bytes:
    """Flip, cut out, repeat or append bytes."""
    changed = bytearray(content)
    for _ in range(draw.randint(1, 6)):
        if not changed:
            break
        at = draw.randrange(len(changed))
        size = min(draw.choice([1, 1, 4, 64, 500]), len(changed) - at)
        kind = draw.randrange(6)
        if kind == 0:
            del changed[at : at + size]
        elif kind == 1:
            changed[at:at] = changed[at : at + size]
        elif kind == 2:
            changed[at : at + size] = bytes([draw.choice([0, 0x7F, 0x80, 0xFF])]) * size
        elif kind == 3:
            changed[at : at + size] = draw.randbytes(size)
        elif kind == 4:
            del changed[at:]
        else:
            changed[at] ^= 1 << draw.randrange(8)
    return bytes(changed)


def mutate_header(draw: random.Random, content: bytes) -> bytes:
    """Change the header of a safetensors file."""
    size = int.from_bytes(content[:8], "little")
    header, data = content[8 : 8 + size], content[8 + size :]
    header = (mutate_json if draw.random() < 0.8 else mutate_bytes)(draw, header)
    header += b" " * (-(8 + len(header)) % 64)
    said = draw.choice([len(header)] * 9 + [2**63])
    return said.to_bytes(8, "little") + header + data


def mutate_arrays(draw: random.Random, content: bytes) -> bytes:
    """Change bytes behind the header, whose sizes stay right."""
    size = 8 + int.from_bytes(content[:8], "little")
    data = bytearray(content[size:])
    for _ in range(draw.choice([1, 2, 4, 30])):
        at = draw.randrange(len(data))
        length = min(draw.choice([1, 4, 64, 64, 500]), len(data) - at)
        filler = draw.choice([bytes(length), b"\x3f" * length, b"\xff" * length, draw.randbytes(length)])
        data[at : at + length] = filler
    return content[:size] + bytes(data)


MUTATIONS: list[tuple[str, Callable[[random.Random, bytes], bytes]]] = [
    ("config.json", mutate_json),
    ("config.json", mutate_json),
    ("config.json", mutate_bytes),
    ("model.safetensors", mutate_header),
    ("model.safetensors", mutate_header),
    ("model.safetensors", mutate_bytes),
    ("model.safetensors", mutate_arrays),
    ("model.safetensors", mutate_arrays),
    ("ngrams.parquet", mutate_bytes),
]


def use(folder: Path, verify: bool, mmap: bool) -> None:
    """What people do with a student."""
    opened = Student.from_pretrained(folder, verify=verify, mmap=mmap)
    pair = TEXTS[::-1] if opened.pair else None
    opened.predict(TEXTS, pair, threads=1)
    opened.score(TEXTS, pair, threads=1)
    assert repr(opened)
    assert opened.vocabulary.ngrams is None or len(opened.vocabulary.ngrams)
    opened.explain(TEXTS[0], TEXTS[1] if opened.pair else None)


class Memory:
    """The bound on the memory that a mutant may ask for.

    Args:
        work: For temporary files.
        usual: Uses undamaged students.
    """

    def __init__(self, work: Path, usual: Callable[[], None]) -> None:
        usual()  # imports, and threads of Arrow, before memory is bounded
        self._requests = Requests(work) if Requests.possible() else None
        if self._requests is None:
            used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
            resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, resource.RLIM_INFINITY))
        else:
            usual()
            self._usual = self._requests.largest()

    def check(self, size: int) -> None:
        """Raise :class:`MemoryError` if a request since the last call is too large for files of this size."""
        if self._requests is not None:
            largest = self._requests.largest()
            if largest > max(REQUEST * size, self._usual, WORKING):
                raise MemoryError(f"A request for {largest:,} bytes; the files have {size:,}.")


def mutant(draw: random.Random, kinds: list[Folder]) -> Folder:
    """The files of a student with one or two changes."""
    files = dict(draw.choice(kinds))
    for _ in range(draw.choice([1, 1, 1, 2])):
        file, mutation = draw.choice(MUTATIONS)
        try:
            files[file] = mutation(draw, files[file])
        except (ValueError, TypeError, IndexError):
            continue  # the file cannot be changed twice
    return files


def main(count: int, seed: int) -> None:
    """Try mutants number `seed` and the following."""
    with TemporaryDirectory() as name:
        work = Path(name)
        kinds = originals(work)
        undamaged = sorted(path for path in work.iterdir() if path.is_dir())

        def usual() -> None:
            for folder, verify, mmap in product(undamaged, (False, True), (False, True)):
                use(folder, verify, mmap)

        memory = Memory(work, usual)
        answered = 0
        for number in range(seed, seed + count):
            print(number, file=sys.stderr)
            draw = random.Random(number)
            files = mutant(draw, kinds)
            folder = work / "mutant"
            folder.mkdir(exist_ok=True)
            for file, content in files.items():
                (folder / file).write_bytes(content)
            memory.check(sys.maxsize)  # making the mutant does not count
            signal.setitimer(signal.ITIMER_PROF, SECONDS)  # no handler: the process ends
            signal.setitimer(signal.ITIMER_REAL, 30)  # the processor may be busy with other work
            try:
                use(folder, draw.random() < 0.2, draw.random() < 0.5)
                answered += 1
            except InputError as error:
                str(error).encode()
            signal.setitimer(signal.ITIMER_PROF, 0)
            signal.setitimer(signal.ITIMER_REAL, 0)
            memory.check(sum(map(len, files.values())))
        print(f"{count} mutants: {answered} answered, {count - answered} refused")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0)
