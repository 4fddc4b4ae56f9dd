"""Sums of the rows of texts: the same bits in any amount of memory."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from sparsedistill import Columns, Corpus, TokenizerConfig, Vocabulary
from sparsedistill.vocabulary import rows
from sparsedistill.vocabulary.rows import NgramRows


@pytest.fixture(scope="module")
def texts(shared_data: Path) -> list[str]:
    corpus = Corpus([str(shared_data / "sst2" / "train_sentences.tsv.gz")], Columns())
    found: list[str] = corpus.head(60).texts.to_pylist()
    return [*found, "", " ".join(found), "zzzz qqqq"]


@pytest.mark.parametrize("pair", [False, True])
@pytest.mark.parametrize("characters", [0, 4])
def test_sums_do_not_depend_on_what_is_in_memory_together(
    pair: bool, characters: int, texts: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    vocabulary = Vocabulary.build(texts[:40], TokenizerConfig(3, max_characters=characters))
    found = vocabulary.extract(texts, texts[::-1] if pair else None, threads=1)
    table = np.random.default_rng(0).standard_normal((len(vocabulary), 10), np.float32)
    sums = found.sums(table)
    for at_once in (1, 50, 5000):
        monkeypatch.setattr(rows, "_NUMBERS_AT_ONCE", at_once)
        np.testing.assert_array_equal(found.sums(table), sums)
    segment = 1 if pair else 0
    own = slice(*found.offsets[segment : segment + 2])
    if not characters:
        np.testing.assert_allclose(sums[segment], table[found.rows[own]].sum(axis=0, dtype=np.float64))


def test_memory_does_not_grow_with_the_length_of_a_text() -> None:
    table = np.ones((1000, 256), np.float32)
    none = np.zeros(0, np.int64)
    ngrams = np.tile(np.arange(1000), 400)
    zeros = np.zeros(2, np.int64)
    found = NgramRows(
        ngrams, np.array([0, len(ngrams)]), zeros[:1], none, zeros, none, zeros[:1], zeros[:1], zeros[:1]
    )
    tracemalloc.start()
    sums = found.sums(table)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (sums == len(ngrams)).all()
    assert peak < 100e6  # all rows of the text take 410 MB
