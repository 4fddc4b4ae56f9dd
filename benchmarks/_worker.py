"""Worker process for one engine, and the driver's handle on it.

Requests and responses are JSON objects, one per line. A process per engine separates load time, memory and
threads, which most libraries read from the environment when they are loaded. Workers wait on their pipe
while others work.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any

import numpy as np
from engines import TEXT_SETS, Check, Engine, Work, engines

_THREADS = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "RAYON_NUM_THREADS",
    "LOKY_MAX_CPU_COUNT",
)
_SINGLE_TEXTS = 100  # maximum number of texts for the latency of one text
_SINGLE_SECONDS = 0.5


class WorkerError(Exception):
    """A worker failed; the message says which one and why."""


# ---- driver --------------------------------------------------------------------------------------


class Worker:
    """A worker process.

    Args:
        engine: Name of the engine.
        work: Paths of the comparison.
        threads: Number of threads that it may use.
        log: File for the output of its libraries.
    """

    def __init__(self, engine: str, work: Work, threads: int, log: Path) -> None:
        self.engine = engine
        self._log = log
        environment = os.environ | dict.fromkeys(_THREADS, str(threads))
        environment |= {"TOKENIZERS_PARALLELISM": str(threads > 1).lower(), "HF_HUB_OFFLINE": "1"}
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("w") as out:
            self._process = subprocess.Popen(
                [sys.executable, __file__, engine, str(threads), json.dumps(work.as_json())],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=out,
                env=environment,
                text=True,
            )

    def send(self, method: str, **arguments: Any) -> None:
        """Send a request; :meth:`receive` returns the response."""
        assert self._process.stdin is not None
        try:
            print(json.dumps({"method": method, **arguments}), file=self._process.stdin, flush=True)
        except BrokenPipeError:
            self.receive()

    def receive(self) -> Any:
        """Return the response to the last request.

        Raises:
            WorkerError: The process has ended.
        """
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._process.wait()
            logged = self._log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
            raise WorkerError(f"{self.engine} failed; last lines of {self._log}:\n" + "\n".join(logged[-15:]))
        return json.loads(line)

    def call(self, method: str, **arguments: Any) -> Any:
        """Send a request and return the response."""
        self.send(method, **arguments)
        return self.receive()

    def close(self) -> None:
        """Kill the process."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(BrokenPipeError):
                pipe.close()


# ---- worker process ------------------------------------------------------------------------------


def sample(texts: list[str], count: int) -> list[str]:
    """Return `count` of the texts in random order, with the same distribution of lengths for any `count`."""
    if count >= len(texts):
        chosen = np.arange(len(texts))
    else:
        by_length = np.argsort([len(text) for text in texts], kind="stable")
        chosen = by_length[((np.arange(count) + 0.5) * len(texts) / count).astype(np.int64)]
    return [texts[i] for i in np.random.default_rng(0).permutation(chosen)]


