"""Functions of Spark, in several processes: see ``make spark``."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.rows import reviews
from support.sentences import error
from support.students import good_or_bad, rating, three_questions

pytest.importorskip("pyspark")

from pyspark.sql import SparkSession

from sparsedistill.integrations.spark import function, ship, with_answers

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def spark() -> Iterator[SparkSession]:
    """A driver and two executors, each a process, with Python workers of their own."""
    os.environ["PYSPARK_PYTHON"] = sys.executable
    session = (
        SparkSession.builder.master("local-cluster[2,1,1024]")
        .config("spark.ui.enabled", "false")
        .config("spark.executor.memory", "1g")
        .config("spark.executorEnv.PYTHONPATH", os.environ.get("PYTHONPATH", ""))
        .getOrCreate()
    )
    yield session
    session.stop()


def test_answers_of_real_text_are_those_of_the_student(
    spark: SparkSession, shared_data: Path, tmp_path: Path
) -> None:
    texts = reviews(shared_data, 3000)
    student = good_or_bad()
    student.save_pretrained(tmp_path / "student")
    rows = [(i, text) for i, text in enumerate(texts)]
    frame = spark.createDataFrame(rows, "id: long, text: string").repartition(4)
    path = str(tmp_path / "student")
    columns = {
        "label": function(path)("text"),
        "share": function(path, "probabilities")("text")["good"],
        "known": function(path, "coverage")("text"),
    }
    found = frame.withColumns(columns).select("id", *columns).orderBy("id").collect()
    scores = student.score(texts)
    assert [row.id for row in found] == list(range(3000))
    assert [row.label for row in found] == student.predict(texts).tolist()
    assert [row.share for row in found] == scores.probabilities[:, 0].tolist()
    assert [row.known for row in found] == scores.coverage.tolist()
    mapped = with_answers(frame, path, name="share", output="probabilities").orderBy("id").collect()
    assert [row.text for row in mapped] == texts
    assert [row.share.good for row in mapped] == scores.probabilities[:, 0].tolist()


def test_a_student_that_only_the_driver_has_is_sent(spark: SparkSession, tmp_path: Path) -> None:
    student = good_or_bad(("no", "yes"))
    student.save_pretrained(tmp_path / "student")
    good_or_bad().save_pretrained(tmp_path / "other" / "student")  # of the same name
    sent = ship(spark, tmp_path / "student")
    other = ship(spark, tmp_path / "other" / "student")
    assert ship(spark, tmp_path / "student") == sent != other
    shutil.rmtree(tmp_path / "student")
    texts = ["good good", "bad"]
    frame = spark.createDataFrame([(text,) for text in texts], "text: string").repartition(2)
    frame = with_answers(frame, sent).withColumn("other", function(other)("text"))
    assert {row.text: (row.answer, row.other) for row in frame.collect()} == {
        "good good": ("no", "good"),
        "bad": ("yes", "bad"),
    }


def test_null_numbers_and_questions(spark: SparkSession) -> None:
    frame = spark.createDataFrame([("good",), (None,), ("bad",)], "text: string").coalesce(1)
    spark.udf.register("label", function(good_or_bad()))
    frame.createOrReplaceTempView("texts")
    assert [row[0] for row in spark.sql("SELECT label(text) FROM texts").collect()] == ["good", None, "bad"]
    number = rating(["good", "bad"])
    rows = with_answers(frame, number).collect()
    assert [row.answer for row in rows[::2]] == number.predict(["good", "bad"]).tolist()
    assert rows[1].answer is None
    answers = frame.select(function(three_questions())("text").alias("a")).collect()[0].a
    assert answers.toxicity == "ok"
    assert answers.topic == ["science"]


def test_errors(spark: SparkSession) -> None:
    frame = spark.createDataFrame([("good",)], "text: string")
    assert error(lambda: with_answers(frame, good_or_bad(), "body")) == (
        "There is no column 'body': use one of text."
    )
    assert error(lambda: with_answers(frame, good_or_bad(), name="text")) == (
        "There is a column 'text' already: choose another name."
    )
    assert error(lambda: ship(spark, "user/student")) == (
        "user/student is not a directory: name that of a student."
    )
    assert error(lambda: function(rating(["good"]), "probabilities")) == (
        "The student predicts numbers, which have no probabilities: use its answers."
    )
