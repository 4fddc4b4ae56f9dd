"""An LLM as a teacher over labelled texts: killed in the middle, run again, and compared with the labels.

A proxy in front of the server counts what it is asked. `sparsedistill label` is killed (SIGKILL) after a
share of the texts, and run again: a text is asked twice only if its answer was on its way when the process
was killed. A third run asks nothing.
"""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import threading
import urllib.request
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, sleep

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from _machine import processor
from _report import Measurement, make_parser, report
from sklearn.metrics import roc_auc_score

from sparsedistill import Columns, LLMTeacher, SoftTargets, read_labelled
from sparsedistill._internal.settings import read_toml
from sparsedistill.data.labelled import Labelled

DATA = Path(__file__).parents[2] / "shared" / "data"


@contextmanager
def counted(url: str) -> Iterator[tuple[str, list[bytes]]]:
    """A server that passes requests on to the base URL `url`; its own URL, and the requests that it got."""
    seen: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            seen.append(body)
            headers = {"Content-Type": "application/json"}
            if key := self.headers["Authorization"]:
                headers["Authorization"] = key
            request = urllib.request.Request(url + self.path, body, headers)
            with urllib.request.urlopen(request, timeout=600) as response:
                answer = response.read()
            try:
                self.send_response(200)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)
            except OSError:  # the client was killed
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", seen
    finally:
        server.shutdown()
        server.server_close()


def sample(path: Path, count: int, classes: Sequence[str]) -> Labelled:
    """Labelled texts, drawn at random; equal texts once."""
    labelled = read_labelled(path, Columns(label="label"), classes)
    first = np.unique(np.array(labelled.texts.to_pylist()), return_index=True)[1]
    return labelled.select(np.sort(np.random.default_rng(0).permutation(first)[:count]))


def kept(cache: Path) -> int:
    """The number of answers on disk."""
    with closing(sqlite3.connect(cache)) as connection:
        (found,) = connection.execute("SELECT count(*) FROM answers").fetchone()
    return int(found)


def tokens(cache: Path) -> tuple[int, int]:
    """The tokens of all prompts and answers."""
    with closing(sqlite3.connect(cache)) as connection:
        answers = [json.loads(row[0]) for row in connection.execute("SELECT answer FROM answers")]
    return sum(each["tokens_in"] for each in answers), sum(each["tokens_out"] for each in answers)


def main() -> None:
    parser = make_parser(__doc__, rounds=1)
    parser.add_argument("description", type=Path, help="TOML file of the LLM and its question")
    parser.add_argument("--texts", type=Path, default=DATA / "sst2" / "train_sentences.tsv.gz")
    parser.add_argument("--count", type=int, default=2000, help="number of texts (default: %(default)s)")
    parser.add_argument("--kill-after", type=float, default=0.5, help="share of the texts (default: 0.5)")
    options = parser.parse_args()
    server = read_toml(options.description, "the description of an LLM teacher")["server"]
    teacher = LLMTeacher.from_file(options.description)
    labelled = sample(options.texts, options.count, teacher.classes)
    with TemporaryDirectory() as name, counted(server["url"]) as (url, seen):
        folder = Path(name)
        cache, described = folder / "answers.sqlite", folder / "llm.toml"
        described.write_text(
            options.description.read_text()
            .replace(f'url = "{server["url"]}"', f'url = "{url}"')
            .replace("[server]", f'[server]\ncache = "{cache}"', 1)
        )
        pq.write_table(pa.table({"text": labelled.texts}), folder / "texts.parquet")
        command = [
            sys.executable,
            "-m",
            "sparsedistill",
            "label",
            str(described),
            "texts.parquet",
            "-o",
            "out",
        ]
        begin = perf_counter()
        with subprocess.Popen(command, cwd=folder) as process:
            while len(seen) < options.kill_after * len(labelled):
                sleep(0.01)
                if process.poll() is not None:
                    raise SystemExit("The labelling ended before it was killed.")
            process.kill()
        first, answers = len(seen), kept(cache)
        subprocess.run(command, cwd=folder, check=True)
        seconds, second = perf_counter() - begin, len(seen) - first
        subprocess.run(command, cwd=folder, check=True)
        third = len(seen) - first - second
        twice = sum(count > 1 for count in Counter(seen).values())
        scores = SoftTargets.open(folder / "out").all().logits
        tokens_in, tokens_out = tokens(cache)
    found = [
        Measurement("requests before the kill", first, "requests"),
        Measurement("answers on disk then", answers, "answers"),
        Measurement("requests of the second run", second, "requests"),
        Measurement("requests of a third run", third, "requests"),
        Measurement("different prompts", len(set(seen)), "prompts"),
        Measurement("prompts sent twice", twice, "prompts"),
        Measurement("both runs together", len(labelled) / seconds, "texts/s"),
        Measurement("tokens of the prompts", tokens_in, "tokens"),
        Measurement("tokens of the answers", tokens_out, "tokens"),
        Measurement("accuracy", 100 * float((scores.argmax(axis=1) == labelled.labels).mean()), "%"),
    ]
    if "price_in" in server or "price_out" in server:
        cost = tokens_in * server.get("price_in", 0) + tokens_out * server.get("price_out", 0)
        found.append(Measurement("cost at the prices of the description", cost / 1e6, "dollars"))
    if scores.shape[1] == 2:
        auc = roc_auc_score(labelled.labels == 1, scores[:, 1] - scores[:, 0])
        found.append(Measurement("area under the ROC curve", 100 * auc, "%"))
    report(f"{len(labelled):,} texts, {teacher.name}; {processor()}", found, options.json)


if __name__ == "__main__":
    main()
