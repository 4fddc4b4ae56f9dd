"""The texts that a compact student is fitted to and measured on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .._internal.texts import Texts
from .._internal.threads import all_threads
from ..errors import InputError
from ..model.heads import Head, output_units
from ..model.ngram_network import NgramNetwork
from ..model.predictions import sides_of
from ..vocabulary.rows import NgramRows
from ..vocabulary.vocabulary import Vocabulary

Floats = NDArray[np.float64]

_LEAST_TEXTS = 20
_FITTED = 5000  # texts that directions and scales are fitted to, at most
_AT_ONCE = 1 << 22  # characters of texts whose n-grams are in memory together


@dataclass(frozen=True)
class Sample:
    """Texts, the trained student's logits for them, and their pooled rows.

    A text is one segment, a pair is three: see :class:`~sparsedistill.vocabulary.NgramRows`.

    Attributes:
        texts: n texts, or the first texts of n pairs.
        text_pair: n second texts.
        logits: float32 (n, outputs), the trained student's.
        heads: Its heads.
        units: float64 (outputs,), see :func:`~sparsedistill.model.heads.output_units`.
        fit: Indices of the texts that the compact form is fitted to.
        held_out: Indices of the texts that it is measured on.
        trained: float32 (n, outputs), those of the student before n-grams were removed, if any were.
        pooled: float64 (n, segments, table_dim), the mean row of each segment times its share.
        shares: float64 (n, segments), each segment's share of the items of the text or pair.
        items: The n-grams and unknown words of the texts in `fit`.
    """

    texts: list[str]
    text_pair: list[str] | None
    logits: NDArray[np.float32]
    trained: NDArray[np.float32]
    heads: tuple[Head, ...]
    units: Floats
    fit: NDArray[np.int64]
    held_out: NDArray[np.int64]
    pooled: Floats
    shares: Floats
    items: NgramRows

    @classmethod
    def take(
        cls,
        network: NgramNetwork,
        heads: tuple[Head, ...],
        table: NDArray[np.float32],
        texts: Texts,
        text_pair: Texts | None,
        threads: int | None,
    ) -> Sample:
        """Score and pool texts.

        Args:
            network: The network of the trained student.
            heads: Its heads.
            table: float32 (rows, table_dim), its table.
            texts: n texts; half of them, drawn at random, are fitted to.
            text_pair: n second texts, for pairs.
            threads: All cores by default.

        Raises:
            InputError: There are too few texts.
        """
        logits, _ = network(*sides_of(texts, text_pair, pair=network.pair), all_threads(threads))
        if len(logits) < _LEAST_TEXTS:
            raise InputError(f"{len(logits)} texts are too few to compress with: give some thousand texts.")
        order = np.random.default_rng(0).permutation(len(logits))
        fit, held_out = order[: len(order) // 2][:_FITTED], order[len(order) // 2 :]
        first = [str(text) for text in texts]
        second = None if text_pair is None else [str(text) for text in text_pair]
        pooled, shares = pooled_rows(network.vocabulary, table, first, second, threads)
        items = network.vocabulary.extract(*_select(first, second, fit), threads=threads, folded=True)
        return cls(
            texts=first,
            text_pair=second,
            logits=logits,
            trained=logits,
            heads=heads,
            units=output_units(heads, logits),
            fit=fit,
            held_out=held_out,
            pooled=pooled,
            shares=shares,
            items=items,
        )

    def select(self, part: NDArray[np.int64]) -> tuple[list[str], list[str] | None]:
        """The texts with these indices, and their second texts."""
        return _select(self.texts, self.text_pair, part)


def _select(
    texts: list[str], text_pair: list[str] | None, part: NDArray[np.int64]
) -> tuple[list[str], list[str] | None]:
    return [texts[i] for i in part], None if text_pair is None else [text_pair[i] for i in part]


def pooled_rows(
    vocabulary: Vocabulary,
    table: NDArray[np.float32],
    texts: list[str],
    text_pair: list[str] | None,
    threads: int | None,
) -> tuple[Floats, Floats]:
    """Pooled rows and shares of a sample, some texts at a time, since their n-grams take memory."""
    pooled, shares = [], []
    lengths = np.cumsum([len(text) for text in texts])
    if text_pair is not None:
        lengths += np.cumsum([len(text) for text in text_pair])
    for part in np.split(np.arange(len(texts)), np.flatnonzero(np.diff(lengths // _AT_ONCE)) + 1):
        found = vocabulary.extract(*_select(texts, text_pair, part), threads=threads, folded=True)
        counts = found.counts.reshape(len(part), -1)
        total = np.maximum(counts.sum(axis=1, keepdims=True), 1)
        shares.append(counts / total)
        pooled.append(found.sums(table).reshape(*counts.shape, -1) / total[:, :, None])
    return np.concatenate(pooled), np.concatenate(shares)
