"""Requests and replies as ASGI has them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from .config import Limits
from .errors import RequestError

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Headers: TypeAlias = tuple[tuple[bytes, bytes], ...]

JSON = b"application/json"
NDJSON = b"application/x-ndjson"


class DisconnectedError(Exception):
    """The client has closed the connection: nobody waits for an answer."""


@dataclass(frozen=True)
class Reply:
    """An answer.

    Attributes:
        body: Its bytes.
        status: Its status code.
        media: Its content type.
        headers: More headers.
    """

    body: bytes
    status: int = 200
    media: bytes = JSON
    headers: Headers = ()


async def send_reply(send: Send, reply: Reply, headers: Headers) -> None:
    """Send a reply.

    Args:
        send: Of ASGI.
        reply: The reply.
        headers: Headers that all replies to this client have.
    """
    found = [(b"content-type", reply.media), (b"content-length", b"%d" % len(reply.body))]
    if reply.headers or headers:
        found += [*reply.headers, *headers]
    await send({"type": "http.response.start", "status": reply.status, "headers": found})
    await send({"type": "http.response.body", "body": reply.body})


def check_media(headers: dict[bytes, bytes], wanted: bytes) -> None:
    """Check the type of a body. Pages of other origins cannot send these types without asking first.

    Raises:
        RequestError: It has another type, or is encoded.
    """
    given = headers.get(b"content-type", b"")
    if given != wanted and given.partition(b";")[0].strip().lower() != wanted:
        raise RequestError(415, "Validation", f"Expected request with `Content-Type: {wanted.decode()}`")
    if headers.get(b"content-encoding", b"identity").lower() != b"identity":
        raise RequestError(
            415, "Validation", "The body is compressed: send it as it is, without Content-Encoding."
        )


async def read_body(headers: dict[bytes, bytes], receive: Receive, limits: Limits) -> bytes:
    """Read the body of a request.

    Raises:
        RequestError: It is too large.
        DisconnectedError: The client has closed the connection.
    """
    length = headers.get(b"content-length")
    if length is not None and int(length) > limits.body_bytes:
        raise too_large(limits)
    message = await receive()
    body: bytes = message.get("body", b"")
    if not message.get("more_body", False) and message["type"] == "http.request":
        if len(body) > limits.body_bytes:
            raise too_large(limits)
        return body
    parts = bytearray(body)
    while True:
        if message["type"] == "http.disconnect":
            raise DisconnectedError
        if len(parts) > limits.body_bytes:
            raise too_large(limits)
        if not message.get("more_body", False):
            return bytes(parts)
        message = await receive()
        parts += message.get("body", b"")


def too_large(limits: Limits) -> RequestError:
    """The refusal of a body, or a line, that is too large."""
    return RequestError(
        413, "Validation", f"The body is larger than {limits.body_bytes} bytes: send several requests."
    )
