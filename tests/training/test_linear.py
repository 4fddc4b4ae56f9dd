"""The linear model reads what the network pools, and a student gives its answer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
import torch

from sparsedistill import CountingConfig, Student, TokenizerConfig, Vocabulary
from sparsedistill.data.examples import Examples
from sparsedistill.model.weights import StudentWeights
from sparsedistill.training.batches import Extraction
from sparsedistill.training.linear import LinearFit, ngram_features, served_columns
from sparsedistill.training.network import NetworkConfig, StudentNetwork

TEXTS = [
    "the films are good",
    "a bad film , unbelievably bad",
    "ẞtraße 日本の映画 กิน it 's",
    "",
    "unseen good good",
]


def vocabulary_of(characters: int) -> Vocabulary:
    tokenizer = TokenizerConfig(2, True, 2, characters) if characters else TokenizerConfig(2)
    return Vocabulary.build(TEXTS[:3] * 2, tokenizer, CountingConfig(min_count=1))


@pytest.mark.parametrize("characters", [0, 4])
def test_features_times_the_table_is_what_the_head_reads(characters: int) -> None:
    vocabulary = vocabulary_of(characters)
    network = StudentNetwork(NetworkConfig(len(vocabulary), 2, dim=4)).eval()
    network.table.weight.normal_(generator=torch.Generator().manual_seed(0))
    pooled = []
    network.head.register_forward_pre_hook(lambda _, inputs: pooled.append(inputs[0]))
    with torch.no_grad():
        network(*Extraction(vocabulary).inputs(pa.array(TEXTS, pa.large_string()), None))
    features = ngram_features(vocabulary, TEXTS)
    np.testing.assert_allclose(features @ network.table.weight.numpy(), pooled[0], atol=1e-6)


@pytest.mark.parametrize("characters", [0, 4])
def test_a_student_beside_a_linear_model_adds_their_answers(characters: int) -> None:
    vocabulary = vocabulary_of(characters)
    rng = np.random.default_rng(0)
    weights = StudentWeights(
        *(rng.normal(size=shape).astype(np.float32) for shape in ((len(vocabulary), 4), (6, 4), 6, (3, 6), 3))
    )
    student = Student(vocabulary, weights, ("a", "b", "c"))
    examples = Examples(TEXTS, labels=np.array([0, 1, 2, 0, 1]))
    fit = LinearFit("single_label", 3)
    model = fit.fit(ngram_features(vocabulary, TEXTS), examples, 4.0)
    joined = weights.beside(
        served_columns(model, vocabulary), 0.5, 2 * fit.outputs().T, 2 * model.bias, np.float32(0.01)
    )
    expected = 0.5 * student.score(TEXTS).logits + 2 * model.scores(ngram_features(vocabulary, TEXTS))
    np.testing.assert_allclose(replace(student, weights=joined).score(TEXTS).logits, expected, atol=2e-3)


def test_too_many_values_are_not_read() -> None:
    vocabulary = vocabulary_of(0)
    assert ngram_features(vocabulary, TEXTS, most=5) is None


def test_rare_ngrams_weigh_more_and_class_weights_move_the_answer() -> None:
    texts = ["common rare"] * 2 + ["common"] * 6
    vocabulary = Vocabulary.build(texts, TokenizerConfig(1), CountingConfig(min_count=1))
    features = ngram_features(vocabulary, texts)
    examples = Examples(texts, labels=np.array([1, 1, 0, 0, 0, 0, 0, 1]))
    plain, weighted = (
        LinearFit("single_label", 2, class_weights).fit(features, examples, 1.0).scores(features)
        for class_weights in (None, (1.0, 5.0))
    )
    assert plain[0] > plain[-1]
    assert (weighted > plain).all()


def test_numbers_and_several_labels_are_fitted() -> None:
    vocabulary = vocabulary_of(0)
    features = ngram_features(vocabulary, TEXTS)
    numbers = Examples(TEXTS, labels=np.array([1.0, -1.0, 5.0, 2.0, 1.5]))
    scores = LinearFit("regression", 1).fit(features, numbers, 0.1).scores(features)
    assert np.corrcoef(scores[:, 0], numbers.targets)[0, 1] > 0.9
    several = Examples(TEXTS, labels=np.array([[1, 0], [0, 0], [0, 1], [0, 0], [1, 1]], np.float32))
    scores = LinearFit("multi_label", 2).fit(features, several, 256.0).scores(features)
    assert ((scores > 0) == (several.targets > 0.5))[:3].all()


def test_the_same_labels_give_the_same_model_bit_for_bit() -> None:
    rng = np.random.default_rng(0)
    words = [f"w{chr(97 + i // 26)}{chr(97 + i % 26)}" for i in range(400)]
    texts = [" ".join(rng.choice(words, 12)) for _ in range(600)]
    vocabulary = Vocabulary.build(texts, TokenizerConfig(2), CountingConfig(min_count=1))
    features = ngram_features(vocabulary, texts)
    examples = Examples(texts, labels=rng.integers(0, 20, 600))
    first, again = (LinearFit("single_label", 20).fit(features, examples, 64.0) for _ in range(2))
    np.testing.assert_array_equal(first.weights, again.weights)
