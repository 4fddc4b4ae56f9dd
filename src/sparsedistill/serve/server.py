"""The server: sockets, processes and signals."""

from __future__ import annotations

import ipaddress
import logging
import os
import signal
import socket
from collections.abc import Sequence
from functools import partial
from tempfile import TemporaryDirectory
from types import FrameType
from typing import Any

import uvicorn
from uvicorn.supervisors import Multiprocess

from ..errors import InputError
from .config import ServeConfig
from .metrics import PROCESSES
from .models import ModelSource
from .protocol import Protocol

logger = logging.getLogger(__name__)

_BACKLOG = 2048
_IDLE = 60  # seconds that a connection may stay open between requests
_PATIENCE = 300  # seconds until a process that says nothing is replaced: a busy machine imports slowly


class Workers(Multiprocess):
    """Several processes, and the signal that ended them."""

    ended_by: int | None = None

    def handle_int(self) -> None:
        """End."""
        self.ended_by = signal.SIGINT
        super().handle_int()

    def handle_term(self) -> None:
        """End."""
        self.ended_by = signal.SIGTERM
        super().handle_term()


def serve(sources: Sequence[ModelSource], config: ServeConfig) -> None:
    """Serve students until a signal arrives.

    After SIGTERM or SIGINT no connection is accepted, the requests that have arrived are answered, and the
    signal has its usual effect.

    Args:
        sources: The students. The first one has the paths without a name.
        config: How they are served.

    Raises:
        InputError: A student cannot be opened, the address cannot be used, or the processes fail.
    """
    from .app import App

    with _listen(config.host, config.port) as listening:
        address, port = listening.getsockname()[:2]
        place = f"http://{f'[{address}]' if ':' in address else address}:{port}"
        app = App(sources, config)  # also with several processes, to find errors before these begin
        _warn_if_open(address, config)
        if config.workers == 1:
            logger.info("Serving at %s: see %s/openapi.json.", place, place)
            _run_one(uvicorn.Server(uvicorn_config(app, config)), listening)
            return
        del app
        with TemporaryDirectory(prefix="sparsedistill-metrics-") as folder:
            os.environ[PROCESSES] = folder
            try:
                logger.info(
                    "Serving at %s with %d processes: see %s/openapi.json.", place, config.workers, place
                )
                _run_workers(
                    uvicorn_config(partial(App, sources, config, os.getpid()), config, factory=True),
                    listening,
                )
            finally:
                del os.environ[PROCESSES]


def uvicorn_config(app: Any, config: ServeConfig, *, factory: bool = False) -> uvicorn.Config:
    """How an ASGI application is run.

    Args:
        app: The application, or a function that makes it.
        config: How students are served.
        factory: It is a function.
    """
    return uvicorn.Config(
        app,
        factory=factory,
        workers=config.workers,
        http=Protocol,
        ws="none",
        lifespan="on",
        interface="asgi3",
        log_config=_log_config(config),
        access_log=False,
        proxy_headers=False,
        server_header=False,
        backlog=_BACKLOG,
        timeout_keep_alive=_IDLE,
        timeout_graceful_shutdown=config.drain_seconds,
        timeout_worker_healthcheck=_PATIENCE,
    )


class _FaultsOnly(logging.Filter):
    """Removes uvicorn's message about a streamed reply that is cut off, which is no fault of the server."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a message is shown."""
        return "without completing response" not in record.getMessage()


def _log_config(config: ServeConfig) -> dict[str, Any]:
    """Messages on standard error. Of one process the command shows those of the package.

    uvicorn's warnings are about requests that are not HTTP or ask for another protocol: a client could fill
    the log with them.
    """
    shown = {"handlers": ["stderr"], "propagate": False}
    loggers: dict[str, Any] = {"uvicorn": shown | {"level": "ERROR"}}
    loggers["uvicorn.error"] = {"filters": ["faults only"]}
    if config.workers > 1:
        loggers["sparsedistill"] = shown | {"level": "INFO"}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"plain": {"format": "%(levelname)s: %(message)s"}},
        "filters": {"faults only": {"()": _FaultsOnly}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "plain"}},
        "loggers": loggers,
    }


def _run_one(server: uvicorn.Server, listening: socket.socket) -> None:
    """Run one process until a signal arrives, which then has its usual effect."""
    hung_up = []

    def hang_up(number: int, _: FrameType | None) -> None:  # uvicorn knows SIGINT and SIGTERM only
        hung_up.append(number)
        server.should_exit = True

    before = signal.getsignal(signal.SIGHUP)
    if before is not signal.SIG_IGN:
        signal.signal(signal.SIGHUP, hang_up)
    try:
        server.run(sockets=[listening])
    finally:
        signal.signal(signal.SIGHUP, before)
    if hung_up:
        signal.raise_signal(signal.SIGHUP)


def _run_workers(config: uvicorn.Config, listening: socket.socket) -> None:
    """Run several processes until a signal arrives, which then has its usual effect."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    workers = Workers(config, [listening])
    try:
        workers.run()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if workers.ended_by is None:
        raise InputError("A process of the server could not begin: see the messages above.")
    signal.raise_signal(workers.ended_by)


def _listen(host: str, port: int) -> socket.socket:
    """A socket that listens.

    Raises:
        InputError: The address cannot be used.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server((address[0], address[1]), family=family, backlog=_BACKLOG)
    except (OSError, UnicodeError) as error:
        reason = (getattr(error, "strerror", None) or str(error)).partition(" (while attempting")[0]
        raise InputError(
            f"{host}:{port} cannot be used ({reason}): give another --host or --port."
        ) from error


def _warn_if_open(address: str, config: ServeConfig) -> None:
    """Warn of an address that other machines can reach without a key."""
    if not config.keys and not ipaddress.ip_address(address.partition("%")[0]).is_loopback:
        logger.warning("Everyone who can reach %s can use the students: set keys.", address)
