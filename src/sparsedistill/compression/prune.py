"""Fewer n-grams: those that move the answers least are removed.

An n-gram moves the answer to a text by its row, cut to the directions that the answer depends on. Over all
texts, this effect grows with the square root of the number of texts that contain it. The mean of a text is
then over fewer n-grams, mostly those with large rows, so the remaining rows are scaled to keep its size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..model.ngram_network import NgramNetwork
from ..model.weights import StudentWeights
from ..vocabulary.tokenizer import is_characters
from ..vocabulary.vocabulary import Vocabulary
from .low_rank import cut, projected
from .sample import Floats, Sample, pooled_rows

_DIRECTIONS = 8  # of the table, that the size of a row is measured in
_UNSEEN = 0.1  # texts that use an n-gram that the sample lacks, if the counts of the corpus are not known


def pruned(network: NgramNetwork, sample: Sample, rows: int, threads: int | None) -> NgramNetwork:
    """The network with the `rows` n-grams that its answers need most.

    If the vocabulary is closed under prefixes, those of an n-gram that is kept are kept too. Words that are
    removed become unknown words, and are read by their character n-grams, if the student has any.

    Args:
        network: The network of a trained student.
        sample: Texts with its answers.
        rows: Number of n-grams, at most those that there are.
        threads: All cores by default.
    """
    weights, vocabulary = network.weights, network.vocabulary
    assert isinstance(weights, StudentWeights)  # noqa: S101 - compact students are refused before
    projection = cut(weights, sample, min(_DIRECTIONS, weights.dim)).projection
    moved = projected(weights.table, projection)
    effects = np.linalg.norm(moved, axis=1) * np.sqrt(_uses(vocabulary, sample))
    kept = _chosen(vocabulary, effects, rows)
    smaller = vocabulary.subset(kept)
    table = weights.table[kept]
    texts, text_pair = sample.select(sample.fit)
    after = pooled_rows(smaller, table, texts, text_pair, threads)[0] @ projection
    before = sample.pooled[sample.fit] @ projection
    scale = np.float32(np.vdot(before, after) / max(float(np.vdot(after, after)), 1e-30))
    return NgramNetwork(smaller, replace(weights, table=table * scale), network.pair)


def _uses(vocabulary: Vocabulary, sample: Sample) -> Floats:
    """In how many texts each n-gram is used, in an arbitrary unit, float64 (rows,).

    The counts of the corpus are used, which has more texts than the sample. For character n-grams they
    include known words, although only unknown words use them: the sample gives the factor between the two.
    """
    seen = sample.items.weights(len(vocabulary))
    counts, ngrams = vocabulary.counts, vocabulary.ngrams
    if counts is None or ngrams is None:
        return seen + _UNSEEN
    uses = counts.astype(np.float64)
    spelt = np.array([is_characters(ngram) for ngram in ngrams])
    if spelt.any() and not spelt.all():
        share = [seen[part].sum() / uses[part].sum() for part in (spelt, ~spelt)]
        uses[spelt] *= share[0] / max(share[1], 1e-30)
    return uses


def _chosen(vocabulary: Vocabulary, effects: Floats, rows: int) -> NDArray[np.int64]:
    """The rows with the largest effects, with those of their prefixes, in ascending order."""
    lengths = np.zeros(len(effects), np.int64)
    if vocabulary.closed and vocabulary.ngrams is not None:
        lengths = _raise_prefixes(vocabulary.ngrams, effects)
    return np.sort(np.lexsort((lengths, -effects))[:rows])


def _raise_prefixes(ngrams: Sequence[str], effects: Floats) -> NDArray[np.int64]:
    """Give each prefix at least the effect of what extends it.

    Returns:
        The number of tokens of each n-gram, which puts prefixes first among equals.
    """
    places = {ngram: row for row, ngram in enumerate(ngrams)}
    lengths = np.array([ngram.count(" ") for ngram in ngrams], np.int64)
    for row in np.argsort(-lengths, kind="stable")[: np.count_nonzero(lengths)].tolist():
        prefix = places[ngrams[row].rpartition(" ")[0]]
        effects[prefix] = max(effects[prefix], effects[row])
    return lengths
