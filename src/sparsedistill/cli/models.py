"""Students, texts and scores as the commands read them."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..cascade import Cascade
from ..classifiers import load_model
from ..data.columns import Columns
from ..data.corpus import Corpus, TextBatch
from ..data.labelled import Labelled, read_labelled
from ..errors import InputError
from ..multi_head import MultiHeadStudent
from ..student import Student


def load_one(model: str, head: str | None = None) -> Student | Cascade:
    """The same for commands that work on one question.

    Raises:
        InputError: As :func:`load_model`, or the student answers several questions and none was named.
    """
    loaded = load_model(model, head)
    if isinstance(loaded, MultiHeadStudent):
        names = ", ".join(head.name for head in loaded.heads)
        raise InputError(f"{model} answers several questions ({names}): name one with --head.")
    return loaded


def load_student(model: str, head: str | None = None) -> Student:
    """The same without cascades.

    Raises:
        InputError: As :func:`load_one`, or it is a cascade.
    """
    loaded = load_one(model, head)
    return loaded.student if isinstance(loaded, Cascade) else loaded


#: Endings of the files of a model.
_MODEL_FILES = (".json", ".md", ".parquet", ".safetensors")


def model_files(model: str) -> list[Path]:
    """The files of a student or a cascade in a directory, which no other output may replace."""
    folders = [folder for folder in (Path(model), Path(model) / "student") if model and folder.is_dir()]
    return [path for folder in folders for path in folder.iterdir() if path.suffix in _MODEL_FILES]


def labelled_for(student: Student, paths: list[str], columns: Columns) -> Labelled:
    """Read labelled texts with the student's classes."""
    if student.multi_label and not columns.multi_label:
        raise InputError("The student is multi-label: give --label-separator.")
    if student.problem == "regression":
        columns = replace(columns, problem="regression")
    return read_labelled(paths, columns, student.classes)


def scores_of(
    student: Student,
    paths: list[str],
    columns: Columns,
    scores: str,
    outputs: str,
) -> NDArray[np.float32]:
    """Read the teacher's scores from the files of the texts, as logits (n, classes)."""
    from ..teachers.precomputed import FileTeacher

    teacher = FileTeacher(student.classes, student.multi_label, outputs)
    columns = Columns(columns.text, columns.text_pair, scores=score_columns(scores), files=columns.files)
    corpus = Corpus(paths, columns)
    found = [teacher.logits(batch.scores) for batch in corpus.batches() if batch.scores is not None]
    return np.concatenate(found)


def score_columns(scores: str) -> str | tuple[str, ...]:
    """The columns that ``--scores`` names: one of lists or of numbers, or one per class."""
    return tuple(scores.split(",")) if "," in scores else scores


def read_texts(corpus: Corpus, count: int | None = None) -> TextBatch:
    """The first `count` texts of a corpus; all of them by default."""
    return corpus.head(sys.maxsize if count is None else count)
