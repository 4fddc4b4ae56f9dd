"""Speed of training beside busy processes: the default settings against settings by hand.

Each setting trains a student on real text in a process of its own, since the wait policy of OpenMP is fixed
when torch is loaded. The settings take turns, beside 0, 1 and 2 processes that keep a CPU busy. By hand:
every number of threads with each wait policy. It is checked that the weights depend on the number of threads
only.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from _machine import available_cores, processor
from _report import Measurement, make_parser, report
from _texts import add_texts_option
from _trainee import HELD_OUT

from sparsedistill import (
    Columns,
    Corpus,
    CountingConfig,
    TokenizerConfig,
    Vocabulary,
    read_labelled,
)

_POLICY = "OMP_WAIT_POLICY"
# Ends with the benchmark, however that ends.
_BUSY = """
import os
parent = os.getppid()
while os.getppid() == parent:
    for _ in range(1_000_000):
        pass
"""
_TRAINEE = Path(__file__).with_name("_trainee.py")
DEFAULT = "default"


@dataclass(frozen=True)
class Setting:
    """How a student is trained.

    Attributes:
        policy: ``OMP_WAIT_POLICY`` in the environment; None if it is not set.
        threads: The setting ``threads``; None for the default.
        torch_first: torch is imported before sparsedistill.
    """

    policy: str | None = None
    threads: int | None = None
    torch_first: bool = False


@dataclass(frozen=True)
class Work:
    """What is trained.

    Attributes:
        texts: File of labelled texts, the held-out ones last.
        vocabulary: Directory of the vocabulary.
        dim: Dimensions of a row.
        epochs: Passes over the texts.
    """

    texts: str
    vocabulary: str
    dim: int
    epochs: int


def settings(cores: int) -> dict[str, Setting]:
    """All settings by name: the default, those by hand, and those of a program that imports torch first."""
    found = {DEFAULT: Setting()}
    for threads in range(1, cores + 1):
        for policy in ("PASSIVE", "ACTIVE"):
            found[f"{threads} threads, {policy.lower()}"] = Setting(policy, threads)
    found["torch first, default"] = Setting(torch_first=True)
    found[f"torch first, {cores} threads"] = Setting(threads=cores, torch_first=True)
    return found


def by_hand(name: str) -> bool:
    """Whether a setting is one of the grid that the defaults are compared with."""
    return name != DEFAULT and not name.startswith("torch first")


@contextmanager
def neighbours(count: int) -> Iterator[None]:
    """Run `count` processes that keep a CPU busy."""
    busy = [subprocess.Popen([sys.executable, "-c", _BUSY]) for _ in range(count)]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


class Trainee:
    """A process that trains with one setting. It is stopped while others train: its threads may spin."""

    def __init__(self, setting: Setting, work: Work) -> None:
        inherited = os.environ.items()
        environment = {name: value for name, value in inherited if not name.startswith(("OMP_", "GOMP_"))}
        if setting.policy is not None:
            environment[_POLICY] = setting.policy
        arguments = {"torch_first": setting.torch_first, "threads": setting.threads, **asdict(work)}
        self._process = subprocess.Popen(
            [sys.executable, str(_TRAINEE), json.dumps(arguments)],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self.train()  # untimed: loads the texts and the libraries

    def train(self) -> dict[str, Any]:
        """Train a student; return ``texts_per_second``, ``threads`` and ``digest`` of the weights."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.send_signal(signal.SIGCONT)
        print(file=self._process.stdin, flush=True)
        answer = self._process.stdout.readline()
        self._process.send_signal(signal.SIGSTOP)
        if not answer:
            raise SystemExit(f"{_TRAINEE.name} failed: run it by hand to see why.")
        return dict(json.loads(answer))

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()


def measured(
    trainees: Mapping[str, Trainee], counts: Sequence[int], rounds: int
) -> dict[int, dict[str, list[dict[str, Any]]]]:
    """What each trainee returned, per number of neighbours and round."""
    results: dict[int, dict[str, list[dict[str, Any]]]] = {
        count: {name: [] for name in trainees} for count in counts
    }
    for _ in range(rounds):
        for count, found in results.items():
            with neighbours(count):
                for name, trainee in trainees.items():
                    found[name].append(trainee.train())
    return results


def check(rounds: Mapping[str, list[dict[str, Any]]]) -> None:
    """Check that the weights are a function of the number of threads.

    Raises:
        SystemExit: They are not.
    """
    digests: dict[int, set[str]] = {}
    for found in rounds.values():
        for each in found:
            digests.setdefault(each["threads"], set()).add(each["digest"])
    for threads, different in digests.items():
        if len(different) > 1:
            raise SystemExit(f"{len(different)} networks were trained with {threads} threads, not one.")


def rows(count: int, rounds: Mapping[str, list[dict[str, Any]]]) -> Iterator[Measurement]:
    """The speed of each setting, and its ratio to the setting by hand with the best median."""
    speeds = {name: [each["texts_per_second"] for each in found] for name, found in rounds.items()}
    best = max(filter(by_hand, speeds), key=lambda name: median(speeds[name]))
    for name, values in speeds.items():
        ratio = median(own / other for own, other in zip(values, speeds[best], strict=True))
        yield Measurement(
            f"{count} neighbours: {name}", median(values), "texts/s", min(values), max(values), best, ratio
        )


def main() -> None:
    parser = make_parser(__doc__, rounds=5)
    add_texts_option(parser, "train")
    parser.add_argument("--count", type=int, default=2_000, help="texts to train on (default: %(default)s)")
    parser.add_argument("--dim", type=int, default=64, help="dimensions of a row (default: %(default)s)")
    parser.add_argument("--epochs", type=int, default=1, help="passes over the texts (default: %(default)s)")
    parser.add_argument(
        "--neighbours",
        type=int,
        nargs="+",
        default=[0, 1, 2],
        help="numbers of busy processes (default: %(default)s)",
    )
    given = parser.parse_args()
    with TemporaryDirectory() as folder:
        labelled = read_labelled([Path(file) for file in given.texts], Columns(label="label"))
        drawn = np.random.default_rng(0).permutation(len(labelled))[: given.count + HELD_OUT]
        table = pa.table({"text": labelled.texts, "label": labelled.labels}).take(drawn)
        pq.write_table(table, f"{folder}/texts.parquet")
        corpus = Corpus(f"{folder}/texts.parquet", Columns())
        Vocabulary.build(corpus, TokenizerConfig(max_ngram=3), CountingConfig()).save(f"{folder}/vocabulary")
        work = Work(f"{folder}/texts.parquet", f"{folder}/vocabulary", given.dim, given.epochs)
        found: list[Measurement] = []
        trainees: dict[str, Trainee] = {}
        try:
            for name, setting in settings(available_cores()).items():
                trainees[name] = Trainee(setting, work)
            results = measured(trainees, given.neighbours, given.rounds)
        finally:
            for trainee in trainees.values():
                trainee.close()
        for count, rounds in results.items():
            check(rounds)
            found.extend(rows(count, rounds))
    report(
        f"Training beside busy processes: {given.count:,} texts, dim {given.dim}, {processor()}, "
        f"{available_cores()} cores",
        found,
        given.json,
    )


if __name__ == "__main__":
    main()
