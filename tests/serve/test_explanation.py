"""Explanations."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.server import RunningServer

from sparsedistill import Student


def test_the_evidence_adds_up_to_the_total(server: RunningServer, students: Path) -> None:
    answer = server.post("/explain", {"inputs": "a good, good film"}).json()
    student = Student.from_pretrained(students / "films")
    (logits,) = student.score(["a good, good film"]).logits.tolist()
    assert answer["label"] == "good"
    assert answer["total"] == pytest.approx(logits[0] - logits[1], abs=1e-5)
    (ngram,) = answer["ngrams"]
    assert ngram["ngram"] == "good"
    assert ngram["places"] == [[2, 6], [8, 12]]
    assert answer["empty"] + ngram["evidence"] == pytest.approx(answer["total"], abs=1e-5)
    assert sum(word["evidence"] for word in answer["words"]) == pytest.approx(ngram["evidence"], abs=1e-5)


def test_a_label_pairs_and_heads(server: RunningServer) -> None:
    against = server.post("/explain", {"inputs": "good", "label": "bad", "top": 0}).json()
    assert (against["label"], against["ngrams"]) == ("bad", [])
    assert against["total"] < 0
    pair = server.post("/pairs/explain", {"inputs": ["good", "a bad"]}).json()
    assert [word["begin"] for word in pair["words_pair"]] == [0, 2]
    heads = server.post("/three/explain", {"inputs": "good"}).json()
    assert {name: each["label"] for name, each in heads.items()} == {
        "edu": "score",
        "toxicity": "ok",
        "topic": "science",
    }


def test_errors(server: RunningServer) -> None:
    long = server.post("/explain", {"inputs": "good " * 4001})
    assert long.json()["error"] == "`inputs` must have at most 20000 characters. Given: 20005"
    unknown = server.post("/explain", {"inputs": "good", "label": "great"})
    assert unknown.status_code == 422
    assert unknown.json()["error"] == "There is no class 'great': name one of good, bad."
    several = server.post("/three/explain", {"inputs": "good", "label": "ok"})
    assert several.json()["error"].startswith("The student answers several questions: ")