class _Session:
    """The requests that a worker answers: each public method is one, and returns a JSON object."""

    def __init__(self, engine: Engine, work: Work, threads: int) -> None:
        self.engine = engine
        self.work = work
        self.threads = threads
        self.texts: list[str] = []

    def prepare(self, folder: str) -> dict[str, Any]:
        self.engine.prepare(Path(folder))
        return {}

    def open(self) -> dict[str, Any]:
        """Load the model and predict one text."""
        for path in self.engine.files():  # read into the page cache: disks are not compared
            with path.open("rb") as file:
                while file.read(1 << 24):
                    pass
        begin = perf_counter()
        self.engine.open(self.threads)
        # Some engines load parts on the first prediction.
        self.engine.predict(self.engine.make_inputs(["One text."], TEXT_SETS["imdb"]))
        seconds = perf_counter() - begin
        sizes = [path.stat().st_size for path in self.engine.files()]
        return {"load_seconds": seconds, "resident": _resident(), "bytes": sum(sizes)}

    def load(self, name: str, texts: int | None = None, passes: int = 1) -> dict[str, Any]:
        """Load a text set and warm up.

        Args:
            name: Name of the text set.
            texts: Texts per call. By default, texts and passes are chosen to fill the set's seconds.
            passes: Calls per round.
        """
        before = _resident()
        self.text_set = TEXT_SETS[name]
        self.texts = self.work.read(name)[0]
        texts_bytes = _resident() - before
        if texts is None:
            texts, passes = self._affordable()
        self.passes = passes
        self.inputs = self.engine.make_inputs(sample(self.texts, texts), self.text_set)
        self.engine.predict(self.inputs)  # untimed: touches memory and files for the first time
        return {"texts": texts, "passes": passes, "resident_for_texts": texts_bytes}

    def _affordable(self) -> tuple[int, int]:
        """Return the numbers of texts and passes that fill the set's seconds, judged by a warm call."""
        count = self.engine.min_texts
        while True:
            inputs = self.engine.make_inputs(sample(self.texts, count), self.text_set)
            for _ in range(2 if count < 1000 else 1):
                begin = perf_counter()
                self.engine.predict(inputs)
                seconds = perf_counter() - begin
            if seconds > 0.1 * self.text_set.seconds or count == len(self.texts):
                break
            count = min(4 * count, len(self.texts))
        wanted = int(count * self.text_set.seconds / seconds)
        texts = max(self.engine.min_texts, min(wanted, len(self.texts)))
        return texts, max(1, round(wanted / texts))

    def time(self) -> dict[str, Any]:
        """Predict the loaded texts, once per pass."""
        begin, used = perf_counter(), process_time()
        for _ in range(self.passes):
            self.probabilities = self.engine.predict(self.inputs)
        seconds, used = perf_counter() - begin, process_time() - used
        return {"seconds": seconds, "processor_seconds": used}

    def time_single(self) -> dict[str, Any]:
        """Predict texts one by one; the time is the median over texts of all lengths."""
        texts = sample(self.texts, _SINGLE_TEXTS)
        inputs = [self.engine.make_inputs([text], self.text_set) for text in texts]
        times: list[float] = []
        while inputs and sum(times) < _SINGLE_SECONDS:
            single = inputs.pop()
            begin = perf_counter()
            self.engine.predict(single)
            times.append(perf_counter() - begin)
        return {"seconds": median(times)}

    def check(self) -> dict[str, Any]:
        """Compare the probabilities that were timed last with the reference."""
        count = self.engine.checked_texts
        limits = self.engine.limits_for(self.text_set)
        reference = self.engine.reference(self.inputs[:count])
        found = Check.of(self.probabilities[:count], reference, limits)
        return {**asdict(found), "passed": found.within(limits), "limits": asdict(limits)}

    def accuracy(self) -> dict[str, Any]:
        """Measure the accuracy on IMDB test reviews."""
        texts, labels = self.work.read("imdb")
        count = min(self.engine.accuracy_texts, len(texts))
        chosen = np.random.default_rng(0).permutation(len(texts))[:count]
        inputs = self.engine.make_inputs([texts[i] for i in chosen], TEXT_SETS["imdb"])
        correct = self.engine.predict(inputs).argmax(axis=1) == np.array(labels)[chosen]
        return {"accuracy": float(correct.mean()), "texts": count}

    def resident(self) -> dict[str, Any]:
        return {"resident": _resident()}


def _resident() -> int:
    """Return the resident memory of this process in bytes."""
    import psutil

    return int(psutil.Process().memory_info().rss)


def main() -> None:
    """Answer the requests on standard input until it ends."""
    # Only responses go to the pipe; everything that libraries print goes to the log.
    channel = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the driver handles it and ends its workers
    name, threads, paths = sys.argv[1:]
    work = Work.from_json(json.loads(paths))
    session = _Session(engines(work)[name], work, int(threads))
    for line in sys.stdin:
        request = json.loads(line)
        method: Callable[..., dict[str, Any]] = getattr(session, request.pop("method"))
        print(json.dumps(method(**request)), file=channel, flush=True)


if __name__ == "__main__":
    main()
