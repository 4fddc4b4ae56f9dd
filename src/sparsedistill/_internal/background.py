"""Work in a background thread, a few results ahead of the consumer."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

#: Number of results that are prepared before they are needed.
AHEAD = 2

_Job = TypeVar("_Job")
_Result = TypeVar("_Result")


def in_background(prepare: Callable[[_Job], _Result], jobs: Iterable[_Job]) -> Generator[_Result, None, None]:
    """Call `prepare` on each job in order, in one background thread, and yield the results in order.

    An exception in a job is raised here. The thread ends when the generator is exhausted, closed or deleted.

    Args:
        prepare: Called in the background thread.
        jobs: Iterated in the caller's thread, at most :data:`AHEAD` jobs ahead.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="extraction") as thread:
        pending: deque[Future[_Result]] = deque()
        try:
            for job in jobs:
                pending.append(thread.submit(prepare, job))
                if len(pending) > AHEAD:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()
