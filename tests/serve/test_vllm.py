"""vLLM's interface for classifiers."""

from __future__ import annotations

from pathlib import Path

from support.server import RunningServer

from sparsedistill import Student


def test_classify(server: RunningServer, students: Path) -> None:
    answer = server.post("/classify", {"input": ["a good film", "bad!"], "model": "films"}).json()
    shares = Student.from_pretrained(students / "films").predict_proba(["a good film", "bad!"]).tolist()
    assert answer["data"] == [
        {"index": 0, "label": "good", "probs": shares[0], "num_classes": 2},
        {"index": 1, "label": "bad", "probs": shares[1], "num_classes": 2},
    ]
    assert (answer["object"], answer["model"]) == ("list", "films")
    assert answer["id"].startswith("classify-")
    assert answer["usage"]["prompt_tokens"] == 5


def test_the_field_model_names_a_student_or_a_head(server: RunningServer, students: Path) -> None:
    for model in ("tags", str(students / "tags")):
        answer = server.post("/classify", {"input": "good and bad", "model": model}).json()
        assert all(share > 0.9 for share in answer["data"][0]["probs"])
    head = server.post("/classify", {"input": "good", "model": "three/toxicity"}).json()
    assert (head["data"][0]["label"], head["data"][0]["num_classes"]) == ("ok", 3)


def test_logits_can_be_asked_for(server: RunningServer, students: Path) -> None:
    answer = server.post("/classify", {"input": "good", "activation": False}).json()
    (logits,) = Student.from_pretrained(students / "films").score(["good"]).logits.tolist()
    assert answer["data"][0]["probs"] == logits


def test_errors_have_the_form_of_vllm(server: RunningServer) -> None:
    unknown = server.post("/classify", {"input": "good", "model": "nobody"})
    assert unknown.status_code == 404
    assert unknown.json()["error"] == {
        "message": "The model `nobody` does not exist.",
        "type": "NotFoundError",
        "code": 404,
        "param": None,
    }
    wrong = server.post("/classify", {"input": 3})
    assert (wrong.status_code, wrong.json()["error"]["type"]) == (400, "BadRequestError")
    several = server.post("/three/classify", {"input": "good"})
    assert several.json()["error"]["message"] == (
        "The model `three` answers several questions: name one of three/edu, three/toxicity, three/topic."
    )
