"""Scoring the texts of one shard, and writing them with their logits."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
from numpy.typing import NDArray

from .._internal.files import atomic_write, content_hash
from .._internal.progress import Advance
from ..data.corpus import TextBatch
from ..errors import InputError
from ..teachers.base import Teacher
from ..teachers.precomputed import FileTeacher
from ..teachers.scores import teacher_scores
from .manifest import ShardRecord


def label_shard(
    path: Path,
    teacher: Teacher | FileTeacher,
    parts: Iterable[TextBatch],
    *,
    rows: int,
    pair: bool,
    advance: Advance,
) -> ShardRecord:
    """Score `parts` and write them with their logits to one file, atomically.

    The result depends on the texts and the teacher only.

    Args:
        path: The file, see :func:`~.manifest.shard_name`.
        teacher: Scores the parts one by one; a :class:`FileTeacher` takes their scores.
        parts: The texts of the shard.
        rows: Number of texts that the shard must have.
        pair: Whether the texts come in pairs.
        advance: Is called after each part, with its number of texts.

    Returns:
        The record for the manifest.

    Raises:
        InputError: There are more or fewer than `rows` texts, the teacher's scores are invalid, or the file
            cannot be written.
    """
    schema = _schema(len(teacher.classes), pair=pair)
    written = 0
    with atomic_write(path) as partial:
        # Arrow accepts only UTF-8 file names.
        with (
            partial.open("wb") as file,
            pyarrow.parquet.ParquetWriter(file, schema, compression="zstd") as writer,
        ):
            for part in parts:
                writer.write_batch(_as_record_batch(part, score_part(teacher, part), schema))
                written += len(part)
                advance(len(part))
        if written != rows:
            raise InputError(
                f"The corpus changed while {path.parent} was being written: delete that directory and label "
                "again."
            )
        return ShardRecord(path.name, rows, partial.stat().st_size, content_hash(partial))


def score_part(teacher: Teacher | FileTeacher, part: TextBatch) -> NDArray[np.float32]:
    """Return the logits of a part, float32 (n, classes).

    Raises:
        InputError: The scores have the wrong shape, are not finite, or are not valid probabilities.
    """
    if isinstance(teacher, FileTeacher):
        assert part.scores is not None  # noqa: S101 - label() has checked the columns
        return teacher.logits(part.scores)
    pair = None if part.text_pair is None else part.text_pair.to_pylist()
    return teacher_scores(teacher, part.texts.to_pylist(), pair)


def _schema(classes: int, *, pair: bool) -> pa.Schema:
    text = [pa.field(name, pa.large_string(), nullable=False) for name in ("text", "text_pair")]
    scores = pa.field("logits", pa.list_(pa.float32(), classes), nullable=False)
    return pa.schema([*text[: 1 + pair], scores])


def _as_record_batch(part: TextBatch, logits: NDArray[np.float32], schema: pa.Schema) -> pa.RecordBatch:
    scores = pa.FixedSizeListArray.from_arrays(pa.array(logits.ravel()), logits.shape[1])
    texts = [part.texts] if part.text_pair is None else [part.texts, part.text_pair]
    return pa.record_batch([*texts, scores], schema=schema)
