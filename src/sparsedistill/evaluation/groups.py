"""Accuracy, or Spearman's correlation, by the values of a column: by language, domain or source."""

from __future__ import annotations

from collections.abc import Mapping
from math import sqrt

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from .._internal.correlation import spearman_values
from ..model.record import GroupAccuracy, GroupRecord
from .comparison import Answers
from .metrics import Bools, Floats
from .uncertainty import standard_error


def measure_groups(
    groups: pa.Array, answers: Mapping[str, Answers], coverage: NDArray[np.float32]
) -> list[GroupRecord]:
    """Accuracy of all classifiers in each group, the groups with the worst student first.

    Args:
        groups: The group of each test text, large_string (n,).
        answers: Answers by name; one is ``"student"``.
        coverage: Coverage of each text, float32 (n,).
    """
    found = [
        GroupRecord(
            name=name,
            texts=int(rows.sum()),
            coverage=float(coverage[rows].mean()),
            accuracy={key: _figure(one, rows) for key, one in answers.items()},
        )
        for name, rows in _rows(groups)
    ]
    return sorted(found, key=lambda group: (group.accuracy["student"].accuracy, group.name))


def groups_below(groups: pa.Array, ours: Answers, theirs: Answers) -> list[str]:
    """Names of the groups in which `ours` is less accurate than `theirs` by more than one standard error.

    The error is that of the difference on the same texts. The groups with the largest difference come first.
    """
    below = []
    for name, rows in _rows(groups):
        difference = _values(theirs, rows) - _values(ours, rows)
        if difference.mean() > standard_error(difference):
            below.append((-difference.mean(), name))
    return [name for _, name in sorted(below)]


def _rows(groups: pa.Array) -> list[tuple[str, Bools]]:
    """The names of the groups, and which texts are in each."""
    encoded = pc.dictionary_encode(groups)
    indices = encoded.indices.to_numpy()
    return [(name, indices == i) for i, name in enumerate(encoded.dictionary.to_pylist())]


def _values(answers: Answers, rows: Bools) -> Floats:
    """The values of some texts, whose mean is the figure of :func:`_figure`."""
    if answers.metric == "spearman":
        return spearman_values(answers.decided[rows], answers.truth[rows])
    return answers.right[rows].astype(np.float64)


def _figure(answers: Answers, rows: Bools) -> GroupAccuracy:
    if answers.metric == "spearman":
        values = _values(answers, rows)
        return GroupAccuracy(float(values.mean()), standard_error(values))
    return _accuracy(answers.right[rows])


def _accuracy(right: Bools) -> GroupAccuracy:
    share = float(right.mean())
    return GroupAccuracy(share, sqrt(share * (1 - share) / len(right)))
