"""``/ngrams``: the strongest n-grams of each class."""

from __future__ import annotations

from urllib.parse import parse_qsl

import msgspec

from ..cascade import Cascade
from ..errors import InputError
from ..explain.strongest import strongest_ngrams
from ..multi_head import MultiHeadStudent
from ..student import Student
from .errors import invalid
from .models import Target

#: n-grams of a class that are found, of which a client gets as many as it wants.
MOST = 100
_USUAL = 20
#: Scores of n-grams that are computed at a time take 8 bytes each.
_MOST_SCORES = 50_000_000


class StrongNgram(msgspec.Struct):
    """An n-gram that speaks for a class.

    Attributes:
        ngram: Its words; the beginning and the end of a text are U+0002 and U+0003.
        evidence: What it adds to the score of the class in an undecided text, compared with the others.
    """

    ngram: str
    evidence: float


class ClassNgrams(msgspec.Struct):
    """The n-grams of a class.

    Attributes:
        label: The class; of a regression, ``higher`` and ``lower``.
        ngrams: The strongest n-grams, strongest first.
    """

    label: str
    ngrams: list[StrongNgram]


#: The n-grams of the classes of each question, by the name of the head.
Strongest = dict[str, list[ClassNgrams]]


def parse_top(query: bytes) -> int:
    """Read the parameter of a URL: how many n-grams of each class are wanted.

    Raises:
        RequestError: There is another parameter, or the number is out of range.
    """
    top = _USUAL
    for name, value in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
        if name != "top":
            raise invalid(f"There is no parameter {name!r}: give top.")
        if not (value.isascii() and value.isdecimal() and len(value) <= len(str(MOST))) or int(value) > MOST:
            raise invalid(f"The parameter top is {value!r}: give a number from 0 to {MOST}.")
        top = int(value)
    return top


def strongest(target: Target) -> Strongest:
    """The strongest n-grams of all classes of a student: seconds for a million n-grams.

    Of a cascade, those of the student are found.

    Raises:
        RequestError: The student has no strings, or is too large.
    """
    model = target.model.student if isinstance(target.model, Cascade) else target.model
    if len(model.vocabulary) * max(len(head.classes) for head in target.heads) > _MOST_SCORES:
        raise invalid("The student has too many n-grams to rank them here: use sparsedistill inspect.")
    students = (
        {head.name: model.head(head.name) for head in model.heads}
        if isinstance(model, MultiHeadStudent)
        else {"": model}
    )
    return {name: _of_student(student) for name, student in students.items()}


def first(found: Strongest, top: int) -> object:
    """The answer: a list of :class:`ClassNgrams`, or a dict of these by the name of the head.

    Args:
        found: The n-grams of all classes.
        top: n-grams per class.
    """
    rows = {
        name: [ClassNgrams(each.label, each.ngrams[:top]) for each in classes]
        for name, classes in found.items()
    }
    return rows.get("", rows)


def _of_student(student: Student) -> list[ClassNgrams]:
    try:
        found = strongest_ngrams(student, MOST)
    except InputError as error:
        raise invalid(str(error)) from error
    return [
        ClassNgrams(label, [StrongNgram(ngram, evidence) for ngram, evidence in ngrams])
        for label, ngrams in found.items()
    ]
