"""Expressions of Polars over students: real text, lazy frames, nulls, pairs, several questions."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from support.rows import reviews
from support.sentences import error
from support.students import good_or_bad, rating, three_questions

import sparsedistill.integrations.polars as sd
from sparsedistill import InputError

TEXTS = ["good words", None, "bad words", "", "other words"]
FRAME = pl.DataFrame({"id": range(5), "text": TEXTS})


def test_answers_of_real_text_are_those_of_the_student(shared_data: Path) -> None:
    texts = reviews(shared_data, 500)
    student, frame = good_or_bad(), pl.DataFrame({"text": texts})
    found = frame.select(
        label=pl.col("text").sparsedistill.predict(student),  # type: ignore[attr-defined]
        shares=sd.predict_proba("text", student, threads=1),
        coverage=sd.coverage(pl.col("text"), student),
    )
    scores = student.score(texts)
    assert found["label"].to_list() == student.predict(texts).tolist()
    assert found["shares"].struct.field("bad").to_list() == scores.probabilities[:, 1].tolist()
    assert found["coverage"].to_list() == scores.coverage.tolist()
    assert found.schema == {
        "label": pl.String,
        "shares": pl.Struct({"good": pl.Float32, "bad": pl.Float32}),
        "coverage": pl.Float32,
    }


@pytest.mark.parametrize("engine", ["in-memory", "streaming"])
def test_lazy_frames_and_nulls(tmp_path: Path, engine: str) -> None:
    good_or_bad().save_pretrained(tmp_path / "student")
    FRAME.write_parquet(tmp_path / "texts.parquet")
    lazy = pl.scan_parquet(tmp_path / "texts.parquet").with_columns(
        label=pl.col("text").sparsedistill.predict(str(tmp_path / "student")),  # type: ignore[attr-defined]
        good=sd.predict_proba("text", tmp_path / "student").struct.field("good"),
    )
    assert lazy.collect_schema()["label"] == pl.String
    found = lazy.filter(pl.col("id") < 4).collect(engine=engine)  # type: ignore[call-overload]
    assert found["label"].to_list() == ["good", None, "bad", "good"]
    assert found["good"].to_list()[1] is None
    assert found["good"].to_list()[3] == 0.5


def test_types_of_answers() -> None:
    numbers = FRAME.select(sd.predict("text", rating(["good", "bad"])))
    assert numbers.schema == {"text": pl.Float32}
    several = good_or_bad(("good", "bad"), "multi_label")
    lists = FRAME.select(sd.predict("text", several))["text"]
    assert lists.dtype == pl.List(pl.String)
    assert lists.to_list()[:2] == [["good", "bad"], None]  # bad has a probability of a half
    questions = FRAME.select(answer=sd.predict("text", three_questions())).unnest("answer")
    assert questions["toxicity"].to_list() == ["ok", None, "very bad", "score", "score"]
    assert questions["edu"].to_list()[1] is None
    assert questions["topic"].to_list()[0] == ["science"]
    shares = FRAME.select(answer=sd.predict_proba("text", three_questions()))["answer"]
    assert shares.struct.field("toxicity").struct.field("ok")[0] > 0.9
    assert shares.struct.fields == ["toxicity", "topic"]  # edu is a number


def test_series_and_empty_columns() -> None:
    student = good_or_bad()
    series = FRAME["text"]
    assert series.sparsedistill.predict(student)[:3].to_list() == ["good", None, "bad"]  # type: ignore[attr-defined]
    assert series.sparsedistill.predict_proba(student).struct.fields == ["good", "bad"]  # type: ignore[attr-defined]
    assert series.sparsedistill.coverage(student)[0] == 0.5  # type: ignore[attr-defined]
    assert FRAME.clear().select(sd.predict("text", student))["text"].dtype == pl.String
    categories = FRAME.with_columns(pl.col("text").cast(pl.Categorical))
    assert categories.select(sd.predict("text", student))["text"].to_list()[:3] == ["good", None, "bad"]
    grouped = FRAME.group_by(pl.col("id") % 2, maintain_order=True).agg(sd.predict("text", student))
    assert grouped["text"].to_list()[0][:2] == ["good", "bad"]


def test_errors() -> None:
    numbers = rating(["good"])
    assert error(lambda: sd.predict_proba("text", numbers)) == (
        "The student predicts numbers, which have no probabilities: use its answers."
    )
    assert "nowhere" in error(lambda: sd.predict("text", "nowhere"))
    with pytest.raises(InputError, match="The student reads single texts"):
        FRAME.select(sd.predict("text", good_or_bad(), "text"))
    with pytest.raises(InputError, match="Arrow array of int64"):
        FRAME.select(sd.predict("id", good_or_bad()))


def test_a_program_ends_silently(tmp_path: Path) -> None:
    """The students that the integrations keep live as long as the process."""
    good_or_bad().save_pretrained(tmp_path / "student")
    program = (
        "import sys, polars as pl, sparsedistill.integrations.polars as sd\n"
        "print(pl.DataFrame({'text': ['good']}).select(sd.predict('text', sys.argv[1])).item())\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "student")]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    assert (ended.stdout, ended.stderr) == ("good\n", "")
