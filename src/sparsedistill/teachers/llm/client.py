"""Requests to a server: a bounded number at a time, within its limits, repeated if they fail."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, TypeAlias

import msgspec

from ..._internal.terminal import harmless
from ...errors import InputError, first_line
from .pace import Hold, Pace
from .request import Answer, Request, read_answer
from .server import LLMServer
from .usage import Usage

if TYPE_CHECKING:
    import anyio
    import httpx2

#: Is called with each answer. If it raises, no further requests are sent.
Received: TypeAlias = Callable[[Request, Answer], None]

#: Responses after which a request is repeated: time-outs, too many requests, and faults of the server.
_TRANSIENT = frozenset({408, 409, 425, 429, *range(500, 600)})
_LARGEST_RESPONSE = 4 << 20
_LONGEST_PAUSE = 60.0
#: Seconds to connect: a host that does not exist may never answer.
_LONGEST_CONNECT = 15.0
#: A server that asks for a longer wait is not waited for.
_LONGEST_WAIT = 600.0


@dataclass(frozen=True)
class _Failure:
    """Why a request failed.

    Attributes:
        reason: For people.
        status: Status code of the response; None without one.
        wait: Seconds that the server asks to wait.
    """

    reason: str
    status: int | None = None
    wait: float | None = None


class LLMClient:
    """Sends requests. Limits and counts hold over all calls.

    Args:
        server: The server.
        usage: Receives the counts.
    """

    def __init__(self, server: LLMServer, usage: Usage) -> None:
        self._server = server
        self._usage = usage
        self._requests = Pace(server.requests_per_minute)
        self._tokens = Pace(server.tokens_per_minute)
        self._hold = Hold()
        self._reached = False

    def answer_all(self, requests: Iterable[Request], received: Received) -> None:
        """Send requests and wait for all answers.

        An error stops further requests; those that were sent are waited for, since they may be paid for.
        KeyboardInterrupt ends them at once. The calling thread may run an event loop.

        Args:
            requests: The requests.
            received: Is called in another thread, for one answer at a time.

        Raises:
            InputError: The server is not reached, refuses a request, or keeps failing; or the key is not set.
        """
        try:
            import httpx2  # noqa: F401 - asked for here, where the message can say how to install it
            from anyio.from_thread import start_blocking_portal
        except ImportError as error:
            raise InputError("An LLM teacher needs httpx2: pip install 'sparsedistill[llm]'.") from error
        key = self._server.key()
        with start_blocking_portal() as portal:
            portal.call(self._work_through, deque(requests), received, key)

    async def _work_through(self, todo: deque[Request], received: Received, key: str | None) -> None:
        import anyio
        import httpx2

        failures: list[Exception] = []
        stopped = anyio.Event()

        async def work(http: httpx2.AsyncClient) -> None:
            while todo and not failures:
                request = todo.popleft()
                try:
                    answer = await self._ask(http, request, stopped, key)
                    if answer is not None:
                        received(request, answer)
                except Exception as error:
                    failures.append(error)
                    stopped.set()

        workers = min(self._server.concurrency, len(todo))
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        limits = httpx2.Limits(max_connections=workers)
        timeout = httpx2.Timeout(self._server.timeout, connect=min(_LONGEST_CONNECT, self._server.timeout))
        async with (
            httpx2.AsyncClient(headers=headers, limits=limits, timeout=timeout) as http,
            anyio.create_task_group() as group,
        ):
            for _ in range(workers):
                group.start_soon(work, http)
        if failures:
            raise failures[0]

    async def _ask(
        self, http: httpx2.AsyncClient, request: Request, stopped: anyio.Event, key: str | None
    ) -> Answer | None:
        """The answer to a request; None if the work was stopped before."""
        # Four characters are about a token. The count of the server corrects the estimate.
        estimate = len(request.body) / 4
        for attempt in range(self._server.retries + 1):
            if await _stopped_within(stopped, max(self._requests.book(1), self._tokens.book(estimate))):
                return None
            while (left := self._hold.left()) > 0:
                if await _stopped_within(stopped, left):
                    return None
            result = await self._send(http, request, key)
            if isinstance(result, Answer):
                self._usage.asked += 1
                self._usage.tokens_in += result.tokens_in
                self._usage.tokens_out += result.tokens_out
                self._tokens.correct(result.tokens_in + result.tokens_out - estimate)
                return result
            if attempt == self._server.retries:
                raise InputError(
                    f"{self._server.url} failed {attempt + 1} times, the last time with {result.reason}: "
                    "run it again later, answers until now are kept."
                )
            self._usage.retries += 1
            pause = min(_LONGEST_PAUSE, 2**attempt) * random.uniform(0.5, 1)
            if result.wait is not None:
                pause = result.wait + random.uniform(0, min(1, result.wait))  # not all at the same moment
                self._hold.extend(result.wait)
            if await _stopped_within(stopped, pause):
                return None
        raise AssertionError("the last attempt returns or raises")

    async def _send(self, http: httpx2.AsyncClient, request: Request, key: str | None) -> Answer | _Failure:
        """Send a request once.

        Raises:
            InputError: Another try would fail too.
        """
        import anyio
        import httpx2

        url = f"{self._server.url.rstrip('/')}/{request.path}"
        sent = {"Content-Type": "application/json"}
        content = bytearray()
        try:
            with anyio.fail_after(self._server.timeout):
                async with http.stream("POST", url, content=request.body, headers=sent) as response:
                    async for chunk in response.aiter_bytes():
                        content += chunk
                        if len(content) > _LARGEST_RESPONSE:
                            raise InputError(f"{url} sends more than 4 MB as an answer: check the URL.")
        except TimeoutError:
            return _Failure(f"no answer within {self._server.timeout:g} seconds")
        except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
            if not self._reached:
                raise InputError(
                    f"{url} cannot be reached ({first_line(error) or 'no connection'}): check the URL, and "
                    "that the server is running."
                ) from error
            return _Failure(first_line(error) or "no connection")
        except httpx2.HTTPError as error:
            return _Failure(f"{type(error).__name__} ({first_line(error) or 'no reason was given'})")
        self._reached = True
        if response.status_code == 200:
            try:
                return read_answer(bytes(content))
            except (msgspec.DecodeError, UnicodeDecodeError):
                return _Failure(f"an answer that is not a completion: {_message(bytes(content), key)}")
        failure = _Failure(
            f"status {response.status_code}: {_message(bytes(content), key)}",
            response.status_code,
            retry_after(response.headers.get("Retry-After")),
        )
        self._check_transient(url, failure)
        return failure

    def _check_transient(self, url: str, failure: _Failure) -> None:
        """Raise InputError for a failure that another try would not change."""
        variable = self._server.key_env
        if failure.status in (401, 403) and variable is None:
            advice = "name the environment variable that holds the key as key_env"
        elif failure.status in (401, 403):
            advice = f"set the environment variable {variable} to a valid key"
        elif failure.status == 402 or "insufficient_quota" in failure.reason:
            advice = "pay for more, and run it again"
        elif failure.status == 404:
            advice = "check the URL and the model"
        elif failure.status not in _TRANSIENT:
            advice = "change the question or its parameters, or make max_chars smaller for shorter texts"
        elif (failure.wait or 0) > _LONGEST_WAIT:
            advice = f"it asks to wait {failure.wait:,.0f} seconds, run it again then"
        else:
            return
        raise InputError(f"{url} refuses requests ({failure.reason}): {advice}.")


def retry_after(value: str | None) -> float | None:
    """Seconds that a ``Retry-After`` header asks to wait; None if there is none, or it is not valid."""
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            date = parsedate_to_datetime(value)
        except ValueError:
            return None
        seconds = (
            date.replace(tzinfo=date.tzinfo or timezone.utc) - datetime.now(timezone.utc)
        ).total_seconds()
    return max(0.0, seconds) if seconds == seconds else None


async def _stopped_within(stopped: anyio.Event, seconds: float) -> bool:
    """Wait, and return whether the work was stopped meanwhile."""
    import anyio

    if seconds > 0:
        with anyio.move_on_after(seconds):
            await stopped.wait()
    return stopped.is_set()


@dataclass(frozen=True)
class _ErrorBody:
    error: _ErrorText | str


@dataclass(frozen=True)
class _ErrorText:
    message: str = ""
    code: str | int | None = None


def _message(content: bytes, key: str | None) -> str:
    """What the server says is wrong, on one line, without the key."""
    text = content.decode("utf-8", "replace")
    try:
        found = msgspec.json.decode(content, type=_ErrorBody).error
        text = found if isinstance(found, str) else " ".join(str(p) for p in (found.message, found.code) if p)
    except (msgspec.DecodeError, UnicodeDecodeError):
        pass
    if key is not None:
        text = text.replace(key, "***")
    return " ".join(harmless(text).split())[:300].rstrip(".:") or "no reason was given"
