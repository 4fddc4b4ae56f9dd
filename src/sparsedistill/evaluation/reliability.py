"""How often answers of about the same confidence are right."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..data.labelled import Labelled
from ..model.predictions import probabilities
from ..model.record import ReliabilityBin
from .metrics import ECE_BINS, calibration_bins, chosen_confidence, indicators


def reliability(logits: NDArray[np.float32], labelled: Labelled) -> list[ReliabilityBin] | None:
    """Put answers into the bins of the calibration error.

    Args:
        logits: float32 (n, classes).
        labelled: The texts with their labels.

    Returns:
        The bins that are not empty, least confident first; None for a regression.
    """
    if labelled.problem == "regression":
        return None
    predicted = probabilities(logits, labelled.problem).astype(np.float64)
    truth = indicators(labelled.labels, logits.shape[1])
    confidence, correct = (
        part.ravel()
        for part in chosen_confidence(predicted, logits, truth, labelled.problem == "multi_label")
    )
    bins = calibration_bins(confidence)
    sizes = np.bincount(bins, minlength=ECE_BINS)
    sums = [np.bincount(bins, part, ECE_BINS) for part in (confidence, correct)]
    return [
        ReliabilityBin(float(sums[0][i] / sizes[i]), float(sums[1][i] / sizes[i]), int(sizes[i]))
        for i in np.flatnonzero(sizes)
    ]
