"""The expressions that choose texts, such as ``positive >= 0.9 and not label == "toxic"``.

expression = conjunction {"or" conjunction}
conjunction = negation {"and" negation}
negation = "not" negation | "(" expression ")" | comparison
comparison = name operator value
name = identifier | quoted | identifier "." quoted
operator = ">=" | "<=" | ">" | "<" | "==" | "!="
value = number | quoted | identifier
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from .names import Answers, ScoreName, ScoreNames, unquoted

Mask: TypeAlias = NDArray[np.bool_]
_Node: TypeAlias = Callable[[Answers], Mask]

_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
    "==": operator.eq,
    "!=": operator.ne,
}
_TOKEN = re.compile(
    r"""\s*(?:
        (?P<number>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?(?![\w.]))
      | (?P<of_head>[^\W\d][\w-]*\.(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'))
      | (?P<identifier>[^\W\d][\w.-]*)
      | (?P<quoted>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
      | (?P<operator>>=|<=|==|!=|>|<)
      | (?P<bracket>[()])
    )""",
    re.VERBOSE | re.DOTALL,
)
_LARGEST = float(np.finfo(np.float32).max)
_MOST_CHARACTERS = 10_000
_MOST_LEVELS = 100


@dataclass(frozen=True)
class Comparison:
    """A score and the value that it is compared with.

    Attributes:
        score: The score.
        value: A number, or a class.
    """

    score: ScoreName
    value: float | str


@dataclass(frozen=True)
class Expression:
    """A condition on the scores of a text.

    Attributes:
        text: The expression as it was written.
        comparisons: All comparisons in it, in order; at least one.
    """

    text: str
    comparisons: tuple[Comparison, ...]
    _node: _Node

    def mask(self, answers: Answers) -> Mask:
        """Which of n texts fulfil the condition, bool (n,)."""
        return self._node(answers)


def parse(text: str, names: ScoreNames) -> Expression:
    """Parse an expression.

    Args:
        text: The expression.
        names: The names that it can use.

    Raises:
        InputError: It is not an expression, or has an unknown name.
    """
    return _Parser(text, names).parsed()


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    position: int

    def is_word(self, word: str) -> bool:
        return self.kind in ("identifier", "bracket") and self.text == word


class _Parser:
    """Reads one expression from left to right."""

    def __init__(self, text: str, names: ScoreNames) -> None:
        if len(text) > _MOST_CHARACTERS:
            raise InputError(
                f"The expression has {len(text):,} characters: write one of at most {_MOST_CHARACTERS:,}."
            )
        self._text, self._names = text, names
        self._tokens = self._split()
        self._next = self._level = 0
        self._comparisons: list[Comparison] = []

    def parsed(self) -> Expression:
        node = self._either()
        if self._current.kind != "end":
            raise self._error("'and', 'or' or the end")
        return Expression(self._text, tuple(self._comparisons), node)

    def _split(self) -> list[_Token]:
        tokens, at = [], 0
        stripped = self._text.rstrip()
        while at < len(stripped):
            found = _TOKEN.match(stripped, at)
            if found is None or found.lastgroup is None:
                rest = stripped[at:].lstrip()
                raise InputError(
                    f"The expression {self._text!r} cannot be read from {rest[:20]!r} on: write comparisons "
                    'such as score >= 3 or label == "name", joined by and, or, not and parentheses.'
                )
            tokens.append(_Token(found.lastgroup, found[found.lastgroup], found.start(found.lastgroup)))
            at = found.end()
        return [*tokens, _Token("end", "", len(stripped))]

    @property
    def _current(self) -> _Token:
        return self._tokens[self._next]

    def _take(self) -> _Token:
        token = self._current
        self._next += token.kind != "end"
        return token

    def _error(self, wanted: str) -> InputError:
        found = "its end" if self._current.kind == "end" else repr(self._current.text)
        return InputError(f"The expression {self._text!r} has {found} in the place of {wanted}: correct it.")

    def _either(self) -> _Node:
        nodes = [self._both()]
        while self._current.is_word("or"):
            self._take()
            nodes.append(self._both())
        return nodes[0] if len(nodes) == 1 else lambda found: np.any([node(found) for node in nodes], axis=0)

    def _both(self) -> _Node:
        nodes = [self._negation()]
        while self._current.is_word("and"):
            self._take()
            nodes.append(self._negation())
        return nodes[0] if len(nodes) == 1 else lambda found: np.all([node(found) for node in nodes], axis=0)

    def _negation(self) -> _Node:
        self._level += 1
        if self._level > _MOST_LEVELS:
            raise InputError(f"The expression has more than {_MOST_LEVELS} levels: write a simpler one.")
        if self._current.is_word("not"):
            self._take()
            inner = self._negation()
            node: _Node = lambda found: ~inner(found)  # noqa: E731
        elif self._current.is_word("("):
            self._take()
            node = self._either()
            if not self._current.is_word(")"):
                raise self._error("')'")
            self._take()
        else:
            node = self._comparison()
        self._level -= 1
        return node

    def _comparison(self) -> _Node:
        token = self._current
        if token.kind not in ("identifier", "quoted", "of_head") or token.text in ("and", "or", "not"):
            raise self._error("a name")
        self._take()
        score = self._names.find(token.text)
        if self._current.kind != "operator":
            raise self._error("one of >=, <=, >, <, == and !=")
        sign = self._take().text
        if score.labels is not None:
            return self._of_label(score, tuple(score.labels), sign)
        return self._of_number(score, sign)

    def _of_number(self, score: ScoreName, sign: str) -> _Node:
        if self._current.kind != "number":
            raise self._error("a number")
        value = float(self._take().text)
        if abs(value) > _LARGEST:
            raise InputError(
                f"The expression {self._text!r} has a number above {_LARGEST:g}: write a lower one."
            )
        self._comparisons.append(Comparison(score, value))
        # As float32: a score that is printed as 0.9 is at least 0.9.
        bound, compare = np.float32(value), _OPERATORS[sign]
        return lambda found: np.asarray(compare(score.values(found), bound))

    def _of_label(self, score: ScoreName, labels: tuple[str, ...], sign: str) -> _Node:
        if sign not in ("==", "!="):
            raise InputError(
                f"The expression {self._text!r} compares {score.name} by {sign}: use == or != for classes."
            )
        if self._current.kind not in ("number", "identifier", "quoted"):
            raise self._error("a class")
        token = self._take()
        value = unquoted(token.text) if token.kind == "quoted" else token.text
        if value not in labels:
            known = ", ".join(map(repr, labels))
            owner = f"the head {score.head.name}" if score.head.name else "this student"
            raise InputError(f"{value!r} is not a class of {owner}: use one of {known}.")
        self._comparisons.append(Comparison(score, value))
        compare = _OPERATORS[sign]
        return lambda found: np.asarray(compare(score.values(found), value), bool)
