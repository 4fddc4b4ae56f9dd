"""Folding: a student whose words contain their characters answers as the network did."""

from __future__ import annotations

import gzip
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from support import reference
from support.sentences import error

from sparsedistill import CountingConfig, Student, TokenizerConfig, Vocabulary
from sparsedistill.model.weights import StudentWeights
from sparsedistill.training.batches import Extraction
from sparsedistill.training.config import TableKind
from sparsedistill.training.folding import fold_characters
from sparsedistill.training.network import NetworkConfig, StudentNetwork
from sparsedistill.training.scoring import score_texts

KINDS: list[TableKind] = ["fbgemm", "embedding_bag"]
CORPUS = ["the films are good", "a bad film , unbelievably bad", "ẞtraße 日本の映画 กิน it 's"] * 3
TEXTS = [*CORPUS[:3], "", "unfilmed believable straße", "zzz qq", "the the goods goods", "x" * 400, "\ud800"]


def vocabulary_of(corpus: list[str], rows: int = 1_000_000) -> Vocabulary:
    return Vocabulary.build(
        corpus, TokenizerConfig(2, True, 2, 4), CountingConfig(max_rows=rows, min_count=1)
    )


def network_of(vocabulary: Vocabulary, *, pair: bool = False, table: TableKind = "auto") -> StudentNetwork:
    shape = NetworkConfig(len(vocabulary), 3, dim=8, hidden=6, pair=pair, table=table, dropout=0.0)
    network = StudentNetwork(shape)
    network.table.weight.copy_(
        torch.randn(network.table.weight.shape, generator=torch.Generator().manual_seed(0))
    )
    return network


def student_of(network: StudentNetwork, vocabulary: Vocabulary) -> Student:
    arrays = {name: array.numpy() for name, array in network.arrays().items()}
    arrays["table"] = fold_characters(network.table.weight, vocabulary).numpy()
    return Student(vocabulary, StudentWeights.from_arrays(arrays), ("a", "b", "c"), pair=network.config.pair)


def test_rows_are_dropped_in_training_and_the_characters_of_words_are_kept() -> None:
    vocabulary = vocabulary_of(CORPUS)
    network = network_of(vocabulary)
    network.config = replace(network.config, row_dropout=0.5)
    inputs = Extraction(vocabulary).inputs(pa.array(["the films are good"], pa.large_string()), None)
    rows, offsets, _, *words = inputs
    with torch.no_grad():
        expected = network.eval().word_sums(rows, offsets, *words)
        characters = network.word_sums(rows[:0], torch.zeros_like(offsets), *words)
        torch.manual_seed(0)
        sums = torch.stack([network.train().word_sums(rows, offsets, *words) for _ in range(4000)])
    assert sums.std(dim=0).min() > 0.1
    assert torch.allclose(sums.mean(dim=0), expected, atol=0.15)
    network.config = replace(network.config, row_dropout=1 - 1e-7)
    with torch.no_grad():
        assert torch.allclose(network.word_sums(rows, offsets, *words), characters)


@pytest.mark.parametrize("pair", [False, True])
def test_a_folded_student_answers_as_the_network(pair: bool) -> None:
    vocabulary = vocabulary_of(CORPUS, 150)
    network = network_of(vocabulary, pair=pair)
    before = network.table.weight.clone()
    student = student_of(network, vocabulary)
    assert torch.equal(network.table.weight, before)
    seconds = TEXTS[::-1] if pair else None
    expected = score_texts(network, vocabulary, TEXTS, seconds)
    np.testing.assert_allclose(student.score(TEXTS, seconds).logits, expected, atol=1e-5)
    moved = student.to("cpu").score(TEXTS, seconds)
    np.testing.assert_allclose(moved.logits, expected, atol=1e-5)


