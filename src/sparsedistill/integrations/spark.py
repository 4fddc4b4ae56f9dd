"""Students in Spark: a column function, and a map over the batches of a DataFrame.

The workers need the package, but neither torch nor pandas. Each Python worker opens the student once; those
that read the same directory share its memory.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa

from .._internal.files import content_hash
from ..errors import InputError
from .arrow import Output, StudentLike, column, column_type, opened

try:
    from pyspark import SparkFiles
    from pyspark.sql import Column, DataFrame, SparkSession
    from pyspark.sql.functions import arrow_udf
    from pyspark.sql.pandas.types import from_arrow_type
    from pyspark.sql.types import StructType
except ImportError as error:
    raise ImportError("Functions of Spark need pyspark 4.1 or later: pip install 'pyspark>=4.1'.") from error


def function(student: StudentLike, output: Output = "answer", *, threads: int = 1) -> Callable[..., Column]:
    """A function of columns: ``function("distilled/compact")("text")``; for SQL, ``spark.udf.register``.

    Args:
        student: A student or a cascade, or the directory or Hub id of one, which the driver and every worker
            can read. For a directory that only the driver has, see :func:`ship`.
        output: ``"answer"`` for the class (string), the classes (array of strings) or the number (float);
            ``"probabilities"`` for a struct with a float per class; ``"coverage"`` for the share of a text's
            tokens that the student knows (float). A student of several questions gives a struct with these
            per question.
        threads: Threads per task.

    Returns:
        A function of a column of texts, for students of pairs of two columns. Null gives null.

    Raises:
        InputError: The student cannot be opened, or predicts numbers, which have no probabilities.
    """
    kind = from_arrow_type(column_type(_here(student), output))

    def answer(texts: pa.Array) -> pa.Array:
        return column(_here(student), texts, output=output, threads=threads)

    def answer_pairs(texts: pa.Array, text_pair: pa.Array) -> pa.Array:
        return column(_here(student), texts, text_pair, output=output, threads=threads)

    made: Callable[..., Column] = arrow_udf(answer_pairs if opened(_here(student)).pair else answer, kind)
    return made


def with_answers(
    frame: DataFrame,
    student: StudentLike,
    text: str = "text",
    text_pair: str | None = None,
    *,
    name: str = "answer",
    output: Output = "answer",
    threads: int = 1,
) -> DataFrame:
    """A DataFrame with the answers of a student as one more column, by ``mapInArrow``.

    All columns of a row pass through the Python worker, so :func:`function` is faster for wide rows.

    Args:
        frame: The DataFrame.
        student: As in :func:`function`.
        text: The column of texts.
        text_pair: The column of second texts, for students of pairs.
        name: The name of the new column.
        output: As in :func:`function`.
        threads: Threads per task.

    Raises:
        InputError: As in :func:`function`; or a column is missing, or `name` exists.
    """
    sides = [text] if text_pair is None else [text, text_pair]
    for side in sides:
        if side not in frame.columns:
            raise InputError(f"There is no column {side!r}: use one of {', '.join(frame.columns)}.")
    if name in frame.columns:
        raise InputError(f"There is a column {name!r} already: choose another name.")
    kind = from_arrow_type(column_type(_here(student), output))

    def answer(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            texts = [batch.column(side) for side in sides]
            found = column(_here(student), *texts, output=output, threads=threads)
            yield batch.append_column(name, found)

    return frame.mapInArrow(answer, StructType(list(frame.schema)).add(name, kind))


class Shipped(str):
    """The name of a student that Spark has sent to its workers. See :func:`ship`."""


def ship(spark: SparkSession, student: str | Path) -> Shipped:
    """Send the directory of a student from the driver to all workers, for the functions of this module.

    Each executor gets a copy with its first task. A student that was sent before is not sent again.

    Args:
        spark: The session; not one of Spark Connect.
        student: The directory of a student or a cascade.

    Raises:
        InputError: `student` is not the directory of a student.
    """
    directory = Path(student)
    if not directory.is_dir():
        raise InputError(f"{student} is not a directory: name that of a student.")
    opened(directory)
    name = f"{directory.name}-{content_hash(directory / 'config.json')[:12]}"
    archive = Path(SparkFiles.getRootDirectory(), f"{name}.zip")
    if not archive.exists():
        with TemporaryDirectory(dir=archive.parent) as folder:
            made = shutil.make_archive(str(Path(folder, name)), "zip", directory)
            Path(made).replace(archive)
        spark.sparkContext.addArchive(f"{archive}#{name}")
    return Shipped(name)


def _here(student: StudentLike) -> StudentLike:
    """The student where this process, the driver or a worker, has it."""
    return SparkFiles.get(student) if isinstance(student, Shipped) else student
