"""Bad input, sent as bytes: documented errors, and the server keeps running."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest
from support.server import RunningServer, serving

JSON = {"content-type": "application/json"}


def exchange(server: RunningServer, sent: bytes) -> bytes:
    """What the server answers to bytes, until it closes the connection."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as client:
        client.sendall(sent)
        got = b""
        while data := client.recv(65536):
            got += data
    return got


@pytest.mark.parametrize("path", ["/predict", "/", "/classify", "/vertex", "/explain"])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"nothing",
        b'{"inputs": NaN}',
        b'{"inputs": "\xff", "input": "\xff", "instances": [{"inputs": "\xff"}]}',
        b'{"inputs": "\\ud800"}',
        b'\xef\xbb\xbf{"inputs": "a"}',
        b'{"inputs": "a", "other": ' + b"[" * 100_000,
        b'{"inputs": "a", "input": "a", "instances": [], "other": ' + b'{"a":' * 100_000,
    ],
)
def test_what_is_not_json(server: RunningServer, path: str, body: bytes) -> None:
    answer = server.client.post(path, content=body, headers=JSON)
    assert answer.status_code == 400, answer.text
    assert "The body is not valid JSON" in json.dumps(answer.json())


@pytest.mark.parametrize(
    "value",
    [b"1e999", b"9" * 5000, b"-0", b"[" * 500 + b"]" * 500, b"null", b"true", b'{"text": 1}', b'"\\u0000"'],
)
def test_values_of_other_types(server: RunningServer, value: bytes) -> None:
    for path, field in (
        ("/predict", b"inputs"),
        ("/", b"inputs"),
        ("/classify", b"input"),
        ("/bulk", b"text"),
    ):
        media = "application/x-ndjson" if path == "/bulk" else "application/json"
        content = b'{"%b": %b}' % (field, value)
        answer = server.client.post(path, content=content, headers={"content-type": media})
        assert answer.status_code in (200, 400, 422), answer.text
    for name in (b"top_k", b"function_to_apply"):
        content = b'{"inputs": "a", "parameters": {"%b": %b}}' % (name, value)
        answer = server.client.post("/", content=content, headers=JSON)
        assert answer.status_code in (200, 400, 422), answer.text
    kept = b'{"text": "a", "kept": %b}' % value
    media = "application/x-ndjson"
    answer = server.client.post("/bulk?keep=kept", content=kept, headers={"content-type": media})
    assert answer.status_code == 200
    assert len(answer.text.splitlines()) == 1
    json.loads(answer.text)


def test_any_text_is_answered(server: RunningServer) -> None:
    for text in ("\x00", "\ufffe\uffff", "\U0010ffff" * 1000, " ", "a" * 1_000_000, "\u202e\u0301" * 100):
        answer = server.post("/predict", {"inputs": text})
        assert answer.status_code == 200, answer.text


def test_other_content_types_are_refused(server: RunningServer) -> None:
    for headers in (
        {},
        {"content-type": "text/plain"},
        {"content-type": "application/x-www-form-urlencoded"},
    ):
        answer = server.client.post("/predict", content=b'{"inputs": "a"}', headers=headers)
        assert answer.status_code == 415
        assert answer.json()["error"] == "Expected request with `Content-Type: application/json`"
    with_charset = {"content-type": "Application/JSON; charset=utf-8"}
    assert server.client.post("/predict", content=b'{"inputs": "a"}', headers=with_charset).status_code == 200
    packed = {"content-type": "application/json", "content-encoding": "gzip"}
    answer = server.client.post("/predict", content=b"\x1f\x8b", headers=packed)
    assert (answer.status_code, answer.json()["error_type"]) == (415, "Validation")


def test_paths_and_methods_that_do_not_exist(server: RunningServer) -> None:
    for path in (
        "/nothing",
        "/films/nothing",
        "/films/predict/",
        "/%00",
        "/three/nothing/predict",
    ):
        answer = server.client.post(path, json={"inputs": "a"})
        assert answer.status_code == 404, path
    answer = server.client.get("/predict")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert server.client.request("OPTIONS", "/predict").status_code == 405
    assert server.client.delete("/health").headers["allow"] == "GET, HEAD"
    assert server.client.head("/health").status_code == 200


@pytest.mark.parametrize(
    "sent",
    [
        b"nonsense\r\n\r\n",
        b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
        b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: " + b"9" * 50 + b"\r\n\r\n",
        b"POST /predict HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET / HTTP/1.1\r\nA: " + b"b" * 200_000,
        b"GET /" + b"b" * 200_000,
        b"GET /health HTTP/1.1\r\nHost: x\r\nA: " + b"b" * 70_000 + b"\r\n\r\n",
    ],
)
def test_what_is_not_http(server: RunningServer, sent: bytes) -> None:
    try:
        answer = exchange(server, sent)
    except ConnectionError:  # closed before all was sent
        answer = b""
    assert answer[:12] in (b"HTTP/1.1 400", b"HTTP/1.1 431", b"HTTP/1.1 413", b"")
    assert server.client.get("/health").status_code == 200


def test_clients_that_leave_do_no_harm(server: RunningServer) -> None:
    for sent in (b"POST /predict", b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"):
        for path in (b"/predict", b"/bulk"):
            with socket.create_connection(("127.0.0.1", server.port)) as client:
                client.sendall(sent.replace(b"/predict", path))
    assert server.post("/predict", {"inputs": "good"}).json()[0]["label"] == "good"


def test_clients_write_nothing_into_the_log(students: Path) -> None:
    upgrade = b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: upgrade, close\r\nUpgrade: websocket\r\n\r\n"
    bulk = (
        b"POST /bulk HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\n"
        b'Transfer-Encoding: chunked\r\n\r\n11\r\n{"text": "good"}\n\r\n'
    )
    with serving(students / "films", "--max-seconds", 1) as server:
        assert exchange(server, upgrade).startswith(b"HTTP/1.1 200")
        assert exchange(server, b"nonsense\r\n\r\n").startswith(b"HTTP/1.1 400")
        assert b"good" in exchange(server, bulk)  # answered, and then cut off: nothing more comes
        _, said = server.stop()
    assert not [line for line in said.splitlines() if line.startswith(("WARNING", "ERROR"))], said
