"""A process for one engine, and the driver's handle on it: one JSON object a line, asked and answered.

An engine's load time and memory are its own that way, and so are its threads, which most libraries take from
the environment when they are first loaded. Workers wait on their pipe while others work.
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
_SINGLE = 100  # texts that are asked one by one, at most
_SINGLE_SECONDS = 0.5


class WorkerError(Exception):
    """A worker failed; the message says which and why."""


# ---- the driver's side ---------------------------------------------------------------------------


class Worker:
    """A worker process.

    Args:
        engine: Name of the engine.
        work: Where things are.
        threads: That it may use.
        log: File for what its libraries say.
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

    def tell(self, do: str, **arguments: Any) -> None:
        """Send a request; :meth:`hear` has the answer."""
        assert self._process.stdin is not None
        try:
            print(json.dumps({"do": do, **arguments}), file=self._process.stdin, flush=True)
        except BrokenPipeError:
            self.hear()

    def hear(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._process.wait()
            said = self._log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
            raise WorkerError(f"{self.engine} failed; the end of {self._log}:\n" + "\n".join(said[-15:]))
        return json.loads(line)

    def ask(self, do: str, **arguments: Any) -> Any:
        self.tell(do, **arguments)
        return self.hear()

    def close(self) -> None:
        """End the process; one that is at work is killed."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(BrokenPipeError):
                pipe.close()


# ---- the process ---------------------------------------------------------------------------------


def evenly(texts: list[str], count: int) -> list[str]:
    """`count` of the texts, evenly from the shortest to the longest, then shuffled: of whatever count, a
    sample has the lengths of the whole."""
    if count >= len(texts):
        chosen = np.arange(len(texts))
    else:
        by_length = np.argsort([len(text) for text in texts], kind="stable")
        chosen = by_length[((np.arange(count) + 0.5) * len(texts) / count).astype(np.int64)]
    return [texts[i] for i in np.random.default_rng(0).permutation(chosen)]


class _Session:
    def __init__(self, engine: Engine, work: Work, threads: int) -> None:
        self.engine = engine
        self.work = work
        self.threads = threads
        self.texts: list[str] = []

    def prepare(self, folder: str) -> dict[str, Any]:
        self.engine.prepare(Path(folder))
        return {}

    def open(self) -> dict[str, Any]:
        for path in self.engine.files():  # into the page cache: disks are not compared
            with path.open("rb") as file:
                while file.read(1 << 24):
                    pass
        begin = perf_counter()
        self.engine.open(self.threads)
        self.engine.answer(
            self.engine.ready(["One text."], TEXT_SETS["imdb"])
        )  # what is loaded when first needed
        seconds = perf_counter() - begin
        sizes = [path.stat().st_size for path in self.engine.files()]
        return {"load_seconds": seconds, "resident": _resident(), "bytes": sum(sizes)}

    def take(self, name: str, texts: int | None = None, passes: int = 1) -> dict[str, Any]:
        """Take so many texts to answer, so many times over; by default what fills the set's seconds."""
        before = _resident()
        self.kind = TEXT_SETS[name]
        self.texts = self.work.read(name)[0]
        held = _resident() - before
        if texts is None:
            texts, passes = self._affordable()
        self.passes = passes
        self.inputs = self.engine.ready(evenly(self.texts, texts), self.kind)
        self.engine.answer(self.inputs)  # not counted: memory and files are touched for the first time
        return {"texts": texts, "passes": passes, "resident_for_texts": held}

    def _affordable(self) -> tuple[int, int]:
        """Texts and passes that fill the seconds of the set, judged by a call that is not the first one."""
        count = self.engine.least
        while True:
            inputs = self.engine.ready(evenly(self.texts, count), self.kind)
            for _ in range(2 if count < 1000 else 1):
                begin = perf_counter()
                self.engine.answer(inputs)
                seconds = perf_counter() - begin
            if seconds > 0.1 * self.kind.seconds or count == len(self.texts):
                break
            count = min(4 * count, len(self.texts))
        wanted = int(count * self.kind.seconds / seconds)
        texts = max(self.engine.least, min(wanted, len(self.texts)))
        return texts, max(1, round(wanted / texts))

    def answer(self) -> dict[str, Any]:
        begin, worked = perf_counter(), process_time()
        for _ in range(self.passes):
            self.answers = self.engine.answer(self.inputs)
        seconds, worked = perf_counter() - begin, process_time() - worked
        return {"seconds": seconds, "processor_seconds": worked}

    def single(self) -> dict[str, Any]:
        """Seconds for one text by itself: the median over texts of all lengths."""
        texts = evenly(self.texts, _SINGLE)
        ready = [self.engine.ready([text], self.kind) for text in texts]
        found: list[float] = []
        while ready and sum(found) < _SINGLE_SECONDS:
            one = ready.pop()
            begin = perf_counter()
            self.engine.answer(one)
            found.append(perf_counter() - begin)
        return {"seconds": median(found)}

    def check(self) -> dict[str, Any]:
        """How far the answers that were timed last are from the reference."""
        count = self.engine.checked
        limits = self.engine.limits_on(self.kind)
        found = Check.of(self.answers[:count], self.engine.reference(self.inputs[:count]), limits)
        return {**asdict(found), "passed": found.within(limits), "limits": asdict(limits)}

    def accuracy(self) -> dict[str, Any]:
        texts, labels = self.work.read("imdb")
        count = min(self.engine.tested, len(texts))
        chosen = np.random.default_rng(0).permutation(len(texts))[:count]
        answers = self.engine.answer(self.engine.ready([texts[i] for i in chosen], TEXT_SETS["imdb"]))
        right = answers.argmax(axis=1) == np.array(labels)[chosen]
        return {"accuracy": float(right.mean()), "texts": count}

    def resident(self) -> dict[str, Any]:
        return {"resident": _resident()}


def _resident() -> int:
    """Bytes of memory that this process has now."""
    import psutil

    return int(psutil.Process().memory_info().rss)


def main() -> None:
    # The pipe is for answers alone: whatever libraries print goes to the log.
    channel = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the driver hears it, and ends its workers
    name, threads, paths = sys.argv[1:]
    work = Work.from_json(json.loads(paths))
    session = _Session(engines(work)[name], work, int(threads))
    for line in sys.stdin:
        request = json.loads(line)
        do: Callable[..., dict[str, Any]] = getattr(session, request.pop("do"))
        print(json.dumps(do(**request)), file=channel, flush=True)


if __name__ == "__main__":
    main()
