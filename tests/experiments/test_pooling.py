"""Poolings for ablations: their values, their updates, and training with them."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import torch
from support.sentences import error
from torch import Tensor
from training.test_network import DIM, ROWS, TEXTS, csr, updates
from training.test_training import QUICK, VOCABULARY, WORDS, Failing, same, toy

from sparsedistill.experiments.pooling import PooledNetwork, PooledTable, Pooling
from sparsedistill.training.network import NetworkConfig, StudentNetwork
from sparsedistill.training.tables.base import EPSILON
from sparsedistill.training.tables.embedding_bag import EmbeddingBagTable
from sparsedistill.training.trainer import train

POOLINGS: tuple[Pooling, ...] = get_args(Pooling)
CPU = torch.device("cpu")


def pooled(pooling: Pooling, weight: Tensor, scores: Tensor, rows: Tensor, offsets: Tensor) -> Tensor:
    """The definition, one text at a time."""
    found = []
    for begin, end in zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True):
        chosen = rows[begin:end]
        some = weight[chosen]
        if begin == end:
            found.append(torch.zeros(DIM, dtype=torch.float64))
        elif pooling == "max":
            found.append(some.amax(dim=0))
        elif pooling == "sum":
            found.append(some.sum(dim=0))
        elif pooling == "mean":
            found.append(some.mean(dim=0))
        else:
            logits = scores[chosen, 0] if pooling == "scalar attention" else some @ scores[0]
            found.append(logits.softmax(dim=0) @ some)
    return torch.stack(found)


@pytest.mark.parametrize("pooling", POOLINGS)
def test_pooling_and_updates_match_the_definition(pooling: Pooling) -> None:
    table = PooledTable(pooling, ROWS, DIM, CPU)
    generator = torch.Generator().manual_seed(5)
    for array in (table.weight, table.scores):
        array.copy_(torch.randn(array.shape, generator=generator))
    learnt = table.weight.double().clone(), table.scores.double().clone()
    squares = [torch.zeros(len(array), dtype=torch.float64) for array in learnt]
    rows, offsets = csr(torch.Generator().manual_seed(3))
    assert torch.allclose(
        table(rows, offsets).detach().double(), pooled(pooling, *learnt, rows, offsets), atol=1e-5
    )
    for rows, offsets, gradient, rate in updates(table):
        leaves = learnt[0].clone().requires_grad_(), learnt[1].clone().requires_grad_()
        (pooled(pooling, *leaves, rows, offsets) * gradient).sum().backward()  # type: ignore[no-untyped-call]
        for array, sums, leaf in zip(learnt, squares, leaves, strict=True):
            if leaf.grad is not None and leaf.grad.numel():
                sums += leaf.grad.square().mean(dim=1)
                array -= rate * leaf.grad / (sums.sqrt() + EPSILON)[:, None]
    assert torch.allclose(table.weight.double(), learnt[0], atol=1e-4)
    assert torch.allclose(table.scores.double(), learnt[1], atol=1e-4)
    assert torch.allclose(table.squares.double(), torch.cat(squares), rtol=1e-3)


def test_sum_equals_the_table_of_students() -> None:
    one, other = PooledTable("sum", ROWS, DIM, CPU), EmbeddingBagTable(ROWS, DIM, CPU)
    for _ in zip(updates(one), updates(other), strict=True):
        assert torch.allclose(one.weight, other.weight, atol=1e-6)
        assert torch.allclose(one.squares, other.squares, rtol=1e-5)


@pytest.mark.parametrize("pooling", ["scalar attention", "query attention"])
def test_attention_starts_as_the_mean(pooling: Pooling) -> None:
    config = NetworkConfig(ROWS, 3, dim=DIM, pair=True)
    one, other = PooledNetwork(config, pooling).eval(), StudentNetwork(config).eval()
    for network in (one, other):
        network.table.weight.copy_(torch.randn(ROWS, DIM, generator=torch.Generator().manual_seed(0)))
    parts = csr(torch.Generator().manual_seed(1))  # three parts per pair
    assert torch.allclose(one(*parts), other(*parts), atol=1e-6)
    assert one(*parts).shape == (TEXTS // 3, 3)


@pytest.mark.parametrize("pooling", ["max", "scalar attention", "query attention"])
def test_networks_train_and_resume(pooling: Pooling, tmp_path: Path) -> None:
    config = NetworkConfig(len(WORDS), 3, dim=8, hidden=8)
    whole, again = PooledNetwork(config, pooling), PooledNetwork(config, pooling)
    result = train(whole, VOCABULARY, toy(1000, 0), toy(300, 1), QUICK)
    assert result.best > 0.8
    assert bool(whole.arrays()["scores"].any()) == ("attention" in pooling)
    with pytest.raises(KeyboardInterrupt):
        train(
            PooledNetwork(config, pooling),
            Failing(120, KeyboardInterrupt),
            toy(1000, 0),
            toy(300, 1),
            QUICK,
            checkpoint_dir=tmp_path,
        )
    train(again, VOCABULARY, toy(1000, 0), toy(300, 1), QUICK, checkpoint_dir=tmp_path)
    assert same(whole, again)


def test_attention_weights_informative_words() -> None:
    """In texts with one informative word and one that is not, the first gets the larger weight."""
    table = PooledTable("scalar attention", 3, 4, CPU)
    table.weight.copy_(torch.tensor([[1.0] * 4, [-1.0] * 4, [0.0] * 4]))
    table.set_learning_rate(0.1)
    rows, offsets = torch.tensor([0, 2, 1, 2]), torch.tensor([0, 2, 4])
    for _ in range(20):
        values = table(rows, offsets).sum(dim=1)
        torch.nn.functional.softplus(-values * torch.tensor([1.0, -1.0])).sum().backward()  # type: ignore[no-untyped-call]
    assert np.all(table.scores[:2, 0].numpy() > table.scores[2, 0].item() + 0.1)


def test_mean_network_equals_a_student() -> None:
    config = NetworkConfig(ROWS, 3, dim=DIM)
    one, other = PooledNetwork(config, "mean").eval(), StudentNetwork(config).eval()
    for network in (one, other):
        network.table.weight.copy_(torch.randn(ROWS, DIM, generator=torch.Generator().manual_seed(0)))
    inputs = csr(torch.Generator().manual_seed(1))
    assert torch.allclose(one(*inputs), other(*inputs), atol=1e-6)


def test_character_ngrams_are_refused() -> None:
    network = PooledNetwork(NetworkConfig(ROWS, 3, dim=DIM), "max")
    one, offsets = torch.tensor([0]), torch.tensor([0, 1])
    arguments = (one, offsets, torch.tensor([1]), one, offsets, one, offsets)
    assert "without character n-grams" in error(lambda: network(*arguments))


def test_unknown_pooling_raises() -> None:
    assert "pooling is 'median'" in error(lambda: PooledTable("median", 3, 4, CPU))  # type: ignore[arg-type]
