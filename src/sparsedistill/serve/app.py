"""The server as an ASGI application: what all requests have in common."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from time import perf_counter

from .._internal.threads import all_threads
from ..cascade import Cascade
from .bulk import BulkOptions, answer_lines
from .config import ServeConfig
from .cors import Cors
from .errors import RequestError
from .http import DisconnectedError, Message, Receive, Reply, Send, send_reply
from .keys import Keys
from .metrics import Metrics
from .models import Models, ModelSource
from .openapi import openapi_document
from .protocol import sweep
from .requests import Requests
from .routes import Call, Route, Routes
from .scoring import Scorer
from .tei import error_reply

logger = logging.getLogger(__name__)

_FIRST_LINE = b'{"text": "", "text_pair": ""}'
_SEARCHED = 0.5  # seconds between looks for requests that take too long


#: Ends the connection: what has not been received of a request would be taken for the next one.
_CLOSE = ((b"connection", b"close"),)


class App:
    """The ASGI application.

    Args:
        sources: The students.
        config: How they are served.
        parent: The process without which this one ends.

    Raises:
        InputError: A student cannot be opened.
    """

    def __init__(
        self, sources: Sequence[ModelSource], config: ServeConfig, parent: int | None = None
    ) -> None:
        self._config, self._parent = config, parent
        self._models, self._metrics = Models(sources), Metrics()
        self._keys, self._cors = Keys(config.keys), Cors(config.cors_origins)
        self._requests = Requests(config.limits.requests, config.limits.seconds)
        self._scorer = Scorer(config.threads or max(1, all_threads(None) // config.workers))
        self._tasks: list[asyncio.Task[None]] = []
        self._use_models()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer a request, or begin and end with the server."""
        if scope["type"] == "http":
            await self._answer(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._live(receive, send)

    # ---- one request -----------------------------------------------------------------------------

    async def _answer(self, scope: Message, receive: Receive, send: Send) -> None:
        begin = perf_counter()
        headers: dict[bytes, bytes] = dict(scope["headers"])
        shared = self._cors.headers(headers)
        route = self._routes.find(scope["method"], scope["path"])
        task, status = None, 200
        reply: Reply | None
        try:
            if route is None:
                reply = self._without_route(scope, headers)
            elif route.probe:
                reply = await route.handler(Call(route, scope, headers, receive, send, shared, None))
            else:
                self._keys.check(headers.get(b"authorization"))
                task = self._requests.enter(begin)
                reply = await route.handler(Call(route, scope, headers, receive, send, shared, task))
        except RequestError as refusal:
            reply = _refused(route, refusal)
        except DisconnectedError:
            reply, status = None, 499
        except asyncio.CancelledError:
            if task is None:
                raise
            if self._requests.is_expired(task):
                reply, status = self._too_slow(route), 408
            else:
                reply, status = _ended(route, scope["path"]), 503
        except Exception:
            logger.exception("A request to %s failed.", scope["path"])
            reply = _refused(route, RequestError(500, "Backend", "The server failed: see its log."))
        finally:
            if task is not None:
                self._requests.leave(task)
        if reply is not None:
            status = reply.status
            await send_reply(send, reply, shared)
        if route is not None:
            route.metrics.answered(status, perf_counter() - begin)

    def _without_route(self, scope: Message, headers: dict[bytes, bytes]) -> Reply:
        """The reply for a path or method that does not exist."""
        if scope["method"] == "OPTIONS" and (allowed := self._cors.preflight(headers)) is not None:
            return Reply(b"", 204, headers=allowed)
        methods = self._routes.methods(scope["path"])
        if methods:
            allow = ", ".join(methods)
            message = f"The path {scope['path']} has no method {scope['method']}: use {allow}."
            raise RequestError(405, "Validation", message, ((b"allow", allow.encode()),))
        raise RequestError(404, "Validation", f"There is no path {scope['path']}: see /openapi.json.")

    def _too_slow(self, route: Route | None) -> Reply | None:
        """The reply to a request that took too long; None if its reply has begun."""
        seconds = self._config.limits.seconds
        message = f"The request was not received and answered within {seconds:g} seconds: send less text."
        return _cut_off(route, RequestError(408, "Validation", message, _CLOSE))

    # ---- the life of the server ------------------------------------------------------------------

    def _use_models(self) -> None:
        targets = self._models.targets
        document = openapi_document(targets, self._config)
        self._routes = Routes(
            targets, self._config.limits, self._scorer, self._metrics, self._requests, document
        )

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await asyncio.to_thread(self._warm)
                self._tasks = [asyncio.create_task(self._watch()), asyncio.create_task(self._expire())]
            else:
                for task in self._tasks:
                    task.cancel()
                    with suppress(asyncio.CancelledError):
                        await task
                self._scorer.close()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return

    def _warm(self) -> None:
        """Score a text with each student: the first one takes up to a second, for the imports of pyarrow."""
        for target in self._models.targets.values():
            if isinstance(target.model, Cascade):
                target = replace(target, model=target.model.student)
            answer_lines(target, BulkOptions(), self._config.limits, [_FIRST_LINE], 1)

    async def _watch(self) -> None:
        """Look for replaced students."""
        while True:
            await asyncio.sleep(self._config.watch_seconds)
            try:
                done = await asyncio.to_thread(self._models.refresh)
            except Exception:
                logger.exception("Looking for replaced students failed.")
                continue
            for name, opened in done:
                self._metrics.replaced(name, opened=opened)
            if any(opened for _, opened in done):
                self._use_models()

    async def _expire(self) -> None:
        """Look for requests and clients that are too slow, and for the end of the parent process."""
        while True:
            await asyncio.sleep(min(_SEARCHED, self._config.limits.seconds / 2))
            self._requests.expire(perf_counter())
            sweep()
            if self._parent not in (None, os.getppid()):
                signal.raise_signal(signal.SIGTERM)


def _ended(route: Route | None, path: str) -> Reply | None:
    """The reply to a request that was not answered before the server ends; None if its reply has begun."""
    logger.warning("A request to %s was cut off, since the server had to end.", path)
    message = "The server has ended: send the request again."
    return _cut_off(route, RequestError(503, "Unhealthy", message, _CLOSE))


def _cut_off(route: Route | None, refusal: RequestError) -> Reply | None:
    """The reply to a request that has not been answered; None if its reply has begun."""
    return None if route is not None and route.streams else _refused(route, refusal)


def _refused(route: Route | None, refusal: RequestError) -> Reply:
    if route is not None:
        return route.refused(refusal)
    return error_reply(refusal)
