"""Lines in, lines out."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.server import RunningServer

from sparsedistill import Student

NDJSON = {"content-type": "application/x-ndjson"}


def bulk(server: RunningServer, path: str, content: Any, **parameters: Any) -> list[Any]:
    answer = server.client.post(path, content=content, headers=NDJSON, params=parameters)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/x-ndjson"
    return [json.loads(line) for line in answer.text.splitlines()]


def test_answers_are_in_the_order_of_the_lines(server: RunningServer, students: Path) -> None:
    texts = [f"{'good' if i % 3 else 'bad'} number {i}" for i in range(4_000)]

    def lines() -> Iterator[bytes]:
        written = [json.dumps({"text": text, "id": i}).encode() + b"\n" for i, text in enumerate(texts)]
        for i in range(0, len(written), 99):
            yield b"".join(written[i : i + 99])

    rows = bulk(server, "/bulk", lines(), keep="id", coverage=True)
    found = Student.from_pretrained(students / "films")(texts, coverage=True)
    assert rows == [{"id": i, **row} for i, row in enumerate(found)]


def test_the_fields_are_those_of_predict(server: RunningServer) -> None:
    assert bulk(server, "/tags/bulk", b'"good and bad"\n\n"other"') == [
        {"labels": ["good", "bad"]},
        {"labels": ["good", "bad"]},
    ]
    (number,) = bulk(server, "/rating/bulk", b'"good"')
    assert list(number) == ["score"]
    (three,) = bulk(server, "/three/bulk", b'{"text": "good"}', probabilities=True)
    assert three["toxicity"] == "ok"
    assert three["topic"] == ["science"]
    assert three["toxicity_p_very bad"] < 0.1
    (pair,) = bulk(server, "/pairs/bulk", b'{"a": "good", "text_pair": "bad"}', text="a")
    assert pair["label"] in ("same", "different")


def test_a_line_that_cannot_be_answered_gets_an_error_in_its_place(server: RunningServer) -> None:
    lines = [b'{"text": "good"}', b"{", b'{"text": 3}', b"[1]", b'"\xff"', b'"' + b"[" * 9 + b'"', b'"bad"']
    rows = bulk(server, "/bulk", b"\n".join(lines))
    assert [row.get("label", row.get("error")) for row in rows] == [
        "good",
        "The line is not valid JSON.",
        "The line has no text in the field 'text'.",
        "The line is no object with the field 'text'.",
        "The line is not valid JSON.",
        "good",
        "bad",
    ]
    kept = bulk(server, "/bulk", b'{"text": "good"}', keep="id")
    assert kept == [{"error": "The line has no field 'id'.", "error_type": "Validation"}]


def test_answers_come_while_lines_are_sent(server: RunningServer) -> None:
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.settimeout(10)
        client.sendall(
            b"POST /bulk HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n"
        )
        for text in ("good", "bad"):
            line = json.dumps(text).encode() + b"\n"
            client.sendall(b"%x\r\n%b\r\n" % (len(line), line))
            got = b""
            while f'"label":"{text}"'.encode() not in got:
                got += client.recv(65536)
        client.sendall(b"0\r\n\r\n")
        while not got.endswith(b"0\r\n\r\n"):
            got += client.recv(65536)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"top": "1"}, "There is no parameter 'top': give text, text_pair, keep, probabilities or coverage."),
        ({"coverage": "maybe"}, "The parameter coverage is 'maybe': give true or false."),
        ({"keep": "label"}, "The field 'label' cannot be kept, as answers have one of that name."),
    ],
)
def test_parameters_that_cannot_be_used(server: RunningServer, parameters: Any, message: str) -> None:
    answer = server.client.post("/bulk", content=b"", headers=NDJSON, params=parameters)
    assert (answer.status_code, answer.json()["error"]) == (422, message)
