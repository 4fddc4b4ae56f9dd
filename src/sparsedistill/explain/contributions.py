"""What each n-gram adds to the logits: integrated gradients in closed form."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..model.compact import CompactWeights
from ..model.pairs import text_means
from ..model.weights import StudentWeights
from .lookup import KnownNgrams

Floats = NDArray[np.float64]


def contributions(weights: StudentWeights | CompactWeights, sides: Sequence[KnownNgrams]) -> Floats:
    """What each n-gram adds to the logits, float64 (n-grams, classes).

    Args:
        weights: The student's weights.
        sides: The known n-grams of a text, or of both texts of a pair.
    """
    rows = np.concatenate([side.rows for side in sides])
    hidden = weights.hidden_weight.astype(np.float64)
    if len(sides) == 1:
        groups = [_Group(np.arange(len(rows)), hidden / max(len(rows), 1))]
    else:
        basis = weights.basis if isinstance(weights, CompactWeights) else None
        groups = _pair_groups(
            hidden, np.eye(rows.shape[1]) if basis is None else basis.astype(np.float64), sides
        )
    moved = np.zeros(len(hidden))
    for places, weight, constant in groups:
        moved += weight @ rows[places].sum(axis=0) + len(places) * constant
    rates = weights.output_weight * _mean_slope(weights.hidden_bias.astype(np.float64), moved)
    added = np.empty((len(rows), len(rates)))
    for places, weight, constant in groups:
        added[places] = rows[places] @ (rates @ weight).T + (rates * constant).sum(axis=1)
    return added


def empty_logits(weights: StudentWeights | CompactWeights) -> NDArray[np.float32]:
    """The logits of a text without n-grams, float32 (classes,)."""
    units = np.tanh(weights.hidden_bias.astype(np.float64))
    return (weights.output_weight @ units + weights.output_bias).astype(np.float32)


class _Group(NamedTuple):
    """n-grams that move the inputs of the hidden units in the same way: by ``weight @ row + constant``.

    Attributes:
        places: int64 (n,), their indices among all n-grams of the text or pair.
        weight: (hidden, dim).
        constant: (hidden,).
    """

    places: NDArray[np.int64]
    weight: Floats
    constant: Floats | float = 0.0


def _pair_groups(hidden: Floats, basis: Floats, sides: Sequence[KnownNgrams]) -> list[_Group]:
    """The n-grams of each text of a pair: those that are in both texts, and those that are in one."""
    common = set(sides[0].ngrams) & set(sides[1].ngrams)
    shared = [np.array([ngram in common for ngram in side.ngrams], bool) for side in sides]
    counts = np.array([len(common), *(np.count_nonzero(~both) for both in shared)])
    each = 1 / max(counts.sum(), 1)
    sums = [sides[0].rows[shared[0]], *(side.rows[~both] for side, both in zip(sides, shared, strict=True))]
    parts = np.stack([part.sum(axis=0) for part in sums]) @ basis.T * each
    u, v = (mean[0] for mean in text_means(parts[None], counts[None] * each))
    dim = len(basis)
    *of_parts, product, distance, of_shares = np.split(hidden, dim * np.arange(1, 6), axis=1)
    groups = []
    for number, (both, other, sign) in enumerate(zip(shared, (v, u), np.sign([u - v, v - u]), strict=True)):
        of_text = (product * other / 2 + distance * sign) / max(len(both), 1)
        begin = number * len(shared[0])
        for part, share, chosen in ((0, 0.5, both), (number + 1, 1.0, ~both)):
            weight = of_parts[part] * each * share + of_text
            places = begin + np.flatnonzero(chosen)
            groups.append(_Group(places, weight @ basis, of_shares[:, part] * each * share))
    return groups


def _mean_slope(start: Floats, moved: Floats) -> Floats:
    """``(tanh(start + moved) - tanh(start)) / moved``, also if `moved` is 0 or close to it.

    Uses ``tanh a - tanh b = tanh(a - b) (1 - tanh a tanh b)``, which does not cancel for a small move.
    """
    still = np.abs(moved) < 1e-9
    ratio = np.where(still, 1.0, np.tanh(moved) / np.where(still, 1.0, moved))
    slope: Floats = ratio * (1 - np.tanh(start) * np.tanh(start + moved))
    return slope
