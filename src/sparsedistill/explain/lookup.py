"""The known n-grams of a text, with their places and their rows as the head reads them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from .. import _core
from ..errors import InputError
from ..model.compact import CompactWeights
from ..model.student_model import StudentModel
from .positions import characters_of, tokens_of
from .result import Span

Floats = NDArray[np.float64]

#: Keys of n-grams, uint64 (n,) -> which of them have a row, (found,), and the rows, (found, dim).
Find = Callable[[NDArray[np.uint64]], tuple[NDArray[np.int64], Floats]]


class RowTable:
    """n-grams to rows as the first layer of the head reads them, for trained and compact students."""

    def __init__(self, model: StudentModel) -> None:
        vocabulary, weights = model.vocabulary, model.weights
        self._find: Find
        if isinstance(weights, CompactWeights):
            core = weights.core_table(vocabulary.tokenizer, closed=vocabulary.closed)
            self._find = partial(_find_packed, core, weights)
        else:
            self._find = partial(_find_rows, vocabulary.core, weights.table)

    def find(self, ngrams: Sequence[str]) -> tuple[NDArray[np.int64], Floats]:
        """Which of `ngrams` have a row, int64 (found,), and the rows, float64 (found, dim).

        Raises:
            InputError: The student is damaged.
        """
        try:
            return self._find(_core.keys_of(list(ngrams)))
        except ValueError as error:
            raise InputError(f"The student is damaged ({error}): copy or save it again.") from error


@dataclass(frozen=True)
class KnownNgrams:
    """The n-grams of one text that a student knows, each once, in the order of the text.

    Attributes:
        ngrams: n n-grams.
        places: All occurrences of each, as (begin, end) in characters.
        rows: float64 (n, dim).
    """

    ngrams: list[str]
    places: list[list[tuple[int, int]]]
    rows: Floats

    @classmethod
    def of(cls, model: StudentModel, text: str) -> KnownNgrams:
        """Look the n-grams of `text` up as core/vocabulary does.

        That is order by order; in a closed vocabulary, an n-gram whose prefix is missing is not looked up.
        """
        places: dict[str, list[tuple[int, int]]] = {}
        rows: list[Floats] = []
        table = RowTable(model)
        for found, embeddings in (*_tokens(model, table, text), _characters(model, table, text)):
            places |= found
            rows.append(embeddings)
        ngrams = list(places)
        order = sorted(range(len(ngrams)), key=lambda i: places[ngrams[i]][0])
        return cls(
            [ngrams[i] for i in order], [places[ngrams[i]] for i in order], np.concatenate(rows)[order]
        )

    def spans(self, *, second: bool) -> Iterator[Span]:
        """The n-grams with their places, as an explanation lists them."""
        for ngram, places in zip(self.ngrams, self.places, strict=True):
            yield Span(*places[0], ngram, tuple(places), second)


#: n-grams with their places, and their rows (n, dim) in the same order.
Found = tuple[dict[str, list[tuple[int, int]]], Floats]


def _tokens(model: StudentModel, table: RowTable, text: str) -> Iterator[Found]:
    """The known n-grams of tokens, one order at a time."""
    tokenizer = model.vocabulary.tokenizer
    tokens, first, last = tokens_of(text, boundaries=tokenizer.boundaries)
    begins, ends = first.tolist(), last.tolist()
    candidates = dict(enumerate(tokens))  # n-grams of one order, by the index of their first token
    for order in range(1, tokenizer.max_ngram + 1):
        distinct = list(dict.fromkeys(candidates.values()))
        found, embeddings = table.find(distinct)
        places: dict[str, list[tuple[int, int]]] = {distinct[i]: [] for i in found}
        for start, ngram in candidates.items():
            if ngram in places:
                places[ngram].append((begins[start], ends[start + order - 1]))
        yield places, embeddings
        candidates = {
            start: f"{ngram} {tokens[start + order]}"
            for start, ngram in candidates.items()
            if start + order < len(tokens) and (ngram in places or not model.vocabulary.closed)
        }


def _characters(model: StudentModel, table: RowTable, text: str) -> Found:
    """The known character n-grams, with the places of their words."""
    words: dict[str, list[tuple[int, int]]] = {}
    for ngram, begin, end in characters_of(text, model.vocabulary.tokenizer):
        words.setdefault(ngram, []).append((begin, end))
    distinct = list(words)
    found, embeddings = table.find(distinct)
    # An n-gram that occurs twice in a word has the place of the word once.
    return {distinct[i]: list(dict.fromkeys(words[distinct[i]])) for i in found}, embeddings


def _find_packed(
    core: _core.CompactTable, weights: CompactWeights, keys: NDArray[np.uint64]
) -> tuple[NDArray[np.int64], Floats]:
    places, packed = core.find(keys)
    return places, weights.unpacked(packed)


def _find_rows(
    core: _core.Vocabulary, table: NDArray[np.float32], keys: NDArray[np.uint64]
) -> tuple[NDArray[np.int64], Floats]:
    rows = core.find(keys)
    places = np.flatnonzero(rows >= 0)
    return places, table[rows[places]].astype(np.float64)
