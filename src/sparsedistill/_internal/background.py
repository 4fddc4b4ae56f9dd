"""Work in a background thread, a few results ahead of the consumer."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice, repeat
from typing import Any, TypeVar

from .threads import is_out_of_threads

#: Number of results that are prepared before they are needed.
AHEAD = 2

_Job = TypeVar("_Job")
_Result = TypeVar("_Result")
_END = object()


class InBackground(Iterator[_Result]):
    """The results of jobs in their order, prepared in one background thread.

    An exception in a job is raised by the iteration. The thread ends when the iterator is exhausted, closed
    or deleted. Closing waits for the thread. Deletion does not: the garbage collector can run while another
    thread is being started, where a join would deadlock.

    Args:
        prepare: Called with each job in the background thread.
        jobs: Iterated in the caller's thread, at most :data:`AHEAD` jobs ahead.
    """

    def __init__(self, prepare: Callable[[Any], _Result], jobs: Iterable[Any]) -> None:
        self._prepare, self._jobs = prepare, iter(jobs)
        self._pending: deque[Future[_Result]] = deque()
        self._thread: ThreadPoolExecutor | None = ThreadPoolExecutor(1, thread_name_prefix="background")

    def __next__(self) -> _Result:
        try:
            for job in islice(self._jobs, AHEAD + 1 - len(self._pending)):
                self._pending.append(self._submit(job))
            if not self._pending:
                raise StopIteration
            return self._pending.popleft().result()
        except BaseException:
            self.close()
            raise

    def _submit(self, job: Any) -> Future[_Result]:
        """Start a job in the thread, or run it here if the system gives no thread."""
        if self._thread is not None:
            try:
                return self._thread.submit(self._prepare, job)
            except RuntimeError as error:  # of the first job only: there is one thread
                if not is_out_of_threads(error):
                    raise
                self._thread.shutdown(wait=False, cancel_futures=True)  # it has kept the job
                self._thread = None
        done: Future[_Result] = Future()
        done.set_result(self._prepare(job))
        return done

    def close(self) -> None:
        """Cancel what has not begun, and wait for the thread."""
        self._jobs = iter(())
        while self._pending:
            self._pending.pop().cancel()
        if self._thread is not None:
            self._thread.shutdown()


class _ReadAhead(InBackground[_Result]):
    """Items up to the end."""

    def __next__(self) -> _Result:
        item = super().__next__()
        if item is _END:
            self.close()
            raise StopIteration
        return item


def in_background(prepare: Callable[[_Job], _Result], jobs: Iterable[_Job]) -> InBackground[_Result]:
    """Call `prepare` on each job in one background thread. See :class:`InBackground`."""
    return InBackground(prepare, jobs)


def read_ahead(items: Iterable[_Result]) -> InBackground[_Result]:
    """Iterate `items` in a background thread, at most :data:`AHEAD` of them ahead of the consumer."""
    iterator = iter(items)

    def following(_: None) -> _Result:
        return next(iterator, _END)  # type: ignore[return-value]  # what _ReadAhead ends with

    return _ReadAhead(following, repeat(None))
