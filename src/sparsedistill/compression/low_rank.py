"""A head over few directions of the pooled table, with few hidden units."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..model.pairs import pair_features
from ..model.weights import StudentWeights
from .difference import Difference, Floor
from .sample import Floats, Sample

_WIDTHS = (16, 32, 64, 128)  # units of a narrowed head: whole vectors of the kernel
_EMPTY_WEIGHT = 30.0  # of the empty text among the texts that a head is fitted to: its answer must stay


@dataclass(frozen=True)
class LowRankHead:
    """A head over `projection` of the pooled table, in float64: features -> logits.

    Attributes:
        projection: (table_dim, dims), the directions.
        basis: (table_dim, dims), back to the dimensions of the table; None if the first layer is folded.
        hidden_weight: (hidden, dims); for pairs (hidden, 5 * table_dim + 3).
        hidden_bias: (hidden,).
        output_weight: (classes, hidden).
        output_bias: (classes,).
    """

    projection: Floats
    basis: Floats | None
    hidden_weight: Floats
    hidden_bias: Floats
    output_weight: Floats
    output_bias: Floats

    def hidden(self, features: Floats, shares: Floats) -> Floats:
        """Activations (n, hidden) of features (n, segments, dims) with shares (n, segments)."""
        read = features[:, 0] if self.basis is None else pair_features(features @ self.basis.T, shares)
        activations: Floats = np.tanh(read @ self.hidden_weight.T + self.hidden_bias)
        return activations

    def logits(self, features: Floats, shares: Floats) -> NDArray[np.float32]:
        """Logits, float32 (n, classes), of features (n, segments, dims) with shares (n, segments)."""
        found: Floats = self.hidden(features, shares) @ self.output_weight.T + self.output_bias
        return found.astype(np.float32)

    def difference(self, sample: Sample, part: NDArray[np.int64]) -> Difference:
        """The difference from the trained student on some texts of `sample`."""
        found = self.logits(sample.pooled[part] @ self.projection, sample.shares[part])
        return Difference.between(found, sample.logits[part], sample.problem)


def cut(weights: StudentWeights, sample: Sample, rank: int) -> LowRankHead:
    """The head over the `rank` directions of the pooled table that its logits depend on most.

    Directions are weighted by how often they occur (the second moment of pooled texts, which weights n-grams
    by frequency) and by their effect on the logits (the squared gradient of the head). They are not centred:
    a text without n-grams stays at zero.
    """
    pooled = sample.pooled[sample.fit].reshape(-1, sample.pooled.shape[2])
    _, hidden_weight, hidden_bias, output_weight, output_bias = (
        array.astype(np.float64) for array in weights.arrays().values()
    )
    moment = pooled.T @ pooled / len(pooled)
    sensitivity = np.eye(len(moment))
    if sample.text_pair is None:
        slopes = 1 - np.tanh(pooled @ hidden_weight.T + hidden_bias) ** 2
        spread = output_weight - output_weight.mean(axis=0) if len(output_weight) > 1 else output_weight
        # The mean over texts of the outer products of the gradients of all classes, in closed form.
        units = (slopes.T @ slopes) * (spread.T @ spread) / len(pooled)
        sensitivity = hidden_weight.T @ units @ hidden_weight
        sensitivity += 1e-6 * np.trace(sensitivity) / len(moment) * np.eye(len(moment))
    root = _square_root(sensitivity)
    values, vectors = np.linalg.eigh(root @ moment @ root)
    vectors = vectors[:, ::-1][:, :rank]
    kept = np.maximum(values[::-1][:rank], values[-1] * 1e-12 + 1e-30)
    projection = root @ vectors
    basis = moment @ projection / kept
    if sample.text_pair is not None:
        return LowRankHead(projection, basis, hidden_weight, hidden_bias, output_weight, output_bias)
    return LowRankHead(projection, None, hidden_weight @ basis, hidden_bias, output_weight, output_bias)


def narrowed(head: LowRankHead, sample: Sample, floor: Floor) -> LowRankHead:
    """`head` with as few hidden units as keep `floor`, chosen greedily and fitted by least squares."""
    features = np.pad(sample.pooled[sample.fit] @ head.projection, ((0, 1), (0, 0), (0, 0)))
    weights = np.ones(len(features))
    weights[-1] = _EMPTY_WEIGHT
    units = head.hidden(features, np.pad(sample.shares[sample.fit], ((0, 1), (0, 0))))
    target = (units @ head.output_weight.T) * weights[:, None]
    products = _Products.of(units, weights, target)
    chosen: list[int] = []
    for width in _WIDTHS:
        if width >= len(head.hidden_bias):
            break
        while len(chosen) < width:
            chosen.append(products.next_unit(chosen))
        solution = _fitted(units, weights, target, chosen)[1]
        narrow = replace(
            head,
            hidden_weight=head.hidden_weight[chosen],
            hidden_bias=head.hidden_bias[chosen],
            output_weight=solution[1:].T.astype(np.float64),
            output_bias=head.output_bias + solution[0],
        )
        if narrow.difference(sample, sample.fit).within(floor):
            return narrow
    return head


@dataclass(frozen=True)
class _Products:
    """Products of the weighted columns of a constant and all units, with each other and with the target.

    With them the choice of a unit costs nothing per text.
    """

    gram: Floats
    with_target: Floats

    @classmethod
    def of(cls, units: Floats, weights: Floats, target: Floats) -> _Products:
        columns = np.column_stack([np.ones(len(units)), units]) * weights[:, None]
        return cls(columns.T @ columns, columns.T @ target)

    def next_unit(self, chosen: list[int]) -> int:
        """The unit that explains most of what the chosen units leave of the target."""
        design = [0, *(unit + 1 for unit in chosen)]
        solution = np.linalg.lstsq(self.gram[np.ix_(design, design)], self.with_target[design], rcond=None)[0]
        left = (self.with_target - self.gram[:, design] @ solution)[1:]
        gain = np.linalg.norm(left, axis=1) / (np.sqrt(np.diag(self.gram)[1:]) + 1e-12)
        gain[chosen] = -1
        return int(gain.argmax())


def _fitted(units: Floats, weights: Floats, target: Floats, chosen: list[int]) -> tuple[Floats, NDArray[Any]]:
    """The weighted design matrix of a constant and the chosen units, and its least-squares solution."""
    design = np.column_stack([np.ones(len(units)), units[:, chosen]]) * weights[:, None]
    return design, np.linalg.lstsq(design, target, rcond=None)[0]


def _square_root(matrix: Floats) -> Floats:
    values, vectors = np.linalg.eigh(matrix)
    root: Floats = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    return root
