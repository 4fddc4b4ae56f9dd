"""Correlations, and the values of the pairs that they are the mean of."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import pearsonr, spearmanr

from sparsedistill._internal.correlation import pearson, pearson_values, spearman, spearman_values

Measure = Callable[[NDArray[np.float64], NDArray[np.float64]], float]


def drawn(count: int = 400) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Two related series, one of them with many equal numbers."""
    random = np.random.default_rng(0)
    x = random.normal(size=count)
    return x, np.round(x + random.normal(size=count))


def test_correlations_are_those_of_scipy() -> None:
    x, y = drawn()
    assert pearson(x, y) == pytest.approx(pearsonr(x, y)[0])
    assert spearman(x, y) == pytest.approx(spearmanr(x, y)[0])
    weights = np.random.default_rng(1).integers(0, 3, len(x))
    repeated = [np.repeat(series, weights) for series in (x, y)]
    assert pearson(x, y, weights) == pytest.approx(pearson(*repeated))


def test_a_constant_series_correlates_with_nothing() -> None:
    x, _ = drawn()
    for measure in (pearson, spearman):
        assert measure(x, np.ones(len(x))) == 0
    for values in (pearson_values, spearman_values):
        assert not values(np.ones(len(x)), x).any()


@pytest.mark.parametrize(("measure", "values"), [(pearson, pearson_values), (spearman, spearman_values)])
def test_values_have_the_correlation_as_mean_and_its_error(measure: Measure, values: Callable) -> None:  # type: ignore[type-arg]
    x, y = drawn()
    found = values(x, y)
    assert found.mean() == pytest.approx(measure(x, y))
    samples = np.random.default_rng(2).integers(0, len(x), (600, len(x)))
    deviation = np.std([measure(x[rows], y[rows]) for rows in samples])
    assert found.std() / len(x) ** 0.5 == pytest.approx(deviation, rel=0.12)
