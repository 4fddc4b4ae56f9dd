"""The package for JavaScript in a real browser, on a page with a content security policy."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from support.page import choose, chromium, classes_of, coloured, column_of, give, text_field
from support.rows import reviews
from support.students import QUESTIONS, good_or_bad, three_questions, uneven

from sparsedistill.compression import Floor

PACKAGE = Path(__file__).parents[2] / "javascript"
POLICY = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'"
PAGE = f'<!doctype html><meta http-equiv="Content-Security-Policy" content="{POLICY}"><title>Test</title>'

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (PACKAGE / "sparsedistill.wasm").exists(), reason="make wasm builds it"),
]


class Quiet(SimpleHTTPRequestHandler):
    """Serves files without a log."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def delivered(folder: Path) -> Iterator[str]:
    """The address of a server of the files of a folder."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    """A site with the files of the package."""
    shutil.copytree(PACKAGE, tmp_path / "package")
    (tmp_path / "index.html").write_text(PAGE)
    with delivered(tmp_path) as address:
        yield address


def test_answers_in_a_browser_have_the_same_bits(site: str, shared_data: Path, tmp_path: Path) -> None:
    texts = [*reviews(shared_data, 500), "", "é 東京 \U0001f600"]
    student = uneven(texts, characters=4).compress(texts, floor=Floor(0.2, 1, float("inf")))
    student.save_pretrained(tmp_path / "student")
    errors: list[str] = []
    with chromium() as browser:
        page = browser.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(site)
        bits, spans, refused = page.evaluate(
            """async texts => {
              const { load } = await import('/package/index.js');
              const student = await load('student');
              const bits = [...new Uint32Array(student.score(texts).logits.buffer)];
              const spans = student.explain(texts[0]).spans.length;
              const refused = await load('nothing').catch(error => error.message);
              student.close();
              return [bits, spans, refused];
            }""",
            texts,
        )
    assert bits == student.score(texts).logits.view(np.uint32).ravel().tolist()
    assert spans == len(student.explain(texts[0]).spans)
    assert refused == f"{site}/nothing/config.json cannot be read (status 404): check the address."
    assert errors == []


def test_the_page_without_a_server(shared_data: Path, tmp_path: Path) -> None:
    """What is typed is answered, explained and compared as by the server; a file is scored."""
    texts = [*reviews(shared_data, 500), "good", "bad"]
    loose = Floor(0.2, 1, float("inf"))
    films = uneven(texts, characters=4).compress(texts, floor=loose)
    films.save_pretrained(tmp_path / "films")
    plain = good_or_bad().compress(texts, floor=loose)
    plain.save_pretrained(tmp_path / "plain")
    names = [head.name for head in QUESTIONS]
    three_questions().compress(texts, floors=dict.fromkeys(names, loose)).save_pretrained(tmp_path / "three")
    command = [sys.executable, str(PACKAGE / "make_site.py"), str(tmp_path / "site")]
    command += [f"{name}={tmp_path / name}" for name in ("films", "plain", "three")]
    subprocess.run(command, check=True, capture_output=True)
    assert subprocess.run(command, capture_output=True).returncode == 1  # the site exists
    errors: list[str] = []
    with delivered(tmp_path / "site") as address, chromium() as browser:
        page = browser.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
        page.goto(address)
        text = "A good film \U0001f600, unspeakablee and bad"
        text_field(page).fill(text)
        column = column_of(page, "films")
        column.locator(".words").wait_for()
        answer = films([text], top_k=None)[0]
        assert classes_of(column) == [(one["label"], f"{100 * one['score']:.1f} %") for one in answer]
        shares = {text[word.begin : word.end]: word.evidence for word in films.explain(text).words()}
        assert {word for word, _ in coloured(column)} <= shares.keys()
        assert all((shares[word] < 0) == kind.startswith("against") for word, kind in coloured(column))
        choose(page, "three")
        column_of(page, "three").get_by_text("Why: edu").wait_for()
        assert "science" in column_of(page, "three").inner_text()
        choose(page, "plain")
        page.get_by_role("button", name="List the n-grams of each class").click()
        page.locator("#ngrams-result th").get_by_text("good", exact=True).wait_for()
        give(page, "a.csv", "id,text\n1,a good film\n2,a bad film\n")
        page.get_by_role("button", name="Score the file").click()
        link = page.get_by_role("link", name="Download")
        link.wait_for()
        with page.expect_download() as download:
            link.click()
        rows = download.value.path().read_text().splitlines()
        assert [row.split(",")[2] for row in rows[1:]] == ["good", "bad"]
    assert errors == []
