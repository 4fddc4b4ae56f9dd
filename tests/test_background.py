"""Threads that work ahead of their consumers."""

from __future__ import annotations

import subprocess
import sys
import threading
import time

import pytest

from sparsedistill._internal.background import in_background, read_ahead

# A cycle is collected in the middle of the start of a thread, which holds this lock (before Python 3.13).
ABANDONED = """
import gc, threading
from contextlib import nullcontext
from sparsedistill._internal.background import in_background, read_ahead

gc.disable()
for made in (read_ahead(iter(range(100))), in_background(str, range(100))):
    next(made)
    cycle = [made]
    cycle.append(cycle)
    del made, cycle
with getattr(threading, "_shutdown_locks_lock", nullcontext()):
    gc.collect()
print("collected")
"""


def test_abandoned_results_do_not_wait_for_their_thread() -> None:
    command = [sys.executable, "-c", ABANDONED]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert ended.stdout == "collected\n"


def test_abandoned_results_end_their_thread() -> None:
    before = set(threading.enumerate())
    assert next(read_ahead(iter(range(100)))) == 0
    assert next(in_background(str, range(100))) == "0"
    end = time.monotonic() + 60
    while set(threading.enumerate()) - before and time.monotonic() < end:
        time.sleep(0.01)
    assert set(threading.enumerate()) <= before


def test_closing_waits_for_the_thread_and_ends_the_results() -> None:
    before, done = set(threading.enumerate()), []

    def slow(job: int) -> int:
        time.sleep(0.05)
        done.append(job)
        return job

    results = in_background(slow, range(100))
    assert next(results) == 0
    results.close()
    assert set(threading.enumerate()) <= before
    assert done == list(range(len(done)))
    assert list(results) == []
    results.close()


def test_without_threads_the_consumer_does_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", none)
    assert list(in_background(str, range(5))) == ["0", "1", "2", "3", "4"]
    assert list(read_ahead(range(5))) == [0, 1, 2, 3, 4]
