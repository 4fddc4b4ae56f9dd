"""A request for scores: its texts, and how the scores are written."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, TypeVar

import msgspec

from ..cascade import CascadePredictions
from ..errors import first_line
from ..model.heads import Head
from ..model.predictions import Predictions, probabilities
from .config import Limits
from .errors import RequestError, invalid

#: What a client wants instead of the usual function of the logits.
Activation: TypeAlias = Literal["sigmoid", "softmax", "none"]

Body = TypeVar("Body")


class HeadScores:
    """What a student says of n texts to one question.

    Args:
        whole: Logits and coverage, also of the texts of other requests.
        answers: Its answers, n lists of a number per class, which are made at once for many requests.
        begin: The first of the texts in `whole`.
    """

    __slots__ = ("_begin", "_whole", "answers")

    def __init__(self, whole: Predictions, answers: list[list[float]], begin: int = 0) -> None:
        self._whole, self.answers, self._begin = whole, answers, begin

    @property
    def predictions(self) -> Predictions:
        """Logits and coverage of the texts."""
        begin, end = self._begin, self._begin + len(self.answers)
        if begin == 0 and end == len(self._whole.logits):
            return self._whole
        return Predictions(
            self._whole.logits[begin:end], self._whole.coverage[begin:end], self._whole.problem
        )

    @property
    def deferred(self) -> int:
        """How many texts the teacher scored. Those of different requests are never scored together."""
        return int(self._whole.deferred.sum()) if isinstance(self._whole, CascadePredictions) else 0

    def part(self, begin: int, end: int) -> HeadScores:
        """What it says of some of the texts."""
        return HeadScores(self._whole, self.answers[begin:end], self._begin + begin)


#: What is said of the texts of a request, by the name of the head.
Found: TypeAlias = Mapping[str, HeadScores]


@dataclass(slots=True)
class Query:
    """A request for scores.

    Attributes:
        texts: n texts, or the first texts of n pairs.
        text_pair: The second texts of the pairs.
        write: Makes the answer, which is then written as JSON, of what was found.
    """

    texts: list[str]
    text_pair: list[str] | None
    write: Callable[[Found], Any]

    @property
    def characters(self) -> int:
        """Characters of all texts."""
        return sum(map(len, self.texts)) + sum(map(len, self.text_pair or ()))


class Prediction(msgspec.Struct):
    """A class and its score.

    Attributes:
        score: Probability of the class; its logit if raw scores were asked for; the number of a regression.
        label: The class; ``score`` for a regression.
    """

    score: float
    label: str


def decode(body: bytes, decoder: msgspec.json.Decoder[Body]) -> Body:
    """Read a body of JSON.

    Raises:
        RequestError: It is not JSON, or not what is asked for.
    """
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise invalid(f"The request cannot be used ({first_line(error)}): see /openapi.json.") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        message = f"The body is not valid JSON ({first_line(error)}): send an object in UTF-8."
        raise RequestError(400, "Validation", message) from None


def split_pairs(items: Sequence[str | Sequence[str]], *, pair: bool) -> tuple[list[str], list[str] | None]:
    """Texts and second texts of items that are a text, or one or two texts in a list.

    Args:
        items: The items.
        pair: The student compares two texts.

    Raises:
        RequestError: An item is no text, or no pair.
    """
    asked = 2 if pair else 1
    rows = [(item,) if isinstance(item, str) else item for item in items]
    for i, row in enumerate(rows):
        if len(row) != asked:
            wanted = "two texts: send a pair" if pair else "single texts: send one"
            raise invalid(f"`inputs` {i} has {len(row)} texts, and the student reads {wanted}.")
    return [row[0] for row in rows], [row[1] for row in rows] if pair else None


def check_lengths(texts: Sequence[str], limits: Limits) -> None:
    """Check the lengths of texts.

    Raises:
        RequestError: A text is too long.
    """
    for text in texts:
        if len(text) > limits.characters:
            raise invalid(f"`inputs` must have at most {limits.characters} characters. Given: {len(text)}")


def check_count(count: int, limits: Limits) -> None:
    """Check the number of texts of a request.

    Raises:
        RequestError: There are none or too many.
    """
    if count == 0:
        raise RequestError(400, "Empty", "`inputs` cannot be empty")
    if count > limits.texts:
        raise invalid(f"batch size {count} > maximum allowed batch size {limits.texts}")


def scores(found: HeadScores, activation: Activation | None) -> list[list[float]]:
    """The scores of n texts.

    Args:
        found: What was found.
        activation: Function of the logits; None is that of the problem.
    """
    if activation is None:
        return found.answers
    logits = found.predictions.logits
    if activation != "none":
        logits = probabilities(logits, "multi_label" if activation == "sigmoid" else "single_label")
    rows: list[list[float]] = logits.tolist()
    return rows


def ranked(names: Sequence[str], row: list[float], top: int | None) -> list[Prediction]:
    """Classes with their scores, best first; equal ones in the order of the classes.

    Args:
        names: The classes.
        row: Their scores.
        top: How many; None for all.
    """
    order = sorted(range(len(row)), key=row.__getitem__, reverse=True)
    return [Prediction(row[c], names[c]) for c in order[:top]]


def answers(
    heads: Sequence[Head], found: Found, activation: Activation | None = None, top: int | None = None
) -> list[Any]:
    """An answer per text: a list of :class:`Prediction`, or a dict of these by the name of the head.

    Args:
        heads: The questions.
        found: What was found.
        activation: Function of the logits; None is that of the problem.
        top: Classes per text; None for all.
    """
    rows = [
        [ranked(head.classes, row, top) for row in scores(found[head.name], activation)] for head in heads
    ]
    if not heads[0].name:
        return rows[0]
    names = [head.name for head in heads]
    return [dict(zip(names, row, strict=True)) for row in zip(*rows, strict=True)]


def deferred_in(found: Found) -> int:
    """How many texts of a request the teacher scored."""
    return sum(each.deferred for each in found.values())
