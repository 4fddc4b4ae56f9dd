"""A teacher as a function from columns of texts to logits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .._internal.progress import Progress, no_progress
from ..teachers.base import Teacher
from ..teachers.scores import teacher_scores

#: A column of n texts and a column of n second texts (or None) -> logits, float32 (n, classes).
Scorer: TypeAlias = Callable[[Any, Any], NDArray[np.float32]]

#: Texts that a teacher is given at once. Progress is reported after each such part.
SCORED_AT_ONCE = 1024


def batch_scorer(teacher: Teacher, progress: Progress = no_progress) -> Scorer:
    """Return a function that scores columns of texts with `teacher`, in parts, and reports its progress.

    Raises:
        InputError: When called: the teacher's scores have the wrong shape or are not finite.
    """

    def score(texts: pa.Array, text_pair: pa.Array | None) -> NDArray[np.float32]:
        scores = [np.empty((0, len(teacher.classes)), np.float32)]
        with progress("Scoring with the teacher", len(texts), "texts") as advance:
            for begin in range(0, len(texts), SCORED_AT_ONCE):
                part = slice(begin, begin + SCORED_AT_ONCE)
                seconds = None if text_pair is None else text_pair[part].to_pylist()
                firsts = texts[part].to_pylist()
                scores.append(teacher_scores(teacher, firsts, seconds))
                advance(len(firsts))
        return np.concatenate(scores)

    return score
