"""Functions of DuckDB over students."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from support.rows import reviews
from support.sentences import error
from support.students import good_or_bad, rating, three_questions

from sparsedistill.integrations.duckdb import register


@pytest.fixture
def connection() -> duckdb.DuckDBPyConnection:
    return duckdb.connect()


def test_answers_of_real_text_are_those_of_the_student(
    connection: duckdb.DuckDBPyConnection, shared_data: Path
) -> None:
    texts = reviews(shared_data, 3000)
    student = good_or_bad()
    connection.register("reviews", pa.table({"id": range(len(texts)), "text": texts}))
    register(connection, "sentiment", student)
    register(connection, "shares", student, "probabilities", threads=1)
    register(connection, "known", student, output="coverage")
    query = "SELECT sentiment(text), shares(text).good, known(text) FROM reviews ORDER BY id"
    labels, good, known = zip(*connection.sql(query).fetchall(), strict=True)
    scores = student.score(texts)
    assert list(labels) == student.predict(texts).tolist()
    assert list(good) == scores.probabilities[:, 0].tolist()
    assert list(known) == scores.coverage.tolist()
    counted = connection.execute("SELECT count(*) FROM reviews WHERE shares(text).good >= 0.9").fetchone()
    assert counted == (int((scores.probabilities[:, 0] >= 0.9).sum()),)


def test_null_numbers_lists_and_questions(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    good_or_bad().save_pretrained(tmp_path / "student")
    register(connection, "label", str(tmp_path / "student"))
    register(connection, "number", rating(["good", "bad"]))
    register(connection, "names", good_or_bad(("it's", 'a "b"'), "multi_label"), "probabilities")
    register(connection, "questions", three_questions())
    connection.sql("CREATE TABLE t AS SELECT * FROM (VALUES ('good'), (NULL), ('bad')) AS v(text)")
    assert connection.sql("SELECT label(text) FROM t").fetchall() == [("good",), (None,), ("bad",)]
    assert connection.execute("SELECT number(NULL), typeof(number('good'))").fetchone() == (None, "FLOAT")
    row = connection.execute("SELECT names('good')").fetchone()
    assert row is not None
    assert list(row[0]) == ["it's", 'a "b"']
    answers = connection.execute("SELECT questions('good')").fetchone()
    assert answers is not None
    assert answers[0]["toxicity"] == "ok"
    assert answers[0]["topic"] == ["science"]


def test_errors(connection: duckdb.DuckDBPyConnection) -> None:
    assert error(lambda: register(connection, "f", rating(["good"]), "probabilities")) == (
        "The student predicts numbers, which have no probabilities: use its answers."
    )
    assert error(lambda: register(connection, "f", good_or_bad(), "label")) == (  # type: ignore[arg-type]
        "The output 'label' is unknown: use one of answer, probabilities, coverage."
    )
