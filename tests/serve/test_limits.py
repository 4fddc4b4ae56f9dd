"""Limits, keys and origins: a server with small limits."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import httpx2
import pytest
from support.server import RunningServer, serving

KEY, OTHER = "0123456789abcdef-first", "0123456789abcdef-other"
AUTHORISED = {"authorization": f"Bearer {KEY}"}


@pytest.fixture(scope="module")
def limited(students: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    keys = tmp_path_factory.mktemp("keys") / "keys"
    keys.write_text(f"# of the tests\n{OTHER}\n")
    options = (
        f"--max-body 5000 --max-texts 3 --max-characters 1000 --max-seconds 2 --max-requests 2 "
        f"--key-env SERVE_KEY --key-file {keys} --cors-origin https://example.org"
    ).split()
    with serving(students / "films", *options, env={**os.environ, "SERVE_KEY": KEY}) as running:
        running.client.headers.update(AUTHORISED)
        yield running


@pytest.fixture(scope="module")
def stranger(limited: RunningServer) -> Iterator[httpx2.Client]:
    """A client without a key."""
    with httpx2.Client(base_url=limited.url, timeout=60, verify=False) as client:
        yield client


def test_requests_need_a_key(limited: RunningServer, stranger: httpx2.Client) -> None:
    for given in ("", "Bearer", f"Bearer {KEY}x", f"Basic {KEY}", f"Bearer {KEY[:-1]}", "Bearer caf\u00e9"):
        headers = {b"authorization": given.encode()}
        answer = stranger.post("/predict", json={"inputs": "a"}, headers=headers)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert "Authorization: Bearer KEY" in answer.json()["error"]
    for path in ("/metrics", "/info", "/openapi.json", "/students", "/ngrams"):
        assert stranger.get(path).status_code == 401
    for path in ("/health", "/ping", "/", "/page/main.js"):
        assert stranger.get(path).status_code == 200
    for key in (KEY, OTHER):
        answer = limited.post("/predict", {"inputs": "a"}, headers={"authorization": f"bearer {key}"})
        assert answer.status_code == 200


def test_large_bodies_are_refused_also_without_their_length(limited: RunningServer) -> None:
    body = b'{"inputs": "' + b"a" * 100_000 + b'"}'
    for content in (body, (body[i : i + 1000] for i in range(0, len(body), 1000))):
        headers = {"content-type": "application/json"}
        answer = limited.client.post("/predict", content=content, headers=headers)
        assert answer.status_code == 413
        assert answer.json()["error"] == "The body is larger than 5000 bytes: send several requests."
    with socket.create_connection(("127.0.0.1", limited.port), timeout=20) as client:
        # Only the headers are sent: the refusal does not wait for the body.
        client.sendall(
            b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"Content-Length: 999999\r\nAuthorization: Bearer " + KEY.encode() + b"\r\n\r\n"
        )
        assert client.recv(100).startswith(b"HTTP/1.1 413")
    lines = b'"good"\n"' + b"a" * 6000 + b'"\n"bad"\n'
    answer = limited.client.post("/bulk", content=lines, headers={"content-type": "application/x-ndjson"})
    assert '"label":"good"' in answer.text
    assert "The body is larger than 5000 bytes" in answer.text


def test_texts_are_counted_and_measured(limited: RunningServer) -> None:
    many = limited.post("/predict", {"inputs": [["a"]] * 4}).json()
    assert many["error"] == "batch size 4 > maximum allowed batch size 3"
    long = limited.post("/", {"inputs": "a" * 1001}).json()
    assert long["error"] == "`inputs` must have at most 1000 characters. Given: 1001"
    instances = [{"inputs": [["a"], ["b"]]}] * 2
    assert limited.post("/vertex", {"instances": instances}).json()["error"].startswith("batch size 4 > ")


def test_too_many_requests_are_refused_and_slow_ones_end(
    limited: RunningServer, stranger: httpx2.Client
) -> None:
    head = (
        f"POST /predict HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\n"
        "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
    ).encode()
    with ExitStack() as stack:
        slow: list[socket.socket] = []
        answer = limited.post("/predict", {"inputs": "a"})
        while answer.status_code == 200:  # the server has not read enough slow ones yet, or has ended them
            assert len(slow) < 100
            client = stack.enter_context(socket.create_connection(("127.0.0.1", limited.port), timeout=20))
            client.sendall(head)
            slow.append(client)
            answer = limited.post("/predict", {"inputs": "a"})
        assert answer.status_code == 429
        assert answer.json() == {"error": "Model is overloaded", "error_type": "Overloaded"}
        assert stranger.get("/health").status_code == 200
        starts = [client.recv(12) for client in slow]
        assert set(starts) <= {b"HTTP/1.1 408", b"HTTP/1.1 429"}
        ended = slow[starts.index(b"HTTP/1.1 408")]
        rest = b"".join(iter(partial(ended.recv, 1000), b""))
        assert b"was not received and answered within 2 seconds" in rest
    assert limited.post("/predict", {"inputs": "a"}).status_code == 200


def test_only_named_origins_may_read(limited: RunningServer, stranger: httpx2.Client) -> None:
    asked = {"origin": "https://example.org", "access-control-request-method": "POST"}
    allowed = stranger.options("/predict", headers=asked)
    assert allowed.status_code == 204
    assert allowed.headers["access-control-allow-origin"] == "https://example.org"
    assert "content-type" in allowed.headers["access-control-allow-headers"]
    other = stranger.options("/predict", headers=asked | {"origin": "https://evil.org"})
    assert other.status_code == 405
    assert "access-control-allow-origin" not in other.headers
    answer = limited.post("/predict", {"inputs": "a"}, headers={"origin": "https://example.org"})
    assert answer.headers["access-control-allow-origin"] == "https://example.org"


def test_without_origins_there_are_no_such_headers(server: RunningServer) -> None:
    asked = {"origin": "https://example.org", "access-control-request-method": "POST"}
    answer = server.client.options("/predict", headers=asked)
    assert answer.status_code == 405
    assert not any(name.startswith("access-control") for name in answer.headers)


def test_requests_that_arrive_together_get_their_own_answers(server: RunningServer) -> None:
    wrong = []

    def ask(word: str) -> None:
        with httpx2.Client(base_url=server.url, timeout=60, verify=False) as client:
            for n in range(1, 60):
                inputs = [[word], ["other"]] * (n % 3) + [[word]]
                answer = client.post("/predict", json={"inputs": inputs}).json()
                if [row[0]["label"] for row in answer] != [word, "good"] * (n % 3) + [word]:
                    wrong.append(answer)

    threads = [threading.Thread(target=ask, args=(word,)) for word in ("good", "bad") * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
