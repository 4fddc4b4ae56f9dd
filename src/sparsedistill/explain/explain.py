"""Why a student answers as it does: what each n-gram adds to each class."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .. import _core
from ..errors import InputError
from ..model.compact import CompactWeights
from ..model.pairs import text_means
from ..model.student_model import StudentModel
from ..model.weights import StudentWeights
from .render import as_html, as_terminal

if TYPE_CHECKING:
    from rich.console import RenderableType

    from ..vocabulary.config import TokenizerConfig

Floats = NDArray[np.float64]

_CHUNK = 1 << 16  # rows of a table that are weighed at once


@dataclass(frozen=True)
class Span:
    """An n-gram of a text that the student knows.

    Attributes:
        begin: Its first character, where it stands first.
        end: The character behind its last one.
        ngram: Its folded tokens with a space between; the text's boundaries are STX and ETX. One of
            characters begins with ``##``, and stands where its word does.
        places: (begin, end) of all its occurrences. A text's mean counts an n-gram once, however often
            it occurs.
        second: It stands in the second text of a pair.
    """

    begin: int
    end: int
    ngram: str
    places: tuple[tuple[int, int], ...]
    second: bool = False


class Word(NamedTuple):
    """A token of a text, and its share of what the n-grams over it add.

    Attributes:
        begin: Its first character.
        end: The character behind its last one.
        evidence: See :meth:`Explanation.evidence`.
    """

    begin: int
    end: int
    evidence: float


@dataclass(frozen=True, repr=False)
class Explanation:
    """What a student makes of a text: ``logits == empty_logits + contributions.sum(axis=0)``.

    Attributes:
        text: The text, or the first one of a pair.
        text_pair: The second one.
        classes: The names of the classes.
        multi_label: The classes do not exclude each other.
        spans: The n-grams that the student knows, each once, in the order of the text.
        contributions: float32 (spans, classes), what each adds to the logits.
        empty_logits: float32 (classes,), the student's answer to no n-grams: to the empty text, unless the
            boundaries of a text are tokens.
        logits: float32 (classes,), its answer to this one.
    """

    text: str
    text_pair: str | None
    classes: tuple[str, ...]
    multi_label: bool
    spans: tuple[Span, ...]
    contributions: NDArray[np.float32]
    empty_logits: NDArray[np.float32]
    logits: NDArray[np.float32]

    @property
    def label(self) -> str:
        """The class with the highest logit."""
        return self.classes[int(self.logits.argmax())]

    def evidence(self, label: str | None = None) -> NDArray[np.float32]:
        """What each n-gram says for a class rather than for the others, float32 (spans,).

        That is its contribution to the class, less the mean of its contributions to the other classes
        unless classes do not exclude each other; below 0 it speaks against the class.

        Args:
            label: The class; by default the one with the highest logit.

        Raises:
            InputError: There is no such class.
        """
        return _for_class(self.contributions, self._index(label), self.multi_label)

    def empty_evidence(self, label: str | None = None) -> float:
        """The same for the text without n-grams: what the n-grams' evidence is added to.

        Raises:
            InputError: There is no such class.
        """
        return float(_for_class(self.empty_logits[None], self._index(label), self.multi_label)[0])

    def strongest(self, label: str | None = None, count: int = 10) -> list[tuple[Span, float]]:
        """The n-grams with the most evidence for or against a class, strongest first.

        Raises:
            InputError: There is no such class.
        """
        evidence = self.evidence(label)
        order = np.argsort(-np.abs(evidence), kind="stable")[: max(count, 0)]
        return [(self.spans[i], float(evidence[i])) for i in order]

    def words(self, label: str | None = None, *, second: bool = False) -> list[Word]:
        """The tokens of a text with their shares: an n-gram's evidence, split evenly over its tokens.

        An n-gram that occurs several times is split over all its occurrences. Tokens of a text add up
        to its n-grams, but for n-grams of boundaries alone.

        Args:
            label: See :meth:`evidence`.
            second: Those of the second text of a pair.

        Raises:
            InputError: There is no such class.
        """
        text = self.text_pair if second else self.text
        if text is None:
            return []
        _, begins, ends = _tokens(text, boundaries=False)
        owners, places = self._places(second)
        first = np.searchsorted(begins, places[:, 0], side="left")
        stop = np.maximum(np.searchsorted(ends, places[:, 1], side="right"), first)
        tokens = np.bincount(owners, stop - first, len(self.spans))
        each = self.evidence(label)[owners] / np.maximum(tokens[owners], 1)
        steps = (np.bincount(at, each, len(begins) + 1) for at in (first, stop))
        shares = np.cumsum(np.subtract(*steps))[:-1]
        return [Word(*word) for word in zip(begins.tolist(), ends.tolist(), shares.tolist(), strict=True)]

    def to_html(self, label: str | None = None, count: int = 10) -> str:
        """A piece of HTML that stands alone: the text with its words coloured, and the strongest n-grams.

        Args:
            label: See :meth:`evidence`.
            count: n-grams to list.

        Raises:
            InputError: There is no such class.
        """
        return as_html(self, label or self.label, count)

    def to_terminal(self, label: str | None = None, count: int = 10) -> RenderableType:
        """The same for a :class:`rich.console.Console`.

        Raises:
            InputError: There is no such class.
        """
        return as_terminal(self, label or self.label, count)

    def _repr_html_(self) -> str:
        return self.to_html()

    def __repr__(self) -> str:
        said = ", ".join(f"{value:+.2f} {span.ngram!r}" for span, value in self.strongest(count=5))
        return f"Explanation({self.label}, {len(self.spans)} n-grams: {said})"

    def _places(self, second: bool) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """All occurrences in one of the texts: whose each is, (n,), and its characters, (n, 2)."""
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


def explain(student: StudentModel, text: str, text_pair: str | None = None) -> Explanation:
    """What each n-gram of a text adds to each class.

    These are integrated gradients (Sundararajan et al. 2017) from the text without n-grams to this one,
    along the straight line between what the head reads of the two. On it each hidden unit's input goes
    straight from ``b`` to ``b + d``, so that the integral is known: the unit's change ``tanh(b + d) -
    tanh(b)`` is shared out as the n-grams share in ``d``. Nothing is approximated, and the contributions
    add up to the difference of the logits. In pairs, a product ``u * v`` belongs to both texts by halves
    and ``|u - v|`` to each by its sign, which are the integrated gradients of these two; what an n-gram adds
    because both texts have it belongs to them by halves.

    Args:
        student: A trained or compact student.
        text: The text, or the first one of a pair.
        text_pair: The second one.

    Raises:
        InputError: A text is no str, or a pair is wanted or not wanted.
    """
    for given in (text, text_pair):
        if given is not None and not isinstance(given, str):
            raise InputError(f"The text to explain is a {type(given).__name__}: pass one str.")
    logits = student.score([text], None if text_pair is None else [text_pair]).logits[0]
    sides = [_Side.of(student, side) for side in (text, text_pair) if side is not None]
    spans = [span for number, side in enumerate(sides) for span in side.spans(second=number == 1)]
    contributions = _contributions(student.weights, sides).astype(np.float32)
    return Explanation(
        text=text,
        text_pair=text_pair,
        classes=student.classes,
        multi_label=student.multi_label,
        spans=tuple(spans),
        contributions=contributions,
        empty_logits=_empty_logits(student.weights),
        logits=logits,
    )


def strongest_ngrams(student: StudentModel, count: int) -> dict[str, list[tuple[str, float]]]:
    """Each class's n-grams with the most evidence: what one more n-gram moves in a text that is undecided.

    Ranked by the gradient at the empty text. On IMDB the first 25 of a class are, but for one, the first 25
    of n-grams as texts of their own, which would need a tanh for each row. Rare n-grams do not crowd the
    list, for training moves a row the further the more often it occurs; weighing by frequency would bring up
    function words. An n-gram that holds a stronger one, or stands in one, is left out.

    Args:
        student: A student of single texts with its strings (:attr:`Vocabulary.ngrams`).
        count: n-grams a class.

    Returns:
        For each class (n-gram, evidence), strongest first.

    Raises:
        InputError: The student compares pairs, or has no strings.
    """
    network, ngrams = student.weights, student.vocabulary.ngrams
    if student.pair or ngrams is None:
        raise InputError(
            "The strongest n-grams are known of students of single texts with an ngrams.parquet: "
            "explain a text instead."
        )
    slopes = 1 - np.tanh(network.hidden_bias.astype(np.float64)) ** 2
    weight = (network.output_weight * slopes) @ network.hidden_weight
    toward = np.stack([_for_class(weight.T, c, student.multi_label) for c in range(len(student.classes))])
    scores = np.full((len(ngrams), len(toward)), -np.inf)
    table = _Table(student)
    for begin in range(0, len(ngrams), _CHUNK):
        places, rows = table.find(ngrams[begin : begin + _CHUNK])
        scores[begin + places] = rows @ toward.T
    return {
        label: _distinct(((ngrams[row], float(scores[row, c])) for row in np.argsort(-scores[:, c])), count)
        for c, label in enumerate(student.classes)
    }


# ---- parts ---------------------------------------------------------------------------------------


class _Table:
    """n-grams to rows as the head's first layer reads them, whatever the form of the student."""

    def __init__(self, student: StudentModel) -> None:
        vocabulary = student.vocabulary
        self._find: Callable[[NDArray[np.uint64]], tuple[NDArray[np.int64], Floats]]
        if isinstance(student.weights, CompactWeights):
            core = student.weights.core_table(vocabulary.tokenizer, closed=vocabulary.closed)
            self._find = partial(_find_packed, core, student.weights)
        else:
            self._find = partial(_find_rows, vocabulary.core, student.weights.table)

    def find(self, ngrams: Sequence[str]) -> tuple[NDArray[np.int64], Floats]:
        """Which of `ngrams` have a row, (found,), and the rows, (found, dim).

        Raises:
            InputError: The student is damaged.
        """
        try:
            return self._find(_core.keys_of(list(ngrams)))
        except ValueError as error:
            raise InputError(f"The student is damaged ({error}): copy or save it again.") from error


