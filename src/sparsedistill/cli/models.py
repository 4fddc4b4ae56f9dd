"""Students, texts and scores as the commands read them."""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..cascade import Cascade, is_cascade
from ..data.columns import Columns
from ..data.corpus import Corpus, TextBatch
from ..data.labelled import Labelled, read_labelled
from ..errors import InputError
from ..student import Student


def load_model(model: str) -> Student | Cascade:
    """Open the student or the cascade in a directory, or the student on the Hub."""
    return Cascade.from_pretrained(model) if is_cascade(model) else Student.from_pretrained(model)


def labelled_for(student: Student, paths: list[str], columns: Columns, format: str | None) -> Labelled:  # noqa: A002
    """Read labelled texts with the student's classes."""
    if student.multi_label and not columns.multi_label:
        raise InputError("The student is multi-label: give --label-separator.")
    if student.problem == "regression":
        columns = replace(columns, problem="regression")
    return read_labelled(paths, columns, student.classes, format=format)


def scores_of(
    student: Student,
    paths: list[str],
    columns: Columns,
    format: str | None,  # noqa: A002
    scores: str,
    outputs: str,
) -> NDArray[np.float32]:
    """Read the teacher's scores from the files of the texts, as logits (n, classes)."""
    from ..teachers.precomputed import FileTeacher

    teacher = FileTeacher(student.classes, student.multi_label, outputs)
    columns = Columns(columns.text, columns.text_pair, scores=score_columns(scores))
    corpus = Corpus(paths, columns, format=format)
    found = [teacher.logits(batch.scores) for batch in corpus.batches() if batch.scores is not None]
    return np.concatenate(found)


def score_columns(scores: str) -> str | tuple[str, ...]:
    """The columns that ``--scores`` names: one of lists or of numbers, or one per class."""
    return tuple(scores.split(",")) if "," in scores else scores


def read_texts(corpus: Corpus, count: int | None = None) -> TextBatch:
    """The first `count` texts of a corpus; all of them by default."""
    return corpus.head(sys.maxsize if count is None else count)
