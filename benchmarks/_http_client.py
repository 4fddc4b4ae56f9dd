"""A client for one server: keep-alive connections that each have one request at a time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import cast

_BREAK = b"\r\n\r\n"


@dataclass(frozen=True)
class Load:
    """What a server did under load.

    Attributes:
        rate: Answers per second.
        latencies: Seconds of each request, in ascending order.
    """

    rate: float
    latencies: list[float]

    def percentile(self, share: float) -> float:
        """Seconds that this share of the requests took at most."""
        return self.latencies[min(len(self.latencies) - 1, int(share * len(self.latencies)))]


class Connection(asyncio.Protocol):
    """A connection that sends requests in turns, and notes how long each took.

    Args:
        requests: What to send.
        first: The first request to send.
        pause: Seconds from the beginning of one request to that of the next; 0 for no pause.
    """

    def __init__(self, requests: Sequence[bytes], first: int, pause: float) -> None:
        self._requests, self._next, self._pause = requests, first, pause
        self._due = 0.0
        self._received = b""
        self.latencies: list[float] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # That of uvloop is of no class of asyncio.
        self._transport, self._due = cast(asyncio.Transport, transport), perf_counter()
        self._send()

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, body = self._received.partition(_BREAK)
        if not found or len(body) < int(head.lower().partition(b"content-length:")[2].split(b"\r")[0]):
            return
        if not head.startswith(b"HTTP/1.1 200"):
            raise SystemExit(self._received.decode())
        self._received = b""
        now = perf_counter()
        # From when the request was due: a server that is slow once delays those that follow.
        self.latencies.append(now - self._due)
        self._due = max(now, self._due) if not self._pause else self._due + self._pause
        if self._due <= now:
            self._send()
        else:
            asyncio.get_running_loop().call_later(self._due - now, self._send)

    def _send(self) -> None:
        self._transport.write(self._requests[self._next % len(self._requests)])
        self._next += 1


def request(texts: Sequence[str]) -> bytes:
    """A request to ``/predict`` for a text, or for several in a batch."""
    inputs = texts[0] if len(texts) == 1 else [[text] for text in texts]
    body = json.dumps({"inputs": inputs}).encode()
    head = (
        f"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    )
    return head.encode() + _BREAK + body


def load(
    port: int, requests: Sequence[bytes], *, connections: int, seconds: float, rate: float | None = None
) -> Load:
    """Put load on a server.

    Args:
        port: Its port.
        requests: What is sent, in turns.
        connections: Connections, with one request at a time each.
        seconds: How long.
        rate: Requests per second of all connections; by default as many as are answered.
    """
    import uvloop

    async def run() -> Load:
        loop = asyncio.get_running_loop()
        pause = 0.0 if rate is None else connections / rate
        opened = []
        for i in range(connections):
            first = i * len(requests) // connections
            make = partial(Connection, requests, first, pause)
            _, protocol = await loop.create_connection(make, "127.0.0.1", port)
            opened.append(protocol)
        await asyncio.sleep(0.3)
        for protocol in opened:
            protocol.latencies.clear()
        begin = perf_counter()
        await asyncio.sleep(seconds)
        latencies = sorted(second for protocol in opened for second in protocol.latencies)
        return Load(len(latencies) / (perf_counter() - begin), latencies)

    return uvloop.run(run())
