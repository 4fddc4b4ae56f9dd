"""Several networks in one table."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sparsedistill import Student, TokenizerConfig, Vocabulary
from sparsedistill.model.pairs import pair_width
from sparsedistill.model.weights import StudentWeights

TEXTS = ["a good film", "a bad film", "", "unknown words"]


def random_weights(rows: int, width: int, seed: int) -> StudentWeights:
    rng = np.random.default_rng(seed)
    shapes = ((rows, 4), (6, width), 6, (3, 6), 3)
    return StudentWeights(*(rng.normal(size=shape).astype(np.float32) for shape in shapes))


@pytest.mark.parametrize("pair", [False, True])
def test_the_answer_of_several_networks_is_their_mean(pair: bool) -> None:
    vocabulary = Vocabulary.from_ngrams(["good", "bad", "film", "good film"], TokenizerConfig(2))
    members = [random_weights(len(vocabulary), pair_width(4) if pair else 4, seed) for seed in range(3)]
    students = [Student(vocabulary, weights, ("a", "b", "c"), pair=pair) for weights in members]
    texts = (TEXTS, TEXTS[::-1]) if pair else (TEXTS,)
    expected = np.mean([student.score(*texts).logits for student in students], axis=0)
    together = replace(students[0], weights=StudentWeights.mean_of(members, pair=pair))
    np.testing.assert_allclose(together.score(*texts).logits, expected, atol=1e-5)
    assert together.weights.parameters > 3 * members[0].table.size


def test_one_network_is_itself() -> None:
    weights = random_weights(5, 4, 0)
    assert StudentWeights.mean_of([weights]) is weights
