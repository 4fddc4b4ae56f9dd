"""HTTP/1.1 with limits: connections of slow clients are closed."""

from __future__ import annotations

from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_SECONDS = 30.0  # until headers have arrived, or until the rest of a refused body or of an answer has passed
_HEADER_BYTES = 65_536
_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


_open: set[Protocol] = set()


def sweep() -> None:
    """Close the connections of clients that are too slow. To be called every second."""
    for connection in list(_open):
        connection.check()


class Protocol(HttpToolsProtocol):
    """uvicorn's protocol, which has no such limits."""

    #: When the client should have begun to send headers; None if they have arrived or nothing is expected.
    _headers_since: float | None = None
    #: When the client was first seen to hold up the connection.
    _stuck_since: float | None = None
    _header_bytes = 0  # received while the headers are incomplete
    _complete_bytes = 0  # of complete headers, which can arrive in one piece with the rest of the request
    _refused = False  # the current request, since its headers are too large

    def connection_made(self, transport: Any) -> None:
        """Begin a connection."""
        super().connection_made(transport)
        _open.add(self)
        self._headers_since = self.loop.time()

    def connection_lost(self, exc: Exception | None) -> None:
        """End a connection."""
        _open.discard(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes of requests."""
        super().data_received(data)
        if self._headers_since is not None:
            self._header_bytes += len(data)
            self._check_headers()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take one complete header."""
        super().on_header(name, value)
        self._complete_bytes += len(name) + len(value)

    def _check_headers(self) -> bool:
        """Close the connection if headers are too large."""
        if max(self._header_bytes, self._complete_bytes) <= _HEADER_BYTES or self.transport.is_closing():
            return False
        self.transport.write(_TOO_LARGE)
        self.transport.close()
        return True

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        self._headers_since, self._header_bytes, self._complete_bytes = self.loop.time(), 0, 0

    def on_headers_complete(self) -> None:
        """Begin to answer a request, unless its headers were too large."""
        self._headers_since = None
        self._refused = self._check_headers()
        if not self._refused:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a part of a request's body."""
        if not self._refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """End a request."""
        if not self._refused:
            super().on_message_complete()

    def check(self) -> None:
        """Close the connection if the client is too slow."""
        now = self.loop.time()
        stuck = self.transport.is_closing() or (
            self.cycle is not None and self.cycle.response_complete and self.cycle.more_body
        )
        if not stuck:
            self._stuck_since = None
        elif self._stuck_since is None:
            self._stuck_since = now
        for since in (self._headers_since, self._stuck_since):
            if since is not None and now - since > _SECONDS:
                self.transport.abort()
