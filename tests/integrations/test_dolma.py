"""The tagger inside Dolma, which tags real documents: see ``make hosts``."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from support.rows import reviews
from support.sentences import error
from support.students import good_or_bad, rating, three_questions

from sparsedistill import Student

pytest.importorskip("dolma")

from dolma.core.data_types import Document
from dolma.core.runtime import create_and_run_tagger

from sparsedistill.integrations.dolma import add_student

pytestmark = pytest.mark.slow


def document(text: str) -> Document:
    return Document(source="tests", id="1", text=text)


def test_parts_of_a_document_are_scored() -> None:
    student = good_or_bad()
    text = "Good words.\nBad words. A good end."
    found = {}
    for mode in ("document", "paragraph", "sentence"):
        tagger = add_student(f"parts-{mode}", student, mode=mode)()
        found[mode] = tagger.predict(document(text)).spans
        for span in found[mode]:
            share = student.predict_proba([text[span.start : span.end]])[0]
            assert span.score == share[student.classes.index(span.type)]
    assert [len(spans) for spans in found.values()] == [2, 4, 6]
    assert add_student("empty", student, mode="paragraph")().predict(document("")).spans == []


def test_numbers_and_several_questions() -> None:
    student = rating(["bad", "good"])
    [span] = add_student("number", student)().predict(document("good")).spans
    assert (span.type, span.score) == ("score", float(student.predict(["good"])[0]))
    questions = add_student("questions", three_questions())().predict(document("good"))
    assert "toxicity.very bad" in {span.type for span in questions.spans}


def test_an_unknown_mode() -> None:
    assert error(lambda: add_student("x", good_or_bad(), mode="word")) == (
        "The mode 'word' is unknown: use one of document, paragraph, sentence."
    )


def test_documents_are_tagged_by_the_command(shared_data: Path, tmp_path: Path) -> None:
    texts = reviews(shared_data, 59)
    good_or_bad().save_pretrained(tmp_path / "student")
    (tmp_path / "tags.py").write_text(
        "from sparsedistill.integrations.dolma import add_student\n"
        f"add_student('sentiment', {str(tmp_path / 'student')!r})\n"
    )
    documents = tmp_path / "documents" / "reviews.jsonl.gz"
    documents.parent.mkdir()
    with gzip.open(documents, "wt") as file:
        for i, text in enumerate(texts):
            file.write(json.dumps({"id": str(i), "text": text, "source": "imdb"}) + "\n")
    create_and_run_tagger(
        documents=[str(documents)],
        destination=None,
        taggers=["sentiment"],
        taggers_modules=[str(tmp_path / "tags.py")],
        experiment="scores",
        num_processes=1,
    )
    [output] = tmp_path.rglob("attributes/**/*.jsonl.gz")
    shares = Student.from_pretrained(tmp_path / "student").predict_proba(texts)
    with gzip.open(output, "rt") as lines:
        for line, share, text in zip(lines, shares.tolist(), texts, strict=True):
            tags = json.loads(line)["attributes"]
            assert tags["scores__sentiment__good"] == [[0, len(text), round(share[0], 5)]]
