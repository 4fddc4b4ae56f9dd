"""The deployed student compared with the torch network that was trained."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
import torch

from sparsedistill import CountingConfig, Student, Vocabulary
from sparsedistill.model.weights import StudentWeights
from sparsedistill.training.config import TableKind
from sparsedistill.training.network import NetworkConfig, StudentNetwork
from sparsedistill.training.scoring import score_texts


@pytest.mark.parametrize("table", ["fbgemm", "embedding_bag"])
@pytest.mark.parametrize("pair", [False, True])
def test_predictions_equal_those_of_the_torch_network(
    shared_data: Path, table: TableKind, pair: bool
) -> None:
    with gzip.open(shared_data / "imdb" / "test.tsv.gz", "rt", encoding="utf-8") as file:
        reviews = [next(file) for _ in range(400)]
    texts = [*reviews[:200], "", "unknown-zzz", "\ud800"]
    seconds = [*reviews[197:200], *texts[3:]] if pair else None
    vocabulary = Vocabulary.build(reviews[200:], counting=CountingConfig(max_rows=50_000))
    config = NetworkConfig(len(vocabulary), 3, dim=100, hidden=30, pair=pair, table=table)
    network = StudentNetwork(config)
    network.table.weight.copy_(torch.randn(network.table.weight.shape, generator=torch.manual_seed(0)))
    arrays = {name: array.numpy() for name, array in network.arrays().items()}
    student = Student(vocabulary, StudentWeights.from_arrays(arrays), ("a", "b", "c"), pair=pair)
    expected = score_texts(network, vocabulary, texts, seconds)
    np.testing.assert_allclose(student.score(texts, seconds).logits, expected, atol=1e-5)
