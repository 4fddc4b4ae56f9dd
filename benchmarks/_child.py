"""A task in a process of its own, with its CPU time and its peak memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import Any, TypeAlias

Task: TypeAlias = Callable[..., Mapping[str, Any]]


@dataclass(frozen=True)
class Outcome:
    """What a task took.

    Attributes:
        cpu: CPU seconds of all threads, from the start of the process.
        anonymous: Peak of its own memory in bytes, without pages of files.
        found: What the task returned.
    """

    cpu: float
    anonymous: int
    found: dict[str, Any]


def anonymous() -> int:
    """Memory of this process in bytes, without pages of files."""
    for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    raise OSError("this needs Linux")


class Peak:
    """The peak of :func:`anonymous`, which a thread looks at a hundred times a second."""

    def __init__(self) -> None:
        self.bytes = anonymous()
        self._end = Event()
        self._thread = Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._end.wait(0.01):
            self.bytes = max(self.bytes, anonymous())

    def stop(self) -> int:
        """Return the peak."""
        self._end.set()
        self._thread.join()
        return self.bytes


def in_child(script: str, task: str, **arguments: Any) -> Outcome:
    """Run a task of a script, which calls :func:`answer`, in a child process."""
    done = subprocess.run(
        [sys.executable, script, "--task", task, json.dumps(arguments)],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return Outcome(**json.loads(done.stdout.splitlines()[-1]))


def answer(tasks: Mapping[str, Task], name: str, arguments: str) -> None:
    """Run a task in the child, and print its outcome."""
    peak = Peak()
    found = dict(tasks[name](**json.loads(arguments)))
    used = os.times()
    cpu = used.user + used.system + used.children_user + used.children_system
    print(json.dumps({"cpu": cpu, "anonymous": peak.stop(), "found": found}))
