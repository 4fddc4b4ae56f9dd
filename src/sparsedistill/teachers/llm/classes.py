"""From the log-probabilities of tokens to those of classes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ...errors import InputError
from ..scores import SMALLEST_PROBABILITY, check_format
from .request import Answer, Position

#: Log-probabilities below this one are treated as equal to it.
_LEAST = math.log(SMALLEST_PROBABILITY)


@dataclass(frozen=True)
class Reading:
    """The scores in an answer.

    Attributes:
        scores: One per class, or a number; None if the answer has neither.
        floored: Number of classes that were not among the listed tokens.
    """

    scores: tuple[float, ...] | None
    floored: int


class ClassTokens:
    """Finds classes among the most probable tokens of an answer.

    A token stands for a class if it is the beginning of that class's answer and of no other one, ignoring
    case and white space.

    Args:
        classes: Class names.
        answers: How the model answers for each class.

    Raises:
        InputError: There are fewer than two classes, or two answers begin with the same word.
    """

    def __init__(self, classes: Sequence[str], answers: Sequence[str]) -> None:
        check_format(classes, "logits")
        self._answers = [_plain(answer) for answer in answers]
        first: dict[str, str] = {}
        for name, answer in zip(classes, self._answers, strict=True):
            if not answer:
                raise InputError(f"The class {name!r} has an empty answer: give it a word.")
            word = answer.split()[0]
            if word in first:
                raise InputError(
                    f"The answers for {first[word]!r} and {name!r} begin with the same word, which alone is "
                    "read: give a table of classes and answers that differ, such as A and B."
                )
            first[word] = name

    def read(self, answer: Answer) -> Reading:
        """Return the log-probabilities of the classes; they sum to 1 as probabilities.

        White space and punctuation before the first word are skipped. A class that is not listed gets the
        highest log-probability that it can have: that of the last token that is, or what the listed tokens
        leave over, if that is less.

        Raises:
            InputError: The answer has no log-probabilities.
        """
        if not any(position.top for position in answer.positions):
            raise InputError(
                "The server gives no log-probabilities of tokens: use a server or a model that does, or ask "
                "for numbers within bounds."
            )
        position = next((each for each in answer.positions if _plain(each.token)), answer.positions[0])
        found = self._found(position)
        if not any(found):
            return Reading(None, len(found))
        logs = [math.log(p) if p else _floor(position) for p in found]
        logs = [min(0.0, max(_LEAST, each)) for each in logs]
        total = math.log(math.fsum(map(math.exp, logs)))
        return Reading(tuple(each - total for each in logs), found.count(0.0))

    def _found(self, position: Position) -> list[float]:
        """The probability of each class; 0 if none of its tokens is listed."""
        found = [0.0] * len(self._answers)
        for token, logprob in position.top:
            plain = _plain(token)
            fitting = [i for i, answer in enumerate(self._answers) if plain and answer.startswith(plain)]
            if len(fitting) == 1:
                found[fitting[0]] += math.exp(min(0.0, max(_LEAST, logprob)))
        return found


def _floor(position: Position) -> float:
    listed = [logprob for _, logprob in position.top]
    left = 1 - math.fsum(math.exp(min(0.0, logprob)) for logprob in listed)
    return min(*listed, math.log(max(left, SMALLEST_PROBABILITY)))


def _plain(token: str) -> str:
    """A token without case, white space, and punctuation around it."""
    return token.strip(" \t\r\n▁Ġ*_\"'`([{<:.,-#").casefold()
