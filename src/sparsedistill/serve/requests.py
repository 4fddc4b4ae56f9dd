"""The requests that are being answered: how many, and how long."""

from __future__ import annotations

import asyncio
from typing import Any, TypeAlias

from .errors import RequestError

Task: TypeAlias = "asyncio.Task[Any]"


class Requests:
    """Limits of the number and the time of requests.

    A request is a task. The table of deadlines is searched now and then, which costs a request less than a
    timer.

    Args:
        most: Requests at a time.
        seconds: Time of a request.
    """

    def __init__(self, most: int, seconds: float) -> None:
        self._most, self._seconds = most, seconds
        self._ends: dict[Task, float] = {}
        self._expired: set[Task] = set()

    def __len__(self) -> int:
        return len(self._ends)

    def enter(self, now: float) -> Task:
        """Begin the request of the current task.

        Args:
            now: The time, by ``perf_counter``.

        Raises:
            RequestError: There are too many.
        """
        if len(self._ends) >= self._most:
            raise RequestError(429, "Overloaded", "Model is overloaded", ((b"retry-after", b"1"),))
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a request is a task
        self._ends[task] = now + self._seconds
        return task

    def progress(self, task: Task, now: float) -> None:
        """Give a request its full time again."""
        self._ends[task] = now + self._seconds

    def leave(self, task: Task) -> None:
        """End a request."""
        del self._ends[task]
        self._expired.discard(task)

    def expire(self, now: float) -> None:
        """Cancel the tasks of requests that have taken too long."""
        for task, end in self._ends.items():
            if end < now and task not in self._expired:
                self._expired.add(task)
                task.cancel()

    def is_expired(self, task: Task) -> bool:
        """Whether the request was cancelled for its time."""
        return task in self._expired
