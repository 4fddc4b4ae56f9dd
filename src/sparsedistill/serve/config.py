"""Settings of the server."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields

from .._internal.threads import all_threads
from ..errors import InputError

#: Each process takes 70 MB. More are a mistake, and could take all memory.
_MOST_WORKERS = 256
_LONGEST_DRAIN = 86_400  # seconds


@dataclass(frozen=True)
class Limits:
    """What a client may ask for.

    Attributes:
        body_bytes: Bytes of a request; of ``/bulk``, those of one line.
        texts: Texts per request; ``/bulk`` has no limit.
        characters: Characters of a text.
        seconds: Seconds until a request must have arrived and been answered; for ``/bulk``, the longest time
            without progress.
        requests: Requests at a time per worker process. More are refused with status 429.

    Raises:
        InputError: A limit is not above 0.
    """

    body_bytes: int = 8 * 2**20
    texts: int = 1024
    characters: int = 1_000_000
    seconds: float = 30.0
    requests: int = 512

    def __post_init__(self) -> None:
        for limit in fields(self):
            value = getattr(self, limit.name)
            if not 0 < value < math.inf:
                raise InputError(f"The limit {limit.name} is {value}: it must be finite and above 0.")


@dataclass(frozen=True)
class ServeConfig:
    """How students are served.

    Attributes:
        host: Address to listen on. By default only programs on this machine can connect.
        port: Port to listen on; 0 takes a free one.
        workers: Processes, at most 256. They share the memory of mapped students.
        threads: Threads of each process for large requests; by default all cores, divided by the processes.
        limits: What a client may ask for.
        keys: Keys, one of which each request must have (``Authorization: Bearer KEY``); none are needed if
            there are none.
        cors_origins: Origins of web pages that may read answers, such as ``"https://example.org"``, or
            ``"*"``.
        drain_seconds: After SIGTERM, how long requests may take to be completed.
        watch_seconds: Time between looks for replaced students.

    Raises:
        InputError: A number is out of range.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = 1
    threads: int | None = None
    limits: Limits = field(default_factory=Limits)
    keys: tuple[str, ...] = field(default=(), repr=False)
    cors_origins: tuple[str, ...] = ()
    drain_seconds: int = 30
    watch_seconds: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65535:
            raise InputError(f"The port is {self.port}: give a number from 0 to 65535.")
        if not 1 <= self.workers <= _MOST_WORKERS:
            raise InputError(f"workers is {self.workers}: it must be 1 to {_MOST_WORKERS}.")
        all_threads(self.threads)
        if not 0 <= self.drain_seconds <= _LONGEST_DRAIN:
            raise InputError(f"drain_seconds is {self.drain_seconds}: it must be 0 to {_LONGEST_DRAIN:,}.")
        if not 0 < self.watch_seconds < math.inf:
            raise InputError(f"watch_seconds is {self.watch_seconds}: it must be finite and above 0.")
        for origin in self.cors_origins:
            if not (origin and origin.isascii() and origin.isprintable() and " " not in origin):
                raise InputError(f"{origin!r} is not an origin: give one such as https://example.org.")
