"""The n-grams and words of a text that a student knows, with their places and their rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .. import _core
from ..errors import InputError
from ..model.compact import CompactWeights
from ..model.student_model import StudentModel
from .positions import characters_of, tokens_of
from .result import Span

Floats = NDArray[np.float64]

#: n-grams with their places.
Places = dict[str, list[tuple[int, int]]]


class RowTable:
    """n-grams to rows as the first layer of the head reads them, for trained and compact students."""

    def __init__(self, model: StudentModel) -> None:
        vocabulary, weights = model.vocabulary, model.weights
        self._rows: _TrainedRows | _CompactRows
        if isinstance(weights, CompactWeights):
            core = weights.core_table(vocabulary.tokenizer, closed=vocabulary.closed)
            self._rows = _CompactRows(core, weights)
        else:
            self._rows = _TrainedRows(vocabulary.core, weights.table)

    def find(self, ngrams: Sequence[str]) -> tuple[NDArray[np.int64], Floats]:
        """Which of `ngrams` have a row, int64 (found,), and the rows, float64 (found, dim).

        Raises:
            InputError: The student is damaged.
        """
        try:
            return self._rows.find(_core.keys_of(list(ngrams)))
        except ValueError as error:
            raise InputError(f"The student is damaged ({error}): copy or save it again.") from error

    def word(self, characters: Sequence[str]) -> Floats | None:
        """The row of an unknown word, float64 (dim,); None if no character n-gram of it has a row.

        Args:
            characters: The character n-grams of the word; those that it has several times, several times.

        Raises:
            InputError: The student is damaged.
        """
        try:
            return self._rows.word(_core.keys_of(list(characters)))
        except ValueError as error:
            raise InputError(f"The student is damaged ({error}): copy or save it again.") from error


@dataclass(frozen=True)
class KnownNgrams:
    """What a student reads of one text, each item once, in the order of the text.

    Attributes:
        ngrams: n n-grams, and unknown words that have character n-grams with a row.
        places: All occurrences of each, as (begin, end) in characters.
        unknown: Those of `ngrams` that are unknown words.
        rows: float64 (n, dim).
    """

    ngrams: list[str]
    places: list[list[tuple[int, int]]]
    unknown: frozenset[str]
    rows: Floats

    @classmethod
    def of(cls, model: StudentModel, text: str) -> KnownNgrams:
        """Look the n-grams of `text` up as core/vocabulary does.

        That is order by order; in a closed vocabulary, an n-gram whose prefix is missing is not looked up.
        """
        table = RowTable(model)
        places: Places = {}
        rows: list[Floats] = []
        for found, embeddings in _tokens(model, table, text):
            places |= found
            rows.append(embeddings)
        unknown = _unknown_words(model, table, text, places)
        for word, (at, row) in unknown.items():
            places[word] = at
            rows.append(row[None])
        ngrams = list(places)
        order = sorted(range(len(ngrams)), key=lambda i: places[ngrams[i]][0])
        return cls(
            [ngrams[i] for i in order],
            [places[ngrams[i]] for i in order],
            frozenset(unknown),
            np.concatenate(rows)[order],
        )

    def spans(self, *, second: bool) -> Iterator[Span]:
        """The n-grams with their places, as an explanation lists them."""
        for ngram, places in zip(self.ngrams, self.places, strict=True):
            yield Span(*places[0], ngram, tuple(places), second, ngram in self.unknown)


def _tokens(model: StudentModel, table: RowTable, text: str) -> Iterator[tuple[Places, Floats]]:
    """The known n-grams of tokens, one order at a time."""
    tokenizer = model.vocabulary.tokenizer
    tokens, first, last = tokens_of(text, boundaries=tokenizer.boundaries)
    begins, ends = first.tolist(), last.tolist()
    candidates = dict(enumerate(tokens))  # n-grams of one order, by the index of their first token
    for order in range(1, tokenizer.max_ngram + 1):
        distinct = list(dict.fromkeys(candidates.values()))
        found, embeddings = table.find(distinct)
        places: Places = {distinct[i]: [] for i in found}
        for start, ngram in candidates.items():
            if ngram in places:
                places[ngram].append((begins[start], ends[start + order - 1]))
        yield places, embeddings
        candidates = {
            start: f"{ngram} {tokens[start + order]}"
            for start, ngram in candidates.items()
            if start + order < len(tokens) and (ngram in places or not model.vocabulary.closed)
        }


def _unknown_words(
    model: StudentModel, table: RowTable, text: str, known: Mapping[str, object]
) -> dict[str, tuple[list[tuple[int, int]], Floats]]:
    """The unknown words that have a row from their character n-grams, with their places."""
    if not model.vocabulary.tokenizer.max_characters:
        return {}
    characters: dict[tuple[int, int], list[str]] = {}
    for ngram, begin, end in characters_of(text, model.vocabulary.tokenizer):
        characters.setdefault((begin, end), []).append(ngram)
    tokens, begins, ends = tokens_of(text, boundaries=False)
    places: Places = {}
    for token, *place in zip(tokens, begins.tolist(), ends.tolist(), strict=True):
        if token not in known and tuple(place) in characters:
            places.setdefault(token, []).append((place[0], place[1]))
    rows = {word: table.word(characters[at[0]]) for word, at in places.items()}
    return {word: (places[word], row) for word, row in rows.items() if row is not None}


@dataclass(frozen=True)
class _TrainedRows:
    """The rows of a trained student, by keys."""

    core: _core.Vocabulary
    table: NDArray[np.float32]

    def find(self, keys: NDArray[np.uint64]) -> tuple[NDArray[np.int64], Floats]:
        rows = self.core.find(keys)
        places = np.flatnonzero(rows >= 0)
        return places, self.table[rows[places]].astype(np.float64)

    def word(self, keys: NDArray[np.uint64]) -> Floats | None:
        rows = self.find(keys)[1]
        row: Floats = rows.sum(axis=0) / np.sqrt(max(len(rows), 1))
        return row if len(rows) else None


@dataclass(frozen=True)
class _CompactRows:
    """The rows of a compact student, by keys."""

    core: _core.CompactTable
    weights: CompactWeights

    def find(self, keys: NDArray[np.uint64]) -> tuple[NDArray[np.int64], Floats]:
        places, packed = self.core.find(keys)
        return places, self.weights.unpacked(packed)

    def word(self, keys: NDArray[np.uint64]) -> Floats | None:
        packed = self.core.find(keys, characters=True)[1]
        return self.weights.unpacked_word(packed) if len(packed) else None
