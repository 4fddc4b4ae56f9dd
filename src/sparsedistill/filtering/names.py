"""The names of scores: what an expression can name, and its values."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..model.heads import Head
from ..model.predictions import Predictions

#: Name of the number of a regression, and of the probability of the predicted class.
SCORE = "score"
#: Name of the predicted class.
LABEL = "label"

#: The predictions for n texts by the name of the head; that of the only question of a student is empty.
Answers: TypeAlias = Mapping[str, Predictions]
Values: TypeAlias = Callable[[Answers], NDArray[Any]]

_QUOTED = re.compile(
    r"""(?P<head>[^\W\d][\w-]*\.)?(?P<quoted>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')""", re.DOTALL
)
_IDENTIFIER = re.compile(r"[^\W\d][\w.-]*")


@dataclass(frozen=True)
class ScoreName:
    """A score of a text that has a name.

    Attributes:
        name: Its name in expressions, without quotes.
        head: The question that it is about.
        values: Gives the numbers (n,) for n texts; for a label the classes (n,).
        of_class: The class whose probability it is; None for other scores.
        labels: For a label, the probability of each class; None for numbers.
    """

    name: str
    head: Head
    values: Values
    of_class: str | None = None
    labels: Mapping[str, ScoreName] | None = None


class ScoreNames:
    """All names of the scores of a classifier: the only place that says what a name means.

    The only question of a student has ``score`` if it is a regression; its classes, ``label`` and ``score``
    if it is single-label; its classes if it is multi-label. Of several questions, a regression has the name
    of its head; a single-label head ``HEAD`` for the class, ``HEAD.score`` and ``HEAD.CLASS``; a multi-label
    one ``HEAD.CLASS``.

    Args:
        heads: The questions.
    """

    def __init__(self, heads: Sequence[Head]) -> None:
        self._heads = tuple(heads)
        self._own: dict[str, ScoreName] = {}
        self._classes: dict[str, ScoreName] = {}
        for head in heads:
            self._add(head)

    @property
    def default(self) -> ScoreName | None:
        """The score that texts are ranked by if none is named: the number of the only question."""
        only = next(iter(self._own.values()), None)
        return only if len(self._heads) == 1 and not self._classes else None

    def find(self, written: str) -> ScoreName:
        """What a name means, as it is written in an expression: bare, in quotes, or with the class in quotes.

        A class that is called ``label`` or ``score`` has to be quoted.

        Raises:
            InputError: The name is not known. The message has the known ones.
        """
        quoted = _QUOTED.fullmatch(written)
        name = written if quoted is None else (quoted["head"] or "") + unquoted(quoted["quoted"])
        first, second = (self._own, self._classes) if quoted is None else (self._classes, self._own)
        found = first.get(name) or second.get(name)
        if found is None:
            raise InputError(f"{name!r} is not a score of this student: use one of {self}.")
        return found

    def __str__(self) -> str:
        return ", ".join(name for head in self._heads for name in self._written(head))

    def _add(self, head: Head) -> None:
        """Add the names of a question."""
        start = f"{head.name}." if head.name else ""
        if head.problem == "regression":
            name = head.name or SCORE
            self._own[name] = ScoreName(name, head, lambda found: found[head.name].answers[:, 0])
            return
        shares = {
            name: ScoreName(start + name, head, _probability(head, i), name)
            for i, name in enumerate(head.classes)
        }
        self._classes |= {score.name: score for score in shares.values()}
        if head.problem == "single_label":
            label, best, classes = head.name or LABEL, start + SCORE, np.array(head.classes, object)
            self._own[label] = ScoreName(
                label, head, lambda found: classes[found[head.name].logits.argmax(axis=1)], labels=shares
            )
            self._own[best] = ScoreName(best, head, lambda found: found[head.name].answers.max(axis=1))

    def _written(self, head: Head) -> list[str]:
        """The names of a question as they are written in an expression."""
        names = [name for name, score in self._own.items() if score.head == head]
        if head.problem == "regression":
            return names
        if not head.name:
            return [*names, *map(repr, head.classes)]
        bare = {
            name: _IDENTIFIER.fullmatch(name) is not None and f"{head.name}.{name}" not in self._own
            for name in head.classes
        }
        return [*names, *(f"{head.name}.{name if bare[name] else repr(name)}" for name in head.classes)]


def unquoted(text: str) -> str:
    """Text without the quotes around it, and without the backslashes that protect characters in it."""
    return re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.DOTALL)


def _probability(head: Head, i: int) -> Values:
    return lambda found: found[head.name].answers[:, i]