def _find_packed(
    core: _core.CompactTable, network: CompactWeights, keys: NDArray[np.uint64]
) -> tuple[NDArray[np.int64], Floats]:
    places, packed = core.find(keys)
    return places, network.unpacked(packed)


def _find_rows(
    core: _core.Vocabulary, table: NDArray[np.float32], keys: NDArray[np.uint64]
) -> tuple[NDArray[np.int64], Floats]:
    rows = core.find(keys)
    places = np.flatnonzero(rows >= 0)
    return places, table[rows[places]].astype(np.float64)


@dataclass(frozen=True)
class _Side:
    """The known n-grams of one text, each once, with their places (n lists) and rows (n, dim)."""

    ngrams: list[str]
    places: list[list[tuple[int, int]]]
    rows: Floats

    @classmethod
    def of(cls, student: StudentModel, text: str) -> _Side:
        """Look the n-grams up as core/vocabulary.hpp does: order by order, and not past a missing prefix."""
        table, vocabulary = _Table(student), student.vocabulary
        tokens, begins, ends = _tokens(text, boundaries=vocabulary.tokenizer.boundaries)
        places: dict[str, list[tuple[int, int]]] = {}
        rows: list[Floats] = []
        first, last = begins.tolist(), ends.tolist()
        candidates = dict(enumerate(tokens))  # n-grams of one order, by the token that they begin with
        for order in range(1, vocabulary.tokenizer.max_ngram + 1):
            distinct = list(dict.fromkeys(candidates.values()))
            found, embeddings = table.find(distinct)
            known = {distinct[i] for i in found}
            places.update({distinct[i]: [] for i in found})
            rows.append(embeddings)
            for start, ngram in candidates.items():
                if ngram in known:
                    places[ngram].append((first[start], last[start + order - 1]))
            candidates = {
                start: f"{ngram} {tokens[start + order]}"
                for start, ngram in candidates.items()
                if start + order < len(tokens) and (ngram in known or not vocabulary.closed)
            }
        words: dict[str, list[tuple[int, int]]] = {}
        for ngram, begin, end in _characters(text, vocabulary.tokenizer):
            words.setdefault(ngram, []).append((begin, end))
        distinct = list(words)
        found, embeddings = table.find(distinct)
        rows.append(embeddings)
        # One that a word has twice stands there once.
        places.update({distinct[i]: list(dict.fromkeys(words[distinct[i]])) for i in found})
        ngrams = list(places)
        order_in_text = sorted(range(len(ngrams)), key=lambda i: places[ngrams[i]][0])
        return cls(
            [ngrams[i] for i in order_in_text],
            [places[ngrams[i]] for i in order_in_text],
            np.concatenate(rows)[order_in_text],
        )

    def spans(self, *, second: bool) -> Iterator[Span]:
        for ngram, places in zip(self.ngrams, self.places, strict=True):
            yield Span(*places[0], ngram, tuple(places), second)


