"""Which web pages may read answers."""

from __future__ import annotations

from collections.abc import Sequence

from .http import Headers

_METHODS = b"GET, POST"
_ALLOWED = b"authorization, content-type"
_SECONDS = b"600"  # that browsers may remember the permission


class Cors:
    """The headers for pages of other origins.

    Args:
        origins: Origins that may read answers; ``"*"`` is any. Without any, there are no such headers.
    """

    def __init__(self, origins: Sequence[str]) -> None:
        self._origins = frozenset(origin.encode() for origin in origins)

    def headers(self, request: dict[bytes, bytes]) -> Headers:
        """Headers of a reply.

        Args:
            request: Headers of the request.
        """
        if not self._origins:
            return ()
        origin = request.get(b"origin")
        if b"*" in self._origins:
            return ((b"access-control-allow-origin", b"*"),)
        if origin not in self._origins:
            return ((b"vary", b"Origin"),)
        return ((b"access-control-allow-origin", origin), (b"vary", b"Origin"))

    def preflight(self, request: dict[bytes, bytes]) -> Headers | None:
        """More headers of the reply to a browser that asks first; None if the page may not read answers.

        Args:
            request: Headers of the request.
        """
        allowed = b"*" in self._origins or request.get(b"origin") in self._origins
        if not allowed or b"access-control-request-method" not in request:
            return None
        return (
            (b"access-control-allow-methods", _METHODS),
            (b"access-control-allow-headers", _ALLOWED),
            (b"access-control-max-age", _SECONDS),
        )
