"""Thresholds of shares, and distributions: against sorting all scores."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from sparsedistill.filtering.distribution import Distribution, even_edges
from sparsedistill.filtering.order import ordered, values_of
from sparsedistill.filtering.threshold import AllScores, SampledScores

FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False)


@given(arrays.arrays(np.float32, st.integers(1, 50), elements=FLOATS))
def test_keys_have_the_order_of_their_values(values: NDArray[np.float32]) -> None:
    keys = ordered(values)
    assert np.array_equal(values_of(keys), values)
    assert np.array_equal(keys[:, None] < keys, values[:, None] < values)


@settings(deadline=None)
@given(arrays.arrays(np.float32, st.integers(1, 200), elements=FLOATS), st.floats(0.001, 1))
def test_the_threshold_of_all_scores_is_exact(values: NDArray[np.float32], share: float) -> None:
    with AllScores() as scores:
        for part in np.array_split(values, 3):
            scores.add(part)
        threshold = scores.threshold(share)
    best = max(1, int(np.ceil(round(share * len(values), 6))))
    assert threshold == np.sort(values)[::-1][best - 1]


def test_ten_percent_of_a_thousand_are_a_hundred() -> None:
    values = np.random.default_rng(0).permutation(1000).astype(np.float32)
    with AllScores() as scores:
        scores.add(values)
        assert scores.threshold(0.1) == 900


def test_a_sample_does_not_depend_on_the_parts_that_it_is_read_in() -> None:
    values = np.random.default_rng(1).standard_normal(50_000).astype(np.float32)
    found = {}
    for seed in (0, 1):
        for parts in (1, 7, 300):
            sample = SampledScores(2000, seed)
            scored = 0
            for part in np.array_split(values, parts):
                rows = sample.drawn(len(part))
                scored += len(rows)
                sample.add(part[rows])
            assert sample.count == 2000
            assert parts < 300 or scored < 20_000
            found[seed, parts] = sample.threshold(0.1)
        assert found[seed, 1] == found[seed, 7] == found[seed, 300]
        assert found[seed, 1] == pytest.approx(1.28, abs=0.1)
    assert found[0, 1] != found[1, 1]
    whole = SampledScores(100_000, 0)
    whole.add(values[whole.drawn(len(values))])
    assert whole.threshold(0.1) == np.sort(values)[45_000]


def test_figures_of_a_distribution() -> None:
    values = np.random.default_rng(2).normal(3, 2, 20_000).astype(np.float32)
    distribution = Distribution()
    for part in np.array_split(values, 9):
        distribution.add(part, part >= 3)
    edges = even_edges(float(values.min()), float(values.max()), 10)
    summary = distribution.summary(edges)
    assert (summary.texts, summary.kept) == (20_000, int((values >= 3).sum()))
    assert (summary.lowest, summary.highest) == (values.min(), values.max())
    assert summary.mean == pytest.approx(values.mean())
    for name, value in summary.quantiles.items():
        expected = np.quantile(values, float(name), method="inverted_cdf")
        assert value == pytest.approx(expected, rel=3e-3)
    assert sum(summary.histogram) == 20_000
    assert np.allclose(summary.histogram, np.histogram(values, edges)[0], atol=20)


@pytest.mark.parametrize(
    ("lowest", "highest"), [(0.0, 5.0), (-3.2, 4.1), (2.0, 2.0), (1e-6, 3e-6), (0.0, 1e30)]
)
def test_edges_are_even_and_enclose_the_scores(lowest: float, highest: float) -> None:
    edges = even_edges(lowest, highest, 10)
    assert edges[0] <= lowest <= highest <= edges[-1]
    assert 2 <= len(edges) <= 13
    assert np.allclose(np.diff(edges), edges[1] - edges[0])
