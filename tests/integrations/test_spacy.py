"""The component inside spaCy's pipelines."""

from __future__ import annotations

from pathlib import Path

import pytest
import spacy
from support.rows import reviews
from support.sentences import error
from support.students import good_or_bad, rating, three_questions, uneven

NAME = "sparsedistill"


@pytest.fixture
def model(tmp_path: Path) -> str:
    good_or_bad().save_pretrained(tmp_path / "student")
    return str(tmp_path / "student")


def test_answers_of_real_text_are_those_of_the_student(model: str, shared_data: Path) -> None:
    texts = reviews(shared_data, 300)
    nlp = spacy.blank("en")
    nlp.add_pipe(NAME, config={"model": model, "batch_size": 64})
    expected = good_or_bad().predict_proba(texts).tolist()
    docs = list(nlp.pipe(texts))
    assert [list(doc.cats.values()) for doc in docs] == expected
    assert list(docs[0].cats) == ["good", "bad"]
    assert nlp(texts[0]).cats == docs[0].cats
    several = list(nlp.pipe(texts[:20], n_process=2))
    assert [doc.cats for doc in several] == [doc.cats for doc in docs[:20]]


def test_a_pipeline_on_disk_opens_the_student_again(model: str, tmp_path: Path) -> None:
    nlp = spacy.blank("en")
    nlp.add_pipe(NAME, config={"model": model})
    nlp.to_disk(tmp_path / "nlp")
    assert spacy.load(tmp_path / "nlp")("good").cats == nlp("good").cats
    assert nlp.pipe_labels[NAME] == ["good", "bad"]


def test_numbers_questions_and_what_is_refused(tmp_path: Path) -> None:
    rating(["bad", "good"]).save_pretrained(tmp_path / "number")
    three_questions().save_pretrained(tmp_path / "questions")
    uneven(["a good film", "a bad film"] * 5, pair=True).save_pretrained(tmp_path / "pairs")
    nlp = spacy.blank("en")
    nlp.add_pipe(NAME, config={"model": str(tmp_path / "number")})
    nlp.add_pipe(NAME, "questions", config={"model": str(tmp_path / "questions")})
    cats = nlp("good").cats
    assert cats["score"] == float(rating(["bad", "good"]).predict(["good"])[0])
    assert {"edu", "toxicity.very bad", "topic.science"} < cats.keys()
    pairs = {"model": str(tmp_path / "pairs")}
    assert "compares two texts" in error(lambda: spacy.blank("en").add_pipe(NAME, config=pairs))
    missing = {"model": str(tmp_path / "missing")}
    assert "missing" in error(lambda: spacy.blank("en").add_pipe(NAME, config=missing))
