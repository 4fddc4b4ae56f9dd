"""Scoring Parquet in Spark beside one process: texts per second of the whole pass, on the same cores.

Spark reads the files, scores the texts in Python workers and adds the scores up, with the column function
and with ``mapInArrow``; one process does the same with Arrow and a student. The sums and counts must agree.
Spark's session is started before. Run it with ``PYTHONPATH=build/hosts/spark`` after ``make spark``.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet as pq
from _machine import available_cores
from _report import Measurement, interleave, make_parser, rates, report
from _students import random_student
from _texts import add_texts_option, read_texts
from pyspark.sql import SparkSession
from pyspark.sql import functions as sf

from sparsedistill import CountingConfig, Student, Vocabulary
from sparsedistill.integrations.spark import function, with_answers

FILES = 8


def write_corpus(folder: Path, texts: list[str], size: int) -> int:
    """Write the texts, repeated until they have `size` bytes, as Parquet files; gives their number."""
    times = -(-size // sum(len(text.encode()) for text in texts))
    table = pa.table({"id": range(len(texts)), "text": texts})
    for number in range(FILES):
        part = table.take(list(range(number, len(texts), FILES)))
        pq.write_table(pa.concat_tables([part] * times), folder / f"{number}.parquet", compression="zstd")
    return times * len(texts)


def one_process(student: Student, folder: Path, threads: int) -> tuple[int, float]:
    """Number of texts and sum of their scores."""
    count, total = 0, 0.0
    for batch in pyarrow.dataset.dataset(folder).to_batches(columns=["text"], batch_size=10_000):
        found = student.predict_proba(batch.column("text"), threads=threads)[:, 0]
        count, total = count + len(found), total + float(found.sum(dtype="float64"))
    return count, total


def main() -> None:
    parser = make_parser(__doc__, rounds=3)
    add_texts_option(parser, "train")
    parser.add_argument(
        "--megabytes", type=int, default=1000, help="size of the texts (default: %(default)s)"
    )
    options = parser.parse_args()
    texts, cores = read_texts(options.texts), available_cores()
    os.environ["PYSPARK_PYTHON"] = sys.executable
    spark = SparkSession.builder.master(f"local[{cores}]").config("spark.ui.enabled", "false").getOrCreate()
    with TemporaryDirectory() as name:
        corpus, model = Path(name, "corpus"), Path(name, "student")
        corpus.mkdir()
        count = write_corpus(corpus, texts, options.megabytes * 10**6)
        vocabulary = Vocabulary.build(texts, counting=CountingConfig(max_rows=200_000))
        random_student(vocabulary, 64, rank=1).compress(texts[-2000:]).save_pretrained(model)
        student, frame = Student.from_pretrained(model), spark.read.parquet(str(corpus))
        expected = one_process(student, corpus, cores)

        def added(scores: object) -> None:
            found = scores.agg(sf.count("s"), sf.sum(sf.col("s")["0"].cast("double"))).first()  # type: ignore[attr-defined]
            assert found[0] == expected[0] == count
            assert abs(found[1] - expected[1]) < 1e-6 * count

        score = function(str(model), "probabilities")
        engines = {
            "one process": lambda: one_process(student, corpus, cores),
            "Spark, column function": lambda: added(frame.select(score("text").alias("s"))),
            "Spark, mapInArrow": lambda: added(
                with_answers(frame.select("text"), str(model), name="s", output="probabilities")
            ),
        }
        measured: list[Measurement] = rates(
            interleave(engines, options.rounds), count, "texts/s", "one process"
        )
    spark.stop()
    report(f"Scoring {options.megabytes:,} MB of Parquet on {cores} cores", measured, options.json)


if __name__ == "__main__":
    main()
