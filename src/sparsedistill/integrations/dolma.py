"""A student as a tagger of Dolma."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..errors import InputError
from .arrow import StudentLike, opened
from .labels import label_names, scores_of

try:
    from dolma import add_tagger
    from dolma.core.data_types import DocResult, Document, Span, TextSlice
    from dolma.core.taggers import BaseTagger
    from dolma.core.utils import split_paragraphs, split_sentences
except ModuleNotFoundError as error:
    raise ImportError(f"The tagger needs {error.name}: pip install dolma.") from error


def _whole(text: str) -> list[TextSlice]:
    return [TextSlice(doc=text, start=0, end=len(text))]


#: What is tagged, as in Dolma's own fastText taggers.
_MODES: dict[str, Callable[[str], list[TextSlice]]] = {
    "document": _whole,
    "paragraph": split_paragraphs,
    "sentence": split_sentences,
}


def add_student(
    name: str, student: StudentLike, *, mode: str = "document", threads: int = 1
) -> type[BaseTagger]:
    """Add a tagger that writes the scores of a student, one span per label.

    Call it in a module that ``dolma tag --tagger_modules`` names. The labels are the classes, or ``score``
    for numbers; those of a student of several questions ``QUESTION.CLASS``, and ``QUESTION`` for numbers.

    Args:
        name: Name of the tagger for ``--taggers``.
        student: A student, a cascade, or the directory or Hub id of one, which each worker opens when the
            first document comes. The workers of a machine share its memory.
        mode: What is scored: ``"document"``, ``"paragraph"`` or ``"sentence"``.
        threads: Threads per worker.

    Returns:
        The class of the tagger, which is in Dolma's registry.

    Raises:
        InputError: `mode` is unknown.
    """
    if mode not in _MODES:
        raise InputError(f"The mode {mode!r} is unknown: use one of {', '.join(_MODES)}.")
    model = str(student) if isinstance(student, str | Path) else student

    @add_tagger(name)
    class StudentTagger(BaseTagger):  # type: ignore[misc]
        """Scores of one student."""

        def predict(self, doc: Document) -> DocResult:
            """The scores of the parts of a document."""
            return DocResult(doc=doc, spans=_spans(model, doc.text, _MODES[mode], threads))

    return StudentTagger


def _spans(model: StudentLike, text: str, split: Callable[[str], list[TextSlice]], threads: int) -> list[Any]:
    """A span for each part and label."""
    student, parts = opened(model), split(text)
    scores = scores_of(student, [part.text for part in parts], threads)
    names = label_names(student)
    return [
        Span(start=part.start, end=part.end, type=name, score=score)
        for part, row in zip(parts, scores.tolist(), strict=True)
        for name, score in zip(names, row, strict=True)
    ]
