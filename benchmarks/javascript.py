"""Texts per second of the package for JavaScript in Node, against the library without vector instructions.

Both score the same texts on one thread with compact students of 1 M and of 50,000 n-grams, whose weights are
random. The benchmark fails if an answer differs in a bit. Strings become UTF-8 within the time of JavaScript.
``make wasm`` builds the package.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from _report import Measurement, interleave, make_parser, rates, report
from _students import random_student
from _texts import add_texts_option, read_texts
from numpy.typing import NDArray

from sparsedistill import CountingConfig, Student, TokenizerConfig, Vocabulary, _core
from sparsedistill.compression import Floor
from sparsedistill.model.compact import CompactWeights

PACKAGE = Path(__file__).parents[1] / "javascript"


def native(student: Student, portable: bool) -> Callable[[list[str]], NDArray[np.float32]]:
    """Scores texts on one thread, with the instruction set of this processor or with none."""
    weights = student.weights
    assert isinstance(weights, CompactWeights)
    sets = _core.available_instruction_sets()
    classifier = _core.CompactClassifier(
        weights.core_table(student.vocabulary.tokenizer, closed=student.vocabulary.closed),
        weights.wide,
        weights.scale,
        weights.centre,
        weights.basis,
        weights.hidden_weight,
        weights.hidden_bias,
        weights.output_weight,
        weights.output_bias,
        sets[0] if portable else sets[-1],
    )
    return lambda texts: classifier(texts, threads=1)[0]


@contextmanager
def node(student: Student, texts: list[str]) -> Iterator[Callable[[], NDArray[np.float32]]]:
    """A process of Node that scores texts."""
    program = shutil.which("node")
    if program is None or not (PACKAGE / "sparsedistill.wasm").exists():
        sys.exit("There is no Node, or no javascript/sparsedistill.wasm: install nodejs and run make wasm.")
    with TemporaryDirectory() as name:
        folder = Path(name)
        student.save_pretrained(folder / "student")
        (folder / "texts.json").write_text(json.dumps(texts))
        command: list[str | Path] = [
            program,
            "--no-warnings",
            Path(__file__).with_name("_javascript.mjs"),
            PACKAGE / "index.js",
            folder,
        ]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdin is not None
            assert process.stdout is not None

            def score() -> NDArray[np.float32]:
                assert process.stdin is not None
                assert process.stdout is not None
                process.stdin.write("\n")
                process.stdin.flush()
                assert process.stdout.readline() == "scored\n"
                return np.fromfile(folder / "logits", np.float32).reshape(len(texts), -1)

            yield score
            process.stdin.close()


def measured(corpus: list[str], texts: list[str], rows: int, rounds: int) -> list[Measurement]:
    """The rates with a student of at most `rows` n-grams."""
    vocabulary = Vocabulary.build(corpus, TokenizerConfig(2), CountingConfig(max_rows=rows))
    student = random_student(vocabulary, 64, rank=4).compress(corpus[:4000], dims=4, floor=Floor(0.9, 0.1))
    portable, best = native(student, True), native(student, False)
    base = f"{len(vocabulary):,} n-grams: no vector instructions"
    with node(student, texts) as javascript:
        if not np.array_equal(javascript(), portable(texts)):
            sys.exit("The answers of JavaScript differ.")
        engines: dict[str, Callable[[], object]] = {
            base: lambda: portable(texts),
            f"{len(vocabulary):,} n-grams: all instructions": lambda: best(texts),
            f"{len(vocabulary):,} n-grams: JavaScript": javascript,
        }
        return rates(interleave(engines, rounds), len(texts), "texts/s", base)


def main() -> None:
    parser = make_parser(__doc__ or "", rounds=9)
    add_texts_option(parser, "train")
    options = parser.parse_args()
    corpus = read_texts(options.texts)
    measurements = [
        row for rows in (1_000_000, 50_000) for row in measured(corpus, corpus[-5000:], rows, options.rounds)
    ]
    report("JavaScript, one thread", measurements, options.json)


if __name__ == "__main__":
    main()