def _empty_logits(network: StudentWeights | CompactWeights) -> NDArray[np.float32]:
    units = np.tanh(network.hidden_bias.astype(np.float64))
    return (network.output_weight @ units + network.output_bias).astype(np.float32)


class _Group(NamedTuple):
    """n-grams that move the inputs of the hidden units alike: each by ``weight @ row + constant``.

    Attributes:
        places: int64 (n,), which they are of all n-grams of a text or pair.
        weight: (hidden, dim).
        constant: (hidden,).
    """

    places: NDArray[np.int64]
    weight: Floats
    constant: Floats | float = 0.0


def _contributions(network: StudentWeights | CompactWeights, sides: Sequence[_Side]) -> Floats:
    """What each n-gram adds to the logits, (n-grams, classes)."""
    rows = np.concatenate([side.rows for side in sides])
    hidden = network.hidden_weight.astype(np.float64)
    if len(sides) == 1:
        groups = [_Group(np.arange(len(rows)), hidden / max(len(rows), 1))]
    else:
        back = network.basis if isinstance(network, CompactWeights) else None
        groups = _pair_groups(
            hidden, np.eye(rows.shape[1]) if back is None else back.astype(np.float64), sides
        )
    moved = np.zeros(len(hidden))
    for places, weight, constant in groups:
        moved += weight @ rows[places].sum(axis=0) + len(places) * constant
    rates = network.output_weight * _mean_slope(network.hidden_bias.astype(np.float64), moved)
    contributions = np.empty((len(rows), len(rates)))
    for places, weight, constant in groups:
        contributions[places] = rows[places] @ (rates @ weight).T + (rates * constant).sum(axis=1)
    return contributions


