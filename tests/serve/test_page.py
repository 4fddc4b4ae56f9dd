"""The page, as the server gives it: tests/serve/browser/ opens it in a browser."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.server import RunningServer

import sparsedistill.serve

FOLDER = Path(sparsedistill.serve.__file__).parent / "page"


def test_all_files_are_served_with_a_strict_policy(server: RunningServer) -> None:
    paths = ["/", *(f"/page/{file.name}" for file in FOLDER.iterdir() if file.name != "index.html")]
    assert len(paths) > 10
    for path in paths:
        answer = server.client.get(path)
        assert answer.status_code == 200, path
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'; ")
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert server.client.get("/").headers["content-type"] == "text/html; charset=utf-8"
    assert server.client.get("/page/main.js").headers["content-type"] == "text/javascript; charset=utf-8"


@pytest.mark.parametrize("path", ["/page/", "/page/index.html", "/page/../app.py", "/page/%2e%2e/app.py"])
def test_nothing_else_is_served(server: RunningServer, path: str) -> None:
    assert server.client.get(path).status_code == 404


def test_a_file_is_sent_once(server: RunningServer) -> None:
    first = server.client.get("/page/main.js")
    again = server.client.get("/page/main.js", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]


def test_the_page_is_complete_and_has_no_inline_code() -> None:
    page = (FOLDER / "index.html").read_text()
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=|javascript:", page)
    sources = page + "".join(file.read_text() for file in FOLDER.glob("*.js"))
    assert not re.search(r"innerHTML|outerHTML|AdjacentHTML|document\.write|\beval\(|DOMParser", sources)
    addresses = set(re.findall(r"https?://[^\s\"']+", sources))
    assert addresses == {"http://www.w3.org/2000/svg"}  # nothing is loaded from elsewhere
    identifiers = re.findall(r'byId\("([^"]+)"\)', sources)
    assert {name for name in identifiers if f'id="{name}"' not in page} == set()


def test_the_students_are_listed_once(server: RunningServer) -> None:
    listed = {each["path"]: each for each in server.client.get("/students").json()}
    assert list(listed) == ["/films", "/tags", "/rating", "/three", "/pairs"]
    assert listed["/films"] == {
        "path": "/films",
        "name": "films",
        "pair": False,
        "teacher": False,
        "questions": [{"name": "", "problem": "single_label", "classes": ["good", "bad"]}],
        "longest": 1_000_000,
        "longest_explained": 20_000,
    }
    assert [each["name"] for each in listed["/three"]["questions"]] == ["edu", "toxicity", "topic"]
    assert listed["/pairs"]["pair"]


def test_the_strongest_ngrams_of_classes_and_heads(server: RunningServer) -> None:
    good, bad = server.client.get("/films/ngrams").json()
    assert (good["label"], bad["label"]) == ("good", "bad")
    assert [each["ngram"] for each in good["ngrams"]] == ["good", "bad"]
    assert good["ngrams"][0]["evidence"] > 0 > good["ngrams"][1]["evidence"]
    assert [len(each["ngrams"]) for each in server.client.get("/films/ngrams?top=1").json()] == [1, 1]
    heads = server.client.get("/three/ngrams").json()
    assert [each["label"] for each in heads["edu"]] == ["higher", "lower"]
    assert server.client.get("/three/topic/ngrams").json() == heads["topic"]


@pytest.mark.parametrize("query", ["top=-1", "top=101", "top=1e1", "top=", "top=%D9%A1", "label=good"])
def test_ngrams_refuse_other_parameters(server: RunningServer, query: str) -> None:
    refused = server.client.get(f"/films/ngrams?{query}")
    assert refused.status_code == 422
    assert refused.json()["error"].startswith(("The parameter top is ", "There is no parameter "))


def test_pairs_have_no_strongest_ngrams(server: RunningServer) -> None:
    assert server.client.get("/pairs/ngrams").status_code == 404
    assert "/pairs/ngrams" not in server.client.get("/openapi.json").json()["paths"]
