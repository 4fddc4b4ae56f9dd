"""The paths of the server, and what each does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import Any, TypeAlias

import msgspec

from ..cascade import Cascade
from . import explanation, huggingface, ngrams, page, tei, vllm
from .bulk import BulkOptions, Rows, bulk
from .config import Limits
from .errors import RequestError
from .http import JSON, NDJSON, Headers, Message, Receive, Reply, Send, check_media, read_body
from .metrics import MEDIA_TYPE, Metrics, PathMetrics
from .models import Target
from .query import Query, deferred_in
from .requests import Requests, Task
from .scoring import AT_ONCE, Scorer

#: Scores that are written without a thread: that takes about a millisecond.
_WRITTEN_AT_ONCE = 2048

_encode = msgspec.json.Encoder().encode


@dataclass(slots=True)
class Call:
    """A request, as the function of its path gets it.

    Attributes:
        route: The path.
        scope: Of ASGI.
        headers: Its headers.
        receive: Of ASGI.
        send: Of ASGI.
        shared: Headers that all replies to this client have.
        task: The request among all; None of a probe.
    """

    route: Route
    scope: Message
    headers: dict[bytes, bytes]
    receive: Receive
    send: Send
    shared: Headers
    task: Task | None


#: What a path does. It returns None if it has sent its reply.
Handler: TypeAlias = Callable[[Call], Awaitable[Reply | None]]
#: Reads a body.
Parser: TypeAlias = Callable[[Target, Limits, bytes], Query]


@dataclass(frozen=True, slots=True)
class Route:
    """A path.

    Attributes:
        handler: What it does.
        target: The student that it is about.
        metrics: Its figures.
        probe: It says whether the server is alive, and needs neither a key nor a free place.
        streams: Its reply begins before the request has ended.
        refused: The reply to a request that is refused.
    """

    handler: Handler
    target: Target
    metrics: PathMetrics
    probe: bool = False
    streams: bool = False
    refused: Callable[[RequestError], Reply] = tei.error_reply


class Routes:
    """All paths.

    Args:
        targets: The students by their prefix.
        limits: What a client may ask for.
        scorer: Scores texts.
        metrics: The figures of the server.
        requests: The requests that are being answered.
        document: The OpenAPI document.
    """

    def __init__(
        self,
        targets: Mapping[str, Target],
        limits: Limits,
        scorer: Scorer,
        metrics: Metrics,
        requests: Requests,
        document: object,
    ) -> None:
        self._targets, self._limits, self._scorer = targets, limits, scorer
        self._metrics, self._requests = metrics, requests
        self._document = _encode(document)
        self._strong: dict[str, asyncio.Task[ngrams.Strongest]] = {}
        self._routes: dict[tuple[str, str], Route] = {}
        for target in targets.values():
            self._add_target(target)
        self._add_server(targets[""])

    def find(self, method: str, path: str) -> Route | None:
        """The route of a request, if there is one. HEAD is answered where GET is."""
        return self._routes.get(("GET" if method == "HEAD" else method, path))

    def methods(self, path: str) -> list[str]:
        """The methods of a path."""
        found = [method for method, own in self._routes if own == path]
        return sorted(found + ["HEAD"] * ("GET" in found))

    def _add_target(self, target: Target) -> None:
        parsers: dict[str, Parser] = {
            "/predict": tei.predict,
            "/invocations": tei.predict,
            "/vertex": tei.vertex,
            "": huggingface.classify,
        }
        for path, parser in parsers.items():
            self._add("POST", target, path, partial(self._scored, parser))
        self._add("POST", target, "/classify", self._classified, refused=vllm.error_reply)
        if target.explained:
            self._add("POST", target, "/explain", self._explained)
        if target.ranked:
            self._add("GET", target, "/ngrams", self._strongest)
        self._add("POST", target, "/bulk", self._bulk, streams=True)
        self._add("GET", target, "/info", self._info)

    def _add_server(self, target: Target) -> None:
        """Add the paths that are not about a student."""
        for path in ("/health", "/ping"):
            self._add("GET", target, path, self._alive, model="", probe=True)
        self._add("GET", target, "/metrics", self._figures, model="")
        self._add("GET", target, "/openapi.json", self._openapi, model="")
        self._add("GET", target, "/students", self._students, model="")
        for path in page.page_files():
            # The files of the page are one path in the figures.
            metrics = self._metrics.of_path("", "/" if path == "/" else page.FOLDER)
            self._routes["GET", path] = Route(self._page, target, metrics, probe=True)

    def _add(
        self,
        method: str,
        target: Target,
        path: str,
        handler: Handler,
        *,
        model: str | None = None,
        **options: Any,
    ) -> None:
        metrics = self._metrics.of_path(target.name if model is None else model, path or "/")
        self._routes[method, target.prefix + path or "/"] = Route(handler, target, metrics, **options)

    # ---- about a student -------------------------------------------------------------------------

    async def _scored(self, parse: Parser, call: Call) -> Reply:
        body = await self._body(call)
        target = call.route.target
        given = (target, self._limits, body)
        query = parse(*given) if len(body) <= AT_ONCE else await self._scorer.in_thread(parse, *given)
        return await self._answer(call, target, query)

    async def _classified(self, call: Call) -> Reply:
        body = await self._body(call)
        given = (self._targets, call.route.target, self._limits, body)
        work = vllm.classify
        target, query = work(*given) if len(body) <= AT_ONCE else await self._scorer.in_thread(work, *given)
        return await self._answer(call, target, query)

    async def _answer(self, call: Call, target: Target, query: Query) -> Reply:
        found = await self._scorer.score(target, query)
        few = len(query.texts) * target.outputs <= _WRITTEN_AT_ONCE
        body = _written(query, found) if few else await self._scorer.in_thread(_written, query, found)
        deferred = deferred_in(found) if isinstance(target.model, Cascade) else 0
        call.route.metrics.scored(len(query.texts), deferred)
        return Reply(body, headers=((b"x-deferred", b"%d" % deferred),) if deferred else ())

    async def _explained(self, call: Call) -> Reply:
        body = await self._body(call)
        target = call.route.target
        answer = await self._scorer.in_thread(explanation.explain, target, self._limits, body)
        return Reply(_encode(answer))

    async def _strongest(self, call: Call) -> Reply:
        top, target = ngrams.parse_top(call.scope["query_string"]), call.route.target
        found = self._strong.get(target.prefix)
        if found is None or (found.done() and (found.cancelled() or found.exception() is not None)):
            found = asyncio.ensure_future(self._scorer.in_thread(ngrams.strongest, target))
            self._strong[target.prefix] = found
        # The n-grams are ranked once, even if the client that asked first has left.
        return Reply(_encode(ngrams.first(await asyncio.shield(found), top)))

    async def _bulk(self, call: Call) -> None:
        check_media(call.headers, NDJSON)
        target, metrics, task = call.route.target, call.route.metrics, call.task
        options = BulkOptions.parse(call.scope["query_string"], target.heads)

        def progress(rows: Rows | None) -> None:
            if task is not None:
                self._requests.progress(task, perf_counter())
            if rows is not None:
                metrics.scored(rows.texts, rows.deferred)

        await bulk(
            target, options, self._limits, self._scorer, call.receive, call.send, call.shared, progress
        )

    async def _info(self, call: Call) -> Reply:
        return Reply(_encode(tei.info(call.route.target, self._limits, list(self._targets))))

    async def _body(self, call: Call) -> bytes:
        check_media(call.headers, JSON)
        return await read_body(call.headers, call.receive, self._limits)

    # ---- about the server ------------------------------------------------------------------------

    async def _alive(self, _: Call) -> Reply:
        return Reply(b"", media=b"text/plain")

    async def _figures(self, _: Call) -> Reply:
        body = await asyncio.get_running_loop().run_in_executor(None, self._metrics.written)
        return Reply(body, media=MEDIA_TYPE)

    async def _openapi(self, _: Call) -> Reply:
        return Reply(self._document)

    async def _students(self, _: Call) -> Reply:
        return Reply(_encode(page.served_students(self._targets, self._limits)))

    async def _page(self, call: Call) -> Reply:
        return page.unchanged(page.page_files()[call.scope["path"]], call.headers)


def _written(query: Query, found: Any) -> bytes:
    return _encode(query.write(found))
