"""Coverage-guided fuzzing: ``python -m support.fuzz TARGET FOLDER [OPTION ...]``.

Options are those of libFuzzer, such as ``-max_total_time=60``. The corpus in FOLDER starts with undamaged
inputs and grows. An input that is neither answered nor refused with :class:`InputError` is written to FOLDER,
and makes the fault again: ``python -m support.fuzz TARGET FOLDER FOLDER/crash-...``.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FunctionType

import atheris
import numpy as np

import sparsedistill.cli.app  # noqa: F401 - all modules, which are instrumented below
from sparsedistill import InputError, _core
from sparsedistill.compression import Floor
from sparsedistill.model.weights import StudentWeights

from . import damaged_files, mutants

#: What a target does with the bytes of the fuzzer, and the inputs that it starts with.
Target = tuple[Callable[[bytes], None], list[bytes]]

MODEL = "model.safetensors"
CONFIG = "config.json"


def student_file(work: Path, file: str, take: Callable[[bytes], slice]) -> Target:
    """Replace a part of a file of a student.

    Args:
        work: For temporary files.
        file: Its name.
        take: The part, of the whole content.
    """
    kinds = mutants.originals(work)
    folder = work / "mutant"
    folder.mkdir()

    def use(data: bytes) -> None:
        files = kinds[data[0] % len(kinds)]
        part = take(files[file])
        content = files[file][: part.start] + data[1:] + files[file][part.stop :]
        for name, other in files.items():
            (folder / name).write_bytes(content if name == file else other)
        mutants.use(folder, verify=False, mmap=True)

    return use, [bytes([i]) + files[file][take(files[file])] for i, files in enumerate(kinds)]


def _whole(content: bytes) -> slice:
    return slice(0, len(content))


def _header(content: bytes) -> slice:
    return slice(0, 8 + int.from_bytes(content[:8], "little"))


def _arrays(content: bytes) -> slice:
    return slice(_header(content).stop, len(content))


def data_file(work: Path) -> Target:
    """Read a file of one of the formats, or a recipe."""
    files = damaged_files.originals()
    names = sorted(files)

    def use(data: bytes) -> None:
        path = work / names[data[0] % len(names)]
        path.write_bytes(data[1:])
        damaged_files.read(path)

    return use, [bytes([i]) + files[name] for i, name in enumerate(names)]


def texts(work: Path) -> Target:
    """Compare the answers to texts over instruction sets, threads and parts of a call, bit by bit."""
    del work
    trained = mutants.student(pair=False, characters=True)
    compact = trained.compress([f"good film {i}" for i in range(40)], floor=Floor(0.0, 1.0))
    weights = trained.weights
    assert isinstance(weights, StudentWeights)
    layers = (weights.hidden_weight, weights.hidden_bias, weights.output_weight, weights.output_bias)
    classifiers = [
        _core.Classifier(trained.vocabulary.core, weights.table, False, *layers, each)
        for each in _core.available_instruction_sets()
    ]

    def use(data: bytes) -> None:
        several = _texts(data)
        expected, coverage = classifiers[0](several, None, 1)
        for classifier in classifiers:
            for threads in (1, 3):
                found = classifier(several, None, threads)
                np.testing.assert_array_equal(found[0], expected)
                np.testing.assert_array_equal(found[1], coverage)
        together = compact.predict_proba(several, threads=2)
        for i, text in enumerate(several):
            np.testing.assert_array_equal(compact.predict_proba([text], threads=1)[0], together[i])

    return use, ["\n".join(mutants.TEXTS).encode("utf-8", "surrogatepass")]


def _texts(data: bytes) -> list[str]:
    """The lines that are UTF-8 or have lone surrogates."""
    found = []
    for line in data.split(b"\n"):
        with suppress(UnicodeDecodeError):
            found.append(line.decode("utf-8", "surrogatepass"))
    return found or [""]


TARGETS: dict[str, Callable[[Path], Target]] = {
    "config": lambda work: student_file(work, CONFIG, _whole),
    "header": lambda work: student_file(work, MODEL, _header),
    "arrays": lambda work: student_file(work, MODEL, _arrays),
    "files": data_file,
    "texts": texts,
}


def instrument(*packages: str) -> None:
    """Count the branches of the functions of packages. ``instrument_imports`` misses editable installs."""
    for found in gc.get_objects():
        if isinstance(found, FunctionType) and str(found.__module__).partition(".")[0] in packages:
            atheris.instrument_func(found)


def main(name: str, folder: str, options: list[str]) -> None:
    """Run libFuzzer with a target."""
    instrument("sparsedistill", "tomllib")
    corpus = Path(folder)
    corpus.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as work:
        use, seeds = TARGETS[name](Path(work))
        for i, seed in enumerate(seeds):
            (corpus / f"seed-{i}").write_bytes(seed)

        def one(data: bytes) -> None:
            if not data:
                return
            try:
                use(data)
            except InputError as error:
                str(error).encode()

        given = [option for option in options if not option.startswith("-")]
        atheris.Setup(
            [sys.argv[0], *(given or [folder]), f"-artifact_prefix={folder}/", "-timeout=10", *options], one
        )
        atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
