"""The majority class, or the mean of numbers: one answer for every text."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ...data.labelled import Labelled
from ..metrics import indicators
from .base import Baseline, Choice, FittedBaseline


def majority(train: Labelled, _choice: Choice | None = None) -> FittedBaseline:
    """Answer every text with the most frequent class of `train`.

    For multi-label, with the classes that more than half of the texts have. Its probabilities are the shares
    of the classes, with one count added to each.
    """
    truth = indicators(train.labels, len(train.classes))
    counts = truth.sum(axis=0) + 1.0
    several = train.problem == "multi_label"
    row = np.log(counts / (len(train) + 2 - counts)) if several else np.log(counts / counts.sum())

    def predict(labelled: Labelled) -> NDArray[np.float32]:
        return np.tile(row.astype(np.float32), (len(labelled), 1))

    return FittedBaseline(MAJORITY.name, MAJORITY.title, predict)


def mean(train: Labelled, _choice: Choice | None = None) -> FittedBaseline:
    """Answer every text with the mean of the numbers of `train`."""
    row = np.array([train.labels.mean(dtype=np.float64)], np.float32)

    def predict(labelled: Labelled) -> NDArray[np.float32]:
        return np.tile(row, (len(labelled), 1))

    return FittedBaseline(MEAN.name, MEAN.title, predict)


def constant_of(test: Labelled) -> FittedBaseline:
    """The majority class, or the mean, of the test data themselves, for when there are no training labels."""
    if test.problem == "regression":
        return replace(mean(test), note="the mean of the test data themselves")
    return replace(majority(test), note="the most frequent class of the test data themselves")


MAJORITY = Baseline("majority", "majority class", majority)
MEAN = Baseline("mean", "mean", mean)
