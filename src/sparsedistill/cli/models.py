"""Students, texts and scores as the commands read them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..cascade import Cascade, is_cascade
from ..data.columns import Columns
from ..data.corpus import Corpus
from ..data.labelled import Labelled, read_labelled
from ..errors import InputError
from ..student import Student


def load_model(model: str) -> Student | Cascade:
    return Cascade.from_pretrained(model) if is_cascade(model) else Student.from_pretrained(model)


def labelled_for(student: Student, paths: list[str], columns: Columns, format: str | None) -> Labelled:  # noqa: A002
    if student.multi_label and not columns.multi_label:
        raise InputError("The student gives several labels to a text: pass --label-separator.")
    return read_labelled(paths, columns, student.classes, format=format)


def scores_of(
    student: Student,
    paths: list[str],
    columns: Columns,
    format: str | None,  # noqa: A002
    scores: str,
    outputs: str,
) -> NDArray[np.float32]:
    """The teacher's logits that stand beside the texts, (n, classes)."""
    from ..teachers.precomputed import FileTeacher

    teacher = FileTeacher(student.classes, student.multi_label, outputs)
    corpus = Corpus(
        paths, Columns(columns.text, columns.text_pair, scores=score_columns(scores)), format=format
    )
    found = [teacher.logits(batch.scores) for batch in corpus.batches() if batch.scores is not None]
    return np.concatenate(found)


def score_columns(scores: str) -> str | tuple[str, ...]:
    return tuple(scores.split(",")) if "," in scores else scores


def first_texts(corpus: Corpus, count: int | None) -> tuple[list[str], list[str] | None]:
    texts: list[str] = []
    pairs: list[str] = []
    for batch in corpus.batches():
        texts.extend(batch.texts.to_pylist())
        if batch.text_pair is not None:
            pairs.extend(batch.text_pair.to_pylist())
        if count is not None and len(texts) >= count:
            break
    return texts[:count], pairs[:count] or None
