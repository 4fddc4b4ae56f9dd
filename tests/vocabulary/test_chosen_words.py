"""Words that were chosen to collide cost no more time and no more room than others."""

from __future__ import annotations

from time import process_time

import numpy as np
from numpy.typing import NDArray

from sparsedistill import CountingConfig, Student, TokenizerConfig, Vocabulary, _core
from sparsedistill.compression import Floor
from sparsedistill.model.weights import StudentWeights


def crowded_words(count: int) -> list[str]:
    """Words whose keys begin with ten zero bits: a table by these bits alone takes 1,000 times the room."""
    names = [f"q{i}" for i in range(1100 * count)]
    chosen = np.flatnonzero(_core.keys_of(names) < np.uint64(1 << 54))
    return [names[i] for i in chosen[:count]]


def student(words: list[str]) -> Student:
    random = np.random.default_rng(0)

    def draw(*shape: int) -> NDArray[np.float32]:
        return random.standard_normal(shape, dtype=np.float32)

    weights = StudentWeights(draw(len(words), 1) @ draw(1, 4), draw(4, 4), draw(4), draw(2, 4), draw(2))
    vocabulary = Vocabulary.from_ngrams(words, TokenizerConfig(max_ngram=1))
    return Student(vocabulary, weights, ("a", "b"))


def test_crowded_keys_make_no_large_vocabulary() -> None:
    words = crowded_words(400)
    vocabulary = Vocabulary.build([" ".join(words)] * 2, TokenizerConfig(1), CountingConfig())
    others = Vocabulary.build(
        [" ".join(f"w{i}" for i in range(400))] * 2, TokenizerConfig(1), CountingConfig()
    )
    assert vocabulary.buckets is not None
    assert others.buckets is not None
    assert len(vocabulary) == 400
    assert vocabulary.buckets.nbytes <= 2 * others.buckets.nbytes
    assert sorted(vocabulary.rows_of(words)) == list(range(400))
    assert vocabulary.rows_of(["unknown"])[0] == -1


def test_crowded_keys_make_no_large_compact_student() -> None:
    words = crowded_words(800)  # more than 64 lines hold
    trained = student(words)
    compact = trained.compress([" ".join(words[i : i + 5]) for i in range(200)], floor=Floor(0.9, 0.1))
    assert compact.nbytes < 32 * len(words)
    text = " ".join(words)
    assert compact.score([text]).coverage[0] == 1
    np.testing.assert_allclose(compact.predict_proba([text]), trained.predict_proba([text]), atol=0.05)


def test_words_whose_rows_collide_take_no_longer() -> None:
    count = 200_000
    words = [f"{i + 0x100000:x}" for i in range(count)]
    made = student(words)
    # Where rows would be in a table of 2^16 places without a salt.
    places = (np.arange(count, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(32)
    collide = np.argsort(places & np.uint64(0xFFFF), kind="stable")[:30_000]
    random = np.random.default_rng(0)

    def seconds(rows: NDArray[np.int64]) -> float:
        text = [" ".join(words[row] for row in random.permutation(rows))]
        took = []
        for _ in range(3):
            begin = process_time()
            made.score(text, threads=1)
            took.append(process_time() - begin)
        return min(took)

    assert seconds(collide) < 10 * seconds(random.permutation(count)[:30_000])
