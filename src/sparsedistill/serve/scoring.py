"""Scores without holding up the event loop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias, TypeVar

from ..cascade import Cascade
from ..classifiers import Classifier
from ..errors import InputError
from ..model.answers import by_head
from ..model.predictions import Predictions
from ..multi_head import MultiHeadStudent
from ..student import Student
from .errors import RequestError, failed
from .models import Target
from .query import Found, HeadScores, Query

logger = logging.getLogger(__name__)

#: Characters and scores of requests that are answered at once. That takes about a millisecond, which other
#: requests can wait; a thread would cost each small request a tenth of that.
AT_ONCE = 32_768

Result = TypeVar("Result")
Answer: TypeAlias = "asyncio.Future[tuple[Found, int]]"


@dataclass(slots=True)
class _Batch:
    """Small requests to one model that are scored together: a call costs as much as five tweets.

    Attributes:
        model: The model.
        queries: The requests, each with the future of its answer: scores by head, and the place in them.
        texts: The texts of all.
        text_pair: The second texts of all.
        size: Characters and scores of all.
    """

    model: Student | MultiHeadStudent
    queries: list[tuple[Query, Answer]]
    texts: list[str]
    text_pair: list[str]
    size: int


class Scorer:
    """Scores texts: few ones at once, many in threads, and those for a teacher one request at a time.

    Args:
        threads: Threads for many texts.
    """

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._many = ThreadPoolExecutor(max(2, threads), "scoring")
        # Teachers take seconds, and need not be safe to use from several threads.
        self._teachers = ThreadPoolExecutor(1, "teacher")
        self._waiting: dict[int, _Batch] = {}

    async def in_thread(self, work: Callable[..., Result], *given: object) -> Result:
        """Call `work`, which is about many characters, in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self._many, partial(work, *given))

    async def score(self, target: Target, query: Query) -> Found:
        """What a student says of the texts of a request, by head.

        Small requests that have arrived together are scored together, which changes no answer.

        Args:
            target: The student.
            query: The request.

        Raises:
            RequestError: The student or its teacher failed.
        """
        model, count = target.model, len(query.texts)
        student = model.student if isinstance(model, Cascade) else model
        size = query.characters + count * target.outputs
        if size <= AT_ONCE:
            found, begin = await self._together(student, query, size)
            if begin or count < len(next(iter(found.values())).answers):
                found = {name: each.part(begin, begin + count) for name, each in found.items()}
        else:
            try:
                found = await self.in_thread(scored, student, query.texts, query.text_pair, self._threads)
            except InputError as error:
                raise failed(str(error)) from error
        return await self._deferring(model, query, found) if isinstance(model, Cascade) else found

    async def rows(self, model: Classifier, work: Callable[[int], Result]) -> Result:
        """Call `work` in a thread, for a cascade in that of the teachers.

        Args:
            model: What it scores with.
            work: Takes the number of threads.
        """
        pool = self._teachers if isinstance(model, Cascade) else self._many
        return await asyncio.get_running_loop().run_in_executor(pool, work, self._threads)

    def close(self) -> None:
        """Let the threads end."""
        self._many.shutdown(wait=False, cancel_futures=True)
        self._teachers.shutdown(wait=False, cancel_futures=True)

    def _together(self, model: Student | MultiHeadStudent, query: Query, size: int) -> Answer:
        """Add a small request to those that are scored when the event loop has read all that has arrived."""
        loop = asyncio.get_running_loop()
        key = id(model)
        batch = self._waiting.get(key)
        if batch is None:
            batch = self._waiting[key] = _Batch(model, [], [], [], 0)
            loop.call_soon(self._score_waiting, key)
        answer: Answer = loop.create_future()
        batch.queries.append((query, answer))
        batch.texts += query.texts
        batch.text_pair += query.text_pair or ()
        batch.size += size
        if batch.size > AT_ONCE:
            self._score_waiting(key)
        return answer

    def _score_waiting(self, key: int) -> None:
        """Score a batch, unless it was scored when it was full."""
        batch = self._waiting.pop(key, None)
        if batch is None:
            return
        try:
            found = scored(batch.model, batch.texts, batch.text_pair if batch.model.pair else None, 1)
        except Exception as error:
            reason = failed(str(error)) if isinstance(error, InputError) else error
            for _, answer in batch.queries:
                if not answer.done():
                    answer.set_exception(reason)
            return
        begin = 0
        for query, answer in batch.queries:
            if not answer.done():  # its request was cancelled
                answer.set_result((found, begin))
            begin += len(query.texts)

    async def _deferring(self, cascade: Cascade, query: Query, found: Found) -> Found:
        """What a cascade says, of which the student's part is known."""
        predictions = found[""].predictions
        if not cascade.uncertain(predictions).any():
            return found
        loop = asyncio.get_running_loop()
        given = (predictions, query.texts, query.text_pair)
        try:
            return scores_by_head(await loop.run_in_executor(self._teachers, cascade.deferring, *given))
        except Exception as error:
            raise teacher_failed(error) from error


def scored(
    model: Student | MultiHeadStudent, texts: list[str], text_pair: list[str] | None, threads: int
) -> Found:
    """What a student says of texts, by the name of the head."""
    return scores_by_head(model.score(texts, text_pair, threads=threads))


def scores_by_head(predictions: Predictions | dict[str, Predictions]) -> Found:
    """What a model says, by the name of the head."""
    return {name: HeadScores(each, each.answers.tolist()) for name, each in by_head(predictions).items()}


def teacher_failed(error: Exception) -> RequestError:
    """The refusal of a request that a teacher, which may be anything, failed on."""
    logger.error("The teacher failed.", exc_info=error)
    reason = str(error) if isinstance(error, InputError) else "see the log of the server."
    return failed(f"The teacher failed: {reason}")
