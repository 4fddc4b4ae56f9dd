"""The package for JavaScript in a real browser, on a page with a content security policy."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from support.page import chromium
from support.rows import reviews
from support.students import uneven

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


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    """A site with the files of the package."""
    shutil.copytree(PACKAGE, tmp_path / "package")
    (tmp_path / "index.html").write_text(PAGE)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


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
