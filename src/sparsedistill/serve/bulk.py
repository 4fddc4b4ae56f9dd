"""``/bulk``: lines of JSON in, lines of JSON out, as they come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from ..cascade import Cascade, CascadePredictions
from ..errors import InputError
from ..model.answers import answer_columns, by_head, probability_columns
from ..model.heads import Head
from .config import Limits
from .errors import ErrorType, RequestError, failed, invalid
from .http import NDJSON, DisconnectedError, Headers, Receive, Send, too_large
from .models import Target
from .query import check_lengths
from .scoring import Scorer, teacher_failed

# Answers that the client has not read yet, in bytes. A client that reads nothing before it has sent all lines
# gets stuck only with more: those of 200,000 tweets.
_MOST_HELD = 16 * 2**20

_TRUE, _FALSE = ("true", "1"), ("false", "0")
_encoder = msgspec.json.Encoder()


@dataclass(frozen=True)
class BulkOptions:
    """The parameters of ``/bulk``.

    Attributes:
        text: Field of the text.
        text_pair: Field of the second text, for pairs.
        keep: Fields to copy to the answers.
        probabilities: Add the probability of each class.
        coverage: Add the share of tokens that the student knows.
    """

    text: str = "text"
    text_pair: str = "text_pair"
    keep: tuple[str, ...] = ()
    probabilities: bool = False
    coverage: bool = False

    @classmethod
    def parse(cls, query: bytes, heads: Sequence[Head]) -> BulkOptions:
        """Read the parameters of a URL.

        Raises:
            RequestError: One is unknown or has no such value, or a field would occur twice in the answers.
        """
        given: dict[str, Any] = {}
        for name, value in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
            if name in ("text", "text_pair"):
                given[name] = value
            elif name == "keep":
                given[name] = tuple(filter(None, value.split(",")))
            elif name in ("probabilities", "coverage"):
                if value.lower() not in _TRUE + _FALSE:
                    raise invalid(f"The parameter {name} is {value!r}: give true or false.")
                given[name] = value.lower() in _TRUE
            else:
                raise invalid(
                    f"There is no parameter {name!r}: give text, text_pair, keep, probabilities or coverage."
                )
        options = cls(**given)
        own = {"error", "error_type", "deferred", "coverage"}.union(
            *(head.columns + head.probability_columns for head in heads)
        )
        for name in options.keep:
            if name in own:
                raise invalid(f"The field {name!r} cannot be kept, as answers have one of that name.")
        return options


@dataclass(frozen=True)
class Rows:
    """Answers for some lines.

    Attributes:
        lines: The answers, a line of JSON each.
        texts: How many texts were scored.
        deferred: How many of these the teacher scored.
    """

    lines: bytes
    texts: int
    deferred: int


async def bulk(
    target: Target,
    options: BulkOptions,
    limits: Limits,
    scorer: Scorer,
    receive: Receive,
    send: Send,
    headers: Headers,
    progress: Callable[[Rows | None], None],
) -> None:
    """Answer the lines of a request while they arrive.

    Args:
        target: The student.
        options: The parameters.
        limits: Those of a line.
        scorer: Scores texts.
        receive: Of ASGI.
        send: Of ASGI.
        headers: Headers of the response.
        progress: Called when something was received, and with answers when these were made.

    Raises:
        DisconnectedError: The client has closed the connection.
    """
    outgoing = _Outgoing(send, progress)
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-type", NDJSON), *headers]}
    )
    writing = asyncio.create_task(outgoing.write())
    try:
        async for lines in _batches(receive, limits, progress):
            rows = await scorer.rows(target.model, partial(answer_lines, target, options, limits, lines))
            progress(rows)
            await outgoing.put(rows.lines)
        await outgoing.end()
        await writing
    finally:
        writing.cancel()


class _Outgoing:
    """Answers that wait for the client to read them."""

    def __init__(self, send: Send, progress: Callable[[None], None]) -> None:
        self._send, self._progress = send, progress
        self._held = 0
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._room = asyncio.Event()
        self._room.set()

    async def put(self, lines: bytes) -> None:
        """Add answers; waits if there are too many."""
        self._held += len(lines)
        self._queue.put_nowait(lines)
        if self._held > _MOST_HELD:
            self._room.clear()
        await self._room.wait()

    async def end(self) -> None:
        """Say that there are no more."""
        self._queue.put_nowait(None)

    async def write(self) -> None:
        """Send the answers until the end."""
        while (lines := await self._queue.get()) is not None:
            await self._send({"type": "http.response.body", "body": lines, "more_body": True})
            self._progress(None)
            self._held -= len(lines)
            if self._held <= _MOST_HELD:
                self._room.set()
        await self._send({"type": "http.response.body", "body": b""})


async def _batches(
    receive: Receive, limits: Limits, progress: Callable[[None], None]
) -> AsyncIterator[list[bytes]]:
    """The lines of a body, as many at a time as have arrived; empty ones are left out.

    A line that is too long is the last one; :func:`answer_lines` gives it an error.
    """
    parts: list[bytes] = []  # of a line whose end has not arrived
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise DisconnectedError
        progress(None)
        more = message.get("more_body", False)
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        lines: list[bytes] = []
        if b"\n" in parts[-1]:
            *lines, rest = b"".join(parts).split(b"\n")
            parts, size = [rest], len(rest)
        too_long = size > limits.body_bytes
        if too_long or not more:
            lines.append(b"".join(parts))
        if full := [line for line in lines if line.strip()]:
            yield full
        if too_long:
            return


def answer_lines(
    target: Target, options: BulkOptions, limits: Limits, lines: Sequence[bytes], threads: int
) -> Rows:
    """The answers for some lines: a pure function.

    A line that cannot be answered gets an error in its place.
    """
    rows: list[dict[str, Any]] = []
    texts: list[str] = []
    pairs: list[str] = []
    places: list[int] = []
    for line in lines:
        try:
            first, second, row = _fields(line, target, options, limits)
        except RequestError as refusal:
            row = _error(refusal.message, refusal.kind)
        else:
            places.append(len(rows))
            texts.append(first)
            pairs += [] if second is None else [second]
        rows.append(row)
    deferred = 0
    if texts:
        try:
            answers, deferred = _answers(target, options, texts, pairs, threads)
        except RequestError as refusal:
            answers = [_error(refusal.message, refusal.kind)] * len(texts)
        for place, answer in zip(places, answers, strict=True):
            rows[place] |= answer
    return Rows(b"".join(_encoder.encode(row) + b"\n" for row in rows), len(texts), deferred)


def _fields(
    line: bytes, target: Target, options: BulkOptions, limits: Limits
) -> tuple[str, str | None, dict[str, Any]]:
    """The text, the second text, and what is kept of a line."""
    if len(line) > limits.body_bytes:
        raise too_large(limits)
    try:
        value = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise RequestError(400, "Validation", "The line is not valid JSON.") from None
    pair = target.model.pair
    if isinstance(value, str) and not pair and not options.keep:
        value = {options.text: value}
    if not isinstance(value, dict):
        raise invalid(f"The line is no object with the field {options.text!r}.")
    names = [options.text, options.text_pair] if pair else [options.text]
    texts: list[str] = []
    for name in names:
        text = value.get(name)
        if not isinstance(text, str):
            raise invalid(f"The line has no text in the field {name!r}.")
        texts.append(text)
    for name in options.keep:
        if name not in value:
            raise invalid(f"The line has no field {name!r}.")
    check_lengths(texts, limits)
    return texts[0], texts[1] if pair else None, {name: value[name] for name in options.keep}


def _answers(
    target: Target, options: BulkOptions, texts: list[str], pairs: list[str], threads: int
) -> tuple[list[dict[str, Any]], int]:
    """An answer per text, with the columns of ``sparsedistill predict``, and how many were deferred."""
    try:
        predictions = target.model.score(texts, pairs if target.model.pair else None, threads=threads)
    except Exception as error:
        if isinstance(target.model, Cascade):
            raise teacher_failed(error) from error
        if isinstance(error, InputError):
            raise failed(str(error)) from error
        raise
    found = by_head(predictions)
    columns: dict[str, Any] = {}
    shares: dict[str, Any] = {}
    for head in target.heads:
        columns |= answer_columns(head, found[head.name])
        shares |= probability_columns(head, found[head.name]) if options.probabilities else {}
    if isinstance(predictions, CascadePredictions):
        columns["deferred"] = predictions.deferred
    if options.coverage:
        columns["coverage"] = next(iter(found.values())).coverage
    columns |= shares
    values = [column.tolist() for column in columns.values()]
    deferred = int(predictions.deferred.sum()) if isinstance(predictions, CascadePredictions) else 0
    return [dict(zip(columns, row, strict=True)) for row in zip(*values, strict=True)], deferred


def _error(message: str, kind: ErrorType) -> dict[str, Any]:
    return {"error": message, "error_type": kind}
