"""Hugging Face's inference API, with its own client."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import InferenceClient
from huggingface_hub.errors import HfHubHTTPError
from support.server import RunningServer

from sparsedistill import Student


@pytest.fixture(autouse=True)
def online(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client refuses all requests while the Hub is not to be asked."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)


def test_the_client_gets_what_the_student_says(server: RunningServer, students: Path) -> None:
    found = InferenceClient(server.url).text_classification("a bad film")
    (row,) = Student.from_pretrained(students / "films")(["a bad film"], top_k=None)
    assert [(each.label, each.score) for each in found] == [(each["label"], each["score"]) for each in row]


def test_the_client_chooses_a_student_and_its_head(server: RunningServer) -> None:
    tags = InferenceClient(f"{server.url}/tags").text_classification("good and bad")
    assert all(each.score > 0.9 for each in tags)
    head = InferenceClient(f"{server.url}/three/toxicity").text_classification("good", top_k=1)
    assert [each.label for each in head] == ["ok"]


@pytest.mark.parametrize(
    ("function", "shares"), [("none", [3.98, 0.0]), ("sigmoid", [0.98, 0.5]), ("softmax", [0.98, 0.018])]
)
def test_the_client_chooses_the_function_of_the_logits(
    server: RunningServer, function: Any, shares: list[float]
) -> None:
    found = InferenceClient(server.url).text_classification("good", function_to_apply=function)
    assert [each.score for each in found] == pytest.approx(shares, abs=0.01)


def test_the_client_shows_errors(server: RunningServer) -> None:
    with pytest.raises(HfHubHTTPError, match="422") as caught:
        InferenceClient(f"{server.url}/pairs").text_classification("good")
    assert caught.value.response.json()["error_type"] == "Validation"


def test_lists_are_batches_and_objects_pairs(server: RunningServer) -> None:
    rows = server.post("/", {"inputs": ["good", "bad"], "parameters": {"top_k": 1}}).json()
    assert [row[0]["label"] for row in rows] == ["good", "bad"]
    pair = server.post("/pairs", {"inputs": {"text": "good", "text_pair": "bad"}}).json()
    assert pair == [server.post("/pairs/predict", {"inputs": ["good", "bad"]}).json()]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"inputs": "a", "parameters": {"top_k": 0}}, "Expected `int` >= 1"),
        ({"inputs": "a", "parameters": {"function_to_apply": "tanh"}}, "Invalid enum value 'tanh'"),
        ({"inputs": {"text": "a"}}, "missing required field `text_pair`"),
        ({"inputs": ["a", ["b"]]}, "Expected `str | object`, got `array`"),
    ],
)
def test_a_request_that_cannot_be_used(server: RunningServer, body: Any, message: str) -> None:
    answer = server.post("/", body)
    assert answer.status_code == 422
    assert message in answer.json()["error"]
