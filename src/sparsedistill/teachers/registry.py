"""The kinds of teachers, and which of them is meant by what users pass."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from ..errors import InputError
from .base import ScoreFormat, Teacher, TeacherLike
from .callable import from_function
from .llm import from_llm_file
from .onnx import from_onnx
from .sentence_transformers import from_sentence_transformers
from .sklearn import from_estimator
from .transformers import from_model

#: Makes a teacher from what was passed, or returns None if that is for another kind of teacher.
Kind: TypeAlias = Callable[[TeacherLike, ScoreFormat], Teacher | None]


def _existing(given: TeacherLike, scores: ScoreFormat) -> Teacher | None:
    del scores
    return given if isinstance(given, Teacher) else None


#: The kinds of teachers, in the order in which :func:`as_teacher` tries them: files before models, which may
#: have any name, and functions last, since other teachers may be callable too.
KINDS: tuple[Kind, ...] = (
    from_llm_file,
    from_onnx,
    from_sentence_transformers,
    from_model,
    _existing,
    from_estimator,
    from_function,
)


def as_teacher(
    teacher: TeacherLike,
    classes: Sequence[str] | None = None,
    multi_label: bool = False,
    outputs: str = "logits",
    revision: str | None = None,
    max_length: int | None = None,
) -> Teacher:
    """Return the teacher that `teacher` stands for.

    Args:
        teacher: Directory or Hub id of a classifier, an ONNX file, a TOML file that describes an LLM, a
            fitted estimator of scikit-learn, a function from texts to scores, or a teacher.
        classes: Names of the classes of a function, in the order of its scores.
        multi_label: Whether a text may have several classes, for a function or a directory or Hub id.
        outputs: What a function returns: ``"logits"`` or ``"probabilities"``.
        revision: Branch, tag or commit of a Hub id.
        max_length: Longest input of a classifier, in its tokens.

    Raises:
        InputError: `teacher` is of another type, is a function without `classes`, or cannot be loaded.
    """
    scores = ScoreFormat(classes, multi_label, outputs, revision, max_length)
    for kind in KINDS:
        found = kind(teacher, scores)
        if found is not None:
            return found
    raise InputError(
        f"{teacher!r} is not a teacher: give a model directory, a Hub id, a TOML file, a fitted estimator "
        "or a function."
    )
