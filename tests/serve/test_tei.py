"""The interface of text-embeddings-inference."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.server import RunningServer

from sparsedistill import MultiHeadStudent, Student


def test_a_text_gets_its_classes_best_first(server: RunningServer, students: Path) -> None:
    answer = server.post("/predict", {"inputs": "a bad film"})
    (shares,) = Student.from_pretrained(students / "films").predict_proba(["a bad film"]).tolist()
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == [{"score": shares[1], "label": "bad"}, {"score": shares[0], "label": "good"}]


def test_a_list_with_a_text_is_a_text_and_a_list_of_lists_a_batch(server: RunningServer) -> None:
    single = server.post("/predict", {"inputs": "good"}).json()
    assert server.post("/predict", {"inputs": ["good"]}).json() == single
    batch = server.post("/predict", {"inputs": [["good"], ["bad"]]}).json()
    assert batch[0] == single
    assert [row[0]["label"] for row in batch] == ["good", "bad"]


def test_raw_scores_are_logits(server: RunningServer, students: Path) -> None:
    answer = server.post("/predict", {"inputs": "bad", "raw_scores": True}).json()
    (logits,) = Student.from_pretrained(students / "films").score(["bad"]).logits.tolist()
    assert answer == [{"score": logits[1], "label": "bad"}, {"score": logits[0], "label": "good"}]


def test_other_students_have_paths_with_their_names(server: RunningServer, students: Path) -> None:
    tags = server.post("/tags/predict", {"inputs": "good and bad"}).json()
    assert all(0.9 < entry["score"] < 1 for entry in tags)
    (number,) = Student.from_pretrained(students / "rating").predict(["good"]).tolist()
    assert server.post("/rating/predict", {"inputs": "good"}).json() == [{"score": number, "label": "score"}]
    shares = (
        Student.from_pretrained(students / "pairs").predict_proba(["good", "bad"], ["bad", "bad"]).tolist()
    )
    rows = server.post("/pairs/predict", {"inputs": [["good", "bad"], ["bad", "bad"]]}).json()
    for row, (same, different) in zip(rows, shares, strict=True):
        assert {entry["label"]: entry["score"] for entry in row} == {"same": same, "different": different}
    assert server.post("/pairs/predict", {"inputs": ["good", "bad"]}).json() == rows[0]


def test_heads_are_answered_together_or_alone(server: RunningServer, students: Path) -> None:
    student = MultiHeadStudent.from_pretrained(students / "three")
    together = server.post("/three/predict", {"inputs": "good"}).json()
    assert list(together) == ["edu", "toxicity", "topic"]
    assert together["edu"] == [{"score": student.predict(["good"])["edu"].item(), "label": "score"}]
    alone = server.post("/three/toxicity/predict", {"inputs": "good"}).json()
    assert alone == together["toxicity"]
    assert alone[0]["label"] == "ok"


def test_sagemaker_and_vertex_ask_the_same(server: RunningServer) -> None:
    single = server.post("/predict", {"inputs": "good"}).json()
    batch = server.post("/predict", {"inputs": [["bad"], ["other"]]}).json()
    assert server.post("/invocations", {"inputs": "good"}).json() == single
    instances = [{"inputs": "good"}, {"inputs": [["bad"], ["other"]]}]
    assert server.post("/vertex", {"instances": instances}).json() == {"predictions": [single, batch]}


def test_long_texts_are_cut_if_asked(server: RunningServer) -> None:
    long = "bad " + "x" * 999_999
    refused = server.post("/predict", {"inputs": long})
    assert (refused.status_code, refused.json()) == (
        422,
        {
            "error": "`inputs` must have at most 1000000 characters. Given: 1000003",
            "error_type": "Validation",
        },
    )
    right = server.post("/predict", {"inputs": long, "truncate": True}).json()
    assert right == server.post("/predict", {"inputs": "bad"}).json()
    left = {"inputs": long, "truncate": True, "truncation_direction": "left"}
    assert server.post("/predict", left).json() == server.post("/predict", {"inputs": "other"}).json()


@pytest.mark.parametrize(
    ("body", "status", "kind", "message"),
    [
        ({"inputs": []}, 400, "Empty", "`inputs` cannot be empty"),
        ({"inputs": ""}, 422, "Validation", "`inputs` cannot be empty"),
        ({"inputs": [["a"], [""]]}, 422, "Validation", "`inputs` cannot be empty"),
        ({"inputs": ["a", "b", "c"]}, 422, "Validation", "`inputs` must be a string, a pair of strings"),
        ({"inputs": [["a"], "b"]}, 422, "Validation", "`inputs` must be a string, a pair of strings"),
        ({"inputs": [["a", "b"]]}, 422, "Validation", "the student reads single texts: send one"),
        ({"inputs": [["a"]] * 1025}, 422, "Validation", "batch size 1025 > maximum allowed batch size 1024"),
        ({"inputs": 3}, 422, "Validation", "Expected `str | array`, got `int`"),
        ({}, 422, "Validation", "missing required field `inputs`"),
        ([], 422, "Validation", "Expected `object`, got `array`"),
        ({"inputs": "a", "raw_scores": "yes"}, 422, "Validation", "Expected `bool`, got `str`"),
        ({"inputs": "a", "truncation_direction": "up"}, 422, "Validation", "Invalid enum value 'up'"),
    ],
)
def test_a_request_that_cannot_be_used(
    server: RunningServer, body: Any, status: int, kind: str, message: str
) -> None:
    answer = server.post("/predict", body)
    assert answer.status_code == status
    assert answer.json()["error_type"] == kind
    assert message in answer.json()["error"]


def test_a_pair_is_asked_for(server: RunningServer) -> None:
    answer = server.post("/pairs/predict", {"inputs": "a"})
    assert answer.status_code == 422
    assert answer.json()["error"] == "`inputs` 0 has 1 texts, and the student reads two texts: send a pair."


def test_health_and_info(server: RunningServer) -> None:
    for path in ("/health", "/ping"):
        assert (server.client.get(path).status_code, server.client.get(path).content) == (200, b"")
    info = server.client.get("/tags/info").json()
    assert info["model_id"].endswith("/tags")
    assert info["model_type"]["classifier"]["id2label"] == {"0": "good", "1": "bad"}
    assert info["questions"] == [{"name": "", "problem": "multi_label", "classes": ["good", "bad"]}]
    assert info["max_client_batch_size"] == 1024
    assert "/three/edu" in server.client.get("/info").json()["models"]
    assert [each["name"] for each in server.client.get("/three/info").json()["questions"]] == [
        "edu",
        "toxicity",
        "topic",
    ]
