"""A server of students in a process of its own, as users start it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import httpx2

#: Seconds until a server must listen, or have ended.
_PATIENCE = 60


@dataclass
class RunningServer:
    """A server.

    Attributes:
        process: Its process.
        url: Where it is.
        client: A client for it.
    """

    process: subprocess.Popen[str]
    url: str
    client: httpx2.Client

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def post(self, path: str, body: Any, **options: Any) -> httpx2.Response:
        return self.client.post(path, json=body, **options)

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """Send a signal; the exit code, and what the server said since it began."""
        self.process.send_signal(number)
        _, said = self.process.communicate(timeout=_PATIENCE)
        return self.process.returncode, said


@contextmanager
def serving(*arguments: object, **options: Any) -> Iterator[RunningServer]:
    """Run ``sparsedistill serve`` on a free port until the block ends."""
    command = [sys.executable, "-m", "sparsedistill", "serve", *map(str, arguments), "--port", "0"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True, **options)
    assert process.stderr is not None
    try:
        url = _address(process)
        with httpx2.Client(base_url=url, timeout=_PATIENCE, trust_env=False) as client:
            yield RunningServer(process, url, client)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # its processes too
        process.communicate()


def _address(process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    said = []
    for line in process.stderr:
        said.append(line)
        if found := re.search(r"Serving at\s+(http://\S+?):? ", " ".join(said).replace("\n", " ")):
            return found[1]
    raise AssertionError("".join(said))
