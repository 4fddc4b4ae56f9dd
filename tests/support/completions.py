"""Real HTTP servers on loopback: one that answers by rule, and one that counts what it passes on."""

from __future__ import annotations

import json
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import monotonic
from typing import Any, TypeAlias


@dataclass
class Seen:
    """A request that a server got."""

    path: str
    body: dict[str, Any]
    key: str | None
    time: float


@dataclass
class Reply:
    """What a server sends back."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0


@dataclass
class Running:
    """A server that is running."""

    url: str
    seen: list[Seen]


Rule: TypeAlias = Callable[[Seen, int], Reply]


def chosen(*tokens: tuple[str, float], **usage: int) -> Any:
    """A chat completion whose first token has these alternatives."""
    top = [{"token": token, "logprob": logprob} for token, logprob in tokens]
    position = {"token": tokens[0][0], "logprob": tokens[0][1], "top_logprobs": top}
    choice = {"message": {"content": tokens[0][0]}, "logprobs": {"content": [position]}}
    return {"choices": [choice], "usage": usage or {"prompt_tokens": 10, "completion_tokens": 1}}


def said(text: str) -> Any:
    """A chat completion without log-probabilities."""
    usage = {"prompt_tokens": 10, "completion_tokens": 2}
    return {"choices": [{"message": {"content": text}}], "usage": usage}


@contextmanager
def served(rule: Rule) -> Iterator[Running]:
    """Answer each request by `rule`, which gets it and how many came before."""
    seen: list[Seen] = []
    lock = threading.Lock()
    leaving = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            request = Seen(self.path, json.loads(content), self.headers["Authorization"], monotonic())
            with lock:
                number = len(seen)
                seen.append(request)
            reply = rule(request, number)
            leaving.wait(reply.delay)
            answer = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
            try:
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)
            except OSError:  # the client was stopped
                self.close_connection = True

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield Running(f"http://127.0.0.1:{server.server_port}/v1", seen)
    finally:
        leaving.set()
        server.shutdown()
        thread.join()
        server.server_close()


def passed_on(url: str) -> Rule:
    """A rule that passes requests on to the server with the base URL `url`."""

    def rule(request: Seen, _: int) -> Reply:
        target = url + request.path.removeprefix("/v1")
        sent = urllib.request.Request(target, json.dumps(request.body).encode(), method="POST")
        with urllib.request.urlopen(sent, timeout=60) as response:
            return Reply(response.status, response.read())

    return rule
