"""Features of pairs, in NumPy and in torch."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sparsedistill.model import pairs, torch_pairs


@pytest.mark.parametrize("seed", range(3))
def test_numpy_and_torch_agree(seed: int) -> None:
    random = np.random.default_rng(seed)
    counts = random.integers(0, 3, (50, 3))
    means = random.standard_normal((50, 3, 7)) * (counts > 0)[:, :, None]
    parts, shares = torch_pairs.weighted_parts(torch.from_numpy(means), torch.from_numpy(counts))
    found = torch_pairs.pair_features(parts, shares).numpy()
    assert found.shape == (50, pairs.pair_width(7))
    np.testing.assert_allclose(found, pairs.pair_features(parts.numpy(), shares.numpy()), atol=1e-12)


def test_a_pair_without_ngrams_has_features_of_zero() -> None:
    assert not pairs.pair_features(np.zeros((1, 3, 4)), np.zeros((1, 3))).any()
