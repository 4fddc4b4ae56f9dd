"""The server against an empty handler on the same HTTP stack, and against the student in the process.

A compact student with random weights over the n-grams of tweets is served by `sparsedistill serve` with one
process, and an ASGI application that reads the body and sends a constant by the same uvicorn with the same
protocol. A client in a process of its own sends one tweet, or 256, per request over keep-alive connections.
The rounds of all are interleaved. Before, the answers of the server must equal those of the student in this
process, bit for bit.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import httpx2
from _http_client import Load, load, request
from _report import Measurement, make_parser, report
from _served import TWEETS, make_student, running
from _texts import read_texts

from sparsedistill import Student

BATCH = 256
CONNECTIONS = 16
_spawn = get_context("spawn")

Measure = Callable[[int], Load]


async def empty(scope: Any, receive: Any, send: Any) -> None:
    """Read the body and send a constant that is as long as an answer."""
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body", False):
        pass
    body = b'[{"score":0.5419978499412537,"label":"0"},{"score":0.4580021500587463,"label":"1"}]'
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def serve_empty() -> None:
    """Serve :func:`empty` as `sparsedistill serve` does."""
    import socket

    import uvicorn

    from sparsedistill.serve import ServeConfig
    from sparsedistill.serve.server import uvicorn_config

    with socket.create_server(("127.0.0.1", 0), backlog=2048) as listening:
        print(f"Serving at http://127.0.0.1:{listening.getsockname()[1]}: empty", file=sys.stderr, flush=True)
        config = uvicorn_config(empty, ServeConfig())
        config.lifespan = "off"
        uvicorn.Server(config).run(sockets=[listening])


def cpu_seconds(process: int) -> float:
    """Processor time of a process until now."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def check_answers(port: int, student: Student, texts: list[str]) -> None:
    """Compare the server's answers with the student's."""
    expected = student(texts, top_k=None)
    with httpx2.Client(base_url=f"http://127.0.0.1:{port}") as client:
        for begin in range(0, len(texts), BATCH):
            part = texts[begin : begin + BATCH]
            answers = client.post("/predict", json={"inputs": [[text] for text in part]}).json()
            assert answers == expected[begin : begin + BATCH]
        for text, answer in zip(texts[:BATCH], expected, strict=False):
            assert client.post("/predict", json={"inputs": text}).json() == answer


def in_process(student: Student, texts: list[str], seconds: float) -> float:
    """Texts per second in calls with a batch each, as dicts."""
    done, begin = 0, perf_counter()
    while perf_counter() - begin < seconds:
        at = done % (len(texts) - BATCH)
        student(texts[at : at + BATCH], top_k=None, threads=1)
        done += BATCH
    return done / (perf_counter() - begin)


def spread(
    name: str, values: list[float], unit: str, base: str | None = None, against: Any = ()
) -> Measurement:
    """The median of the rounds, with its ratio to another measurement of the same rounds."""
    ratio = median(own / other for own, other in zip(values, against, strict=True)) if base else None
    return Measurement(name, median(values), unit, min(values), max(values), base, ratio)


def main() -> None:
    parser = make_parser(__doc__ or "", rounds=3)
    parser.add_argument("--texts", nargs="+", default=[str(TWEETS)], help="files of short texts")
    parser.add_argument("--seconds", type=float, default=3, help="seconds of a measurement (default: 3)")
    parser.add_argument("--empty", action="store_true", help="serve the empty handler only")
    options = parser.parse_args()
    if options.empty:
        serve_empty()
        return
    texts = read_texts(options.texts)[:5000]
    singles = [request([text]) for text in texts]
    batches = [request(texts[i : i + BATCH]) for i in range(0, len(texts) - BATCH, BATCH)]
    rates: dict[str, list[float]] = {"empty": [], "one": [], "batch": [], "in process": []}
    cpu: dict[str, list[float]] = {"empty": [], "one": []}
    slowest: list[float] = []
    with TemporaryDirectory() as folder, _spawn.Pool(1) as client:
        directory = make_student(Path(folder), texts)
        student = Student.from_pretrained(directory)
        serve = ("-m", "sparsedistill", "serve", str(directory), "--port", "0", "--threads", "1")
        with running(__file__, "--empty") as blank, running(*serve) as served:
            check_answers(served[0], student, texts)

            def put(server: tuple[int, int], requests: list[bytes], **given: Any) -> tuple[Load, float]:
                begin = cpu_seconds(server[1])
                given = {"connections": CONNECTIONS, "seconds": options.seconds} | given
                found = client.apply(load, (server[0], requests), given)
                return found, (cpu_seconds(server[1]) - begin) / (found.rate * (options.seconds + 0.3)) * 1e6

            for _ in range(options.rounds):
                for name, server in (("empty", blank), ("one", served)):
                    found, used = put(server, singles)
                    rates[name].append(found.rate)
                    cpu[name].append(used)
                half, _ = put(served, singles, rate=rates["one"][-1] / 2)
                slowest.append(half.percentile(0.99) * 1e3)
                rates["batch"].append(put(served, batches, connections=4)[0].rate * BATCH)
                rates["in process"].append(in_process(student, texts, options.seconds))
    report(
        f"Serving tweets, one process, {CONNECTIONS} connections",
        [
            spread("empty handler", rates["empty"], "requests/s"),
            spread("one tweet a request", rates["one"], "requests/s", "empty handler", rates["empty"]),
            spread("processor time, empty handler", cpu["empty"], "us/request"),
            spread("processor time, one tweet", cpu["one"], "us/request", "empty", cpu["empty"]),
            spread("99 % at half that load", slowest, "ms"),
            spread("in process, calls of 256", rates["in process"], "texts/s"),
            spread("256 tweets a request", rates["batch"], "texts/s", "in process", rates["in process"]),
        ],
        options.json,
    )


if __name__ == "__main__":
    main()
