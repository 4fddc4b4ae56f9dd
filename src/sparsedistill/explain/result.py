"""The explanation of one prediction."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..problem import Problem
from .positions import tokens_of
from .render import Row, Side, Word, as_html, as_terminal, shown

if TYPE_CHECKING:
    from rich.console import RenderableType


@dataclass(frozen=True)
class Span:
    """An n-gram of a text that the student knows, or a word that it reads by its characters.

    Attributes:
        begin: First character of its first occurrence.
        end: The character after the last one of its first occurrence.
        ngram: Its folded tokens separated by spaces; the boundaries of a text are STX and ETX.
        places: (begin, end) of all its occurrences. An n-gram counts once per text, however often it occurs.
        second: It is in the second text of a pair.
        characters: It is a word that is not in the vocabulary, read by its character n-grams.
    """

    begin: int
    end: int
    ngram: str
    places: tuple[tuple[int, int], ...]
    second: bool = False
    characters: bool = False


@dataclass(frozen=True)
class ExplainedNgram:
    """An n-gram of an :class:`ExplanationRecord`.

    Attributes:
        ngram: See :class:`Span`, as for `begin`, `end`, `second` and `characters`.
        begin: See there.
        end: See there.
        second: See there.
        characters: See there.
        evidence: See :meth:`Explanation.evidence`.
        contributions: What it adds to the logit of each class.
    """

    ngram: str
    begin: int
    end: int
    second: bool
    characters: bool
    evidence: float
    contributions: dict[str, float]


@dataclass(frozen=True)
class ExplanationRecord:
    """An explanation as JSON values.

    Attributes:
        text: The text, or the first one of a pair.
        text_pair: The second text of a pair.
        label: The class that is explained.
        logits: The logit of each class, or the number.
        empty_logits: The same of the text without n-grams.
        ngrams: The strongest n-grams, strongest first.
    """

    text: str
    text_pair: str | None
    label: str
    logits: dict[str, float]
    empty_logits: dict[str, float]
    ngrams: list[ExplainedNgram]


@dataclass(frozen=True, repr=False)
class Explanation:
    """Why the answer for a text is what it is: ``logits == empty_logits + contributions.sum(axis=0)``.

    Attributes:
        text: The text, or the first one of a pair.
        text_pair: The second text of a pair.
        classes: The class names.
        problem: What the student says of a text.
        spans: What the student reads of the texts, each item once, in the order of the text.
        contributions: float32 (spans, classes), what each adds to the logits.
        empty_logits: float32 (classes,), the logits without n-grams: those of the empty text, unless the
            boundaries of a text are tokens.
        logits: float32 (classes,), the logits of the text.
    """

    text: str
    text_pair: str | None
    classes: tuple[str, ...]
    problem: Problem
    spans: tuple[Span, ...]
    contributions: NDArray[np.float32]
    empty_logits: NDArray[np.float32]
    logits: NDArray[np.float32]

    @property
    def label(self) -> str:
        """The class with the highest logit."""
        return self.classes[int(self.logits.argmax())]

    def evidence(self, label: str | None = None) -> NDArray[np.float32]:
        """How much each n-gram contributes to a class compared with the others, float32 (spans,).

        It is the contribution to the class minus the mean contribution to the other classes; if the classes
        do not exclude each other, and for a regression, the contribution alone. A negative value counts
        against the class, or makes the number smaller.

        Args:
            label: The class; by default the one with the highest logit.

        Raises:
            InputError: There is no such class.
        """
        return class_evidence(self.contributions, self._index(label), self.problem)

    def empty_evidence(self, label: str | None = None) -> float:
        """The same for the text without n-grams: what the evidence of the n-grams is added to.

        Raises:
            InputError: There is no such class.
        """
        return float(class_evidence(self.empty_logits[None], self._index(label), self.problem)[0])

    def strongest(self, label: str | None = None, count: int = 10) -> list[tuple[Span, float]]:
        """The n-grams with the most evidence for or against a class, strongest first.

        Raises:
            InputError: There is no such class, or `count` is not a whole number.
        """
        if not isinstance(count, Integral):
            raise InputError(f"count is {count!r}: give a whole number.")
        evidence = self.evidence(label)
        order = np.argsort(-np.abs(evidence), kind="stable")[: max(count, 0)]
        return [(self.spans[i], float(evidence[i])) for i in order]

    def record(self, label: str | None = None, count: int = 10) -> ExplanationRecord:
        """This explanation as JSON values, with its `count` strongest n-grams.

        Raises:
            InputError: There is no such class.
        """
        places = {id(span): row for row, span in enumerate(self.spans)}
        ngrams = [
            ExplainedNgram(
                shown(span.ngram),
                span.begin,
                span.end,
                span.second,
                span.characters,
                evidence,
                self._by_class(self.contributions[places[id(span)]]),
            )
            for span, evidence in self.strongest(label, count)
        ]
        return ExplanationRecord(
            self.text,
            self.text_pair,
            self.label if label is None else label,
            self._by_class(self.logits),
            self._by_class(self.empty_logits),
            ngrams,
        )

    def _by_class(self, values: NDArray[np.float32]) -> dict[str, float]:
        return dict(zip(self.classes, values.tolist(), strict=True))

    def words(self, label: str | None = None, *, second: bool = False) -> list[Word]:
        """The tokens of a text with their shares: the evidence of an n-gram is split evenly over its tokens.

        The evidence of an n-gram that occurs several times is split over all its occurrences. The tokens of
        a text add up to its n-grams, except n-grams that consist of boundaries alone.

        Args:
            label: See :meth:`evidence`.
            second: Return those of the second text of a pair.

        Raises:
            InputError: There is no such class.
        """
        text = self.text_pair if second else self.text
        if text is None:
            return []
        _, begins, ends = tokens_of(text, boundaries=False)
        owners, places = self._places(second)
        first = np.searchsorted(begins, places[:, 0], side="left")
        stop = np.maximum(np.searchsorted(ends, places[:, 1], side="right"), first)
        tokens = np.bincount(owners, stop - first, len(self.spans))
        each = self.evidence(label)[owners] / np.maximum(tokens[owners], 1)
        steps = (np.bincount(at, each, len(begins) + 1) for at in (first, stop))
        shares = np.cumsum(np.subtract(*steps))[:-1]
        return [Word(*word) for word in zip(begins.tolist(), ends.tolist(), shares.tolist(), strict=True)]

    def to_html(self, label: str | None = None, count: int = 10) -> str:
        """A self-contained piece of HTML: the text with coloured words, and the strongest n-grams.

        Args:
            label: See :meth:`evidence`.
            count: Number of n-grams to list.

        Raises:
            InputError: There is no such class.
        """
        label = self.label if label is None else label
        return as_html(label, self._sides(label), self._rows(label, count))

    def to_terminal(self, label: str | None = None, count: int = 10) -> RenderableType:
        """The same for a :class:`rich.console.Console`.

        Raises:
            InputError: There is no such class.
        """
        label = self.label if label is None else label
        return as_terminal(label, self._sides(label), self._rows(label, count))

    def _repr_html_(self) -> str:
        return self.to_html()

    def __repr__(self) -> str:
        strongest = ", ".join(f"{value:+.2f} {span.ngram!r}" for span, value in self.strongest(count=5))
        return f"Explanation({self.label}, {len(self.spans)} n-grams: {strongest})"

    def _sides(self, label: str) -> list[Side]:
        """The texts with their words."""
        sides = [Side(self.text, self.words(label))]
        if self.text_pair is not None:
            sides.append(Side(self.text_pair, self.words(label, second=True)))
        return sides

    def _rows(self, label: str, count: int) -> list[Row]:
        """The strongest n-grams, the sum of all others, and what these are added to."""
        strongest = self.strongest(label, count)
        rows = [Row(value, _name(span), str(len(span.places))) for span, value in strongest]
        total = float(self.evidence(label).sum(dtype=float))
        if others := len(self.spans) - len(strongest):
            rest = total - sum(value for _, value in strongest)
            rows.append(Row(rest, f"({others:,} other n-grams)", ""))
        base = self.empty_evidence(label)
        return [*rows, Row(base, "(a text without n-grams)", ""), Row(base + total, "(total)", "")]

    def _places(self, second: bool) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """All occurrences in one text: the number of the span, (n,), and its characters, (n, 2)."""
        found = [
            (i, *place) for i, span in enumerate(self.spans) if span.second == second for place in span.places
        ]
        table = np.array(found, np.int64).reshape(-1, 3)
        return table[:, 0], table[:, 1:]

    def _index(self, label: str | None) -> int:
        label = self.label if label is None else label
        if label not in self.classes:
            raise InputError(f"There is no class {label!r}: name one of {', '.join(self.classes)}.")
        return self.classes.index(label)


def _name(span: Span) -> str:
    return f"{shown(span.ngram)} (by its characters)" if span.characters else shown(span.ngram)


def class_evidence(contributions: NDArray[Any], c: int, problem: Problem) -> NDArray[Any]:
    """Contributions (n, classes) to class `c`, minus the mean of those to the other classes."""
    chosen: NDArray[Any] = contributions[:, c]
    if problem != "single_label" or contributions.shape[1] < 2:
        return chosen
    difference: NDArray[Any] = chosen - np.delete(contributions, c, axis=1).mean(axis=1)
    return difference