@pytest.mark.parametrize("pair", [False, True])
def test_a_folded_student_answers_as_the_network_on_reviews(pair: bool, shared_data: Path) -> None:
    with gzip.open(shared_data / "imdb" / "test.tsv.gz", "rt", encoding="utf-8") as file:
        reviews = [next(file) for _ in range(400)]
    vocabulary = vocabulary_of(reviews[:200], 50_000)
    network = network_of(vocabulary, pair=pair)
    student = student_of(network, vocabulary)
    seconds = reviews[::-1] if pair else None
    expected = score_texts(network, vocabulary, reviews, seconds)
    np.testing.assert_allclose(student.score(reviews, seconds).logits, expected, atol=1e-5)


def test_words_are_their_rows_and_their_characters() -> None:
    """By the definition, one text at a time; boundaries and words of one character have no characters."""
    vocabulary = vocabulary_of(CORPUS, 150)
    network = network_of(vocabulary)
    assert vocabulary.ngrams is not None
    rows = dict(zip(vocabulary.ngrams, network.table.weight.double().numpy(), strict=True))
    weights = {name: array.double().numpy() for name, array in network.arrays().items()}
    logits = []
    for text in TEXTS:
        tokens = ["\x02", *reference.tokenize(text), "\x03"]
        vectors = {}
        for ngram in (*tokens, *map(" ".join, pairwise(tokens))):
            pieces = [] if " " in ngram else [p for p in reference.characters_of(ngram, 2, 4) if p in rows]
            if ngram in rows or pieces:
                vectors[ngram] = rows.get(ngram, np.zeros(8))
                if pieces:
                    spelt = np.sum([rows[piece] for piece in pieces], axis=0)
                    vectors[ngram] = vectors[ngram] + spelt / np.sqrt(len(pieces))
        mean = np.mean(list(vectors.values()), axis=0) if vectors else np.zeros(8)
        hidden = np.tanh(weights["hidden.weight"] @ mean + weights["hidden.bias"])
        logits.append(weights["output.weight"] @ hidden + weights["output.bias"])
    np.testing.assert_allclose(score_texts(network, vocabulary, TEXTS), logits, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_characters_get_the_gradient_of_all_their_words(kind: TableKind) -> None:
    vocabulary = vocabulary_of(CORPUS)
    network = network_of(vocabulary, table=kind)
    network.table.squares.zero_()
    network.table.set_learning_rate(0.1)
    dense = network.table.weight.clone().requires_grad_()
    found = vocabulary.extract(TEXTS)
    table_of = {name: torch.from_numpy(array) for name, array in vars(found).items()}

    def bags(rows: str, offsets: str, values: torch.Tensor) -> torch.Tensor:
        sums = [values[part].sum(dim=0) for part in table_of[rows].tensor_split(table_of[offsets][1:-1])]
        return torch.stack(sums)

    sizes = table_of["character_offsets"].diff()
    words = bags("characters", "character_offsets", dense) / sizes.sqrt()[:, None]
    sums = bags("rows", "offsets", dense) + bags("words", "word_offsets", words)
    logits = network.head(sums / table_of["counts"].clamp(min=1)[:, None])
    targets = torch.arange(len(TEXTS)) % 3
    torch.nn.functional.cross_entropy(logits, targets).backward()  # type: ignore[no-untyped-call]
    inputs = [table_of[name] for name in list(table_of)[:7]]
    torch.nn.functional.cross_entropy(network(*inputs), targets).backward()  # type: ignore[no-untyped-call]
    assert dense.grad is not None
    lengths = dense.grad.square().mean(dim=1).sqrt()[:, None]
    expected = dense.detach() - 0.1 * dense.grad / (lengths + 1e-8)
    large = lengths[:, 0] > 1e-5  # the direction of a tiny gradient is that of its rounding errors
    assert torch.allclose(network.table.weight[large], expected[large], atol=1e-3)
    assert large.sum() > 100


def test_what_has_no_strings_cannot_be_folded() -> None:
    built = vocabulary_of(CORPUS)
    bare = Vocabulary(built.buckets, len(built), built.tokenizer, closed=True)
    assert "its strings are missing" in error(lambda: fold_characters(torch.zeros(len(built), 4), bare))
    plain = Vocabulary.build(CORPUS, TokenizerConfig(2))
    table = torch.zeros(len(plain), 4)
    assert fold_characters(table, plain) is table
