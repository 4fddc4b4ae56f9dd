"""Work in a background thread, a few results ahead of the consumer."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from itertools import repeat
from typing import TypeVar

#: Number of results that are prepared before they are needed.
AHEAD = 2

_Job = TypeVar("_Job")
_Result = TypeVar("_Result")
_END = object()


def in_background(prepare: Callable[[_Job], _Result], jobs: Iterable[_Job]) -> Generator[_Result, None, None]:
    """Call `prepare` on each job in order, in one background thread, and yield the results in order.

    An exception in a job is raised here. The thread ends when the generator is exhausted, closed or deleted.

    Args:
        prepare: Called in the background thread.
        jobs: Iterated in the caller's thread, at most :data:`AHEAD` jobs ahead.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="background") as thread:
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


def read_ahead(items: Iterable[_Result]) -> Iterator[_Result]:
    """Iterate `items` in a background thread, at most :data:`AHEAD` of them ahead of the consumer."""
    iterator = iter(items)
    with closing(in_background(lambda _: next(iterator, _END), repeat(None))) as found:
        for item in found:
            if item is _END:
                return
            yield item  # type: ignore[misc]  # not the end, so of the type of the items