def _pair_groups(hidden: Floats, basis: Floats, sides: Sequence[_Side]) -> list[_Group]:
    """The n-grams of a pair: of each text those that the other has too, and those that it has alone."""
    common = set(sides[0].ngrams) & set(sides[1].ngrams)
    shared = [np.array([ngram in common for ngram in side.ngrams], bool) for side in sides]
    counts = np.array([len(common), *(np.count_nonzero(~both) for both in shared)])
    each = 1 / max(counts.sum(), 1)
    sums = [sides[0].rows[shared[0]], *(side.rows[~both] for side, both in zip(sides, shared, strict=True))]
    parts = np.stack([part.sum(axis=0) for part in sums]) @ basis.T * each
    u, v = (mean[0] for mean in text_means(parts[None], counts[None] * each))
    dim = len(basis)
    *of_parts, product, distance, of_shares = np.split(hidden, dim * np.arange(1, 6), axis=1)
    groups = []
    for number, (both, other, sign) in enumerate(zip(shared, (v, u), np.sign([u - v, v - u]), strict=True)):
        of_text = (product * other / 2 + distance * sign) / max(len(both), 1)
        begin = number * len(shared[0])
        for part, share, chosen in ((0, 0.5, both), (number + 1, 1.0, ~both)):
            weight = of_parts[part] * each * share + of_text
            places = begin + np.flatnonzero(chosen)
            groups.append(_Group(places, weight @ basis, of_shares[:, part] * each * share))
    return groups


def _mean_slope(start: Floats, moved: Floats) -> Floats:
    """``(tanh(start + moved) - tanh(start)) / moved``, also where `moved` is 0 or next to it.

    By ``tanh a - tanh b = tanh(a - b) (1 - tanh a tanh b)``, in which nothing cancels for a small move.
    """
    still = np.abs(moved) < 1e-9
    ratio = np.where(still, 1.0, np.tanh(moved) / np.where(still, 1.0, moved))
    slope: Floats = ratio * (1 - np.tanh(start) * np.tanh(start + moved))
    return slope


def _tokens(text: str, *, boundaries: bool) -> tuple[list[str], NDArray[np.int64], NDArray[np.int64]]:
    """The folded tokens of a text, and the characters where each begins and ends, int64 (tokens,)."""
    return _in_characters(text, _core.tokenize(text, boundaries))


def _characters(text: str, tokenizer: TokenizerConfig) -> Iterator[tuple[str, int, int]]:
    """The character n-grams of a text, and where the word of each begins and ends."""
    ngrams, begins, ends = _in_characters(text, _core.characters(text, tokenizer.core))
    return zip(ngrams, begins.tolist(), ends.tolist(), strict=True)


def _in_characters(
    text: str, found: Sequence[tuple[str, int, int]]
) -> tuple[list[str], NDArray[np.int64], NDArray[np.int64]]:
    """Strings found in a text with their spans, int64 (n,) each, which come in bytes, in characters."""
    strings = [string for string, _, _ in found]
    begins, ends = np.array([span for _, *span in found], np.int64).reshape(-1, 2).T
    if not text.isascii():
        codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
        behind = np.cumsum(1 + (codes >= 0x80) + (codes >= 0x800) + (codes >= 0x10000))  # in bytes
        empty = begins == ends  # a boundary
        begins = np.searchsorted(behind, begins, side="right")
        ends = np.where(empty, begins, np.searchsorted(behind, ends - 1, side="right") + 1)
    return strings, begins, ends


def _for_class(contributions: NDArray[Any], c: int, multi_label: bool) -> NDArray[Any]:
    """Contributions (n, classes) to class `c`, less the mean of those to the other classes."""
    chosen: NDArray[Any] = contributions[:, c]
    if multi_label or contributions.shape[1] < 2:
        return chosen
    rather: NDArray[Any] = chosen - np.delete(contributions, c, axis=1).mean(axis=1)
    return rather


def _distinct(ranked: Iterator[tuple[str, float]], count: int) -> list[tuple[str, float]]:
    """The first `count` that neither hold nor stand in one before them."""
    taken: list[tuple[str, float]] = []
    for ngram, score in ranked:
        if len(taken) >= count:
            break
        padded = f" {ngram} "
        if not any(f" {other} " in padded or padded in f" {other} " for other, _ in taken):
            taken.append((ngram, score))
    return taken
