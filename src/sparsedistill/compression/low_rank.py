"""A head over few directions of the pooled table, with few hidden units."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..model.heads import head_slices
from ..model.pairs import pair_features
from ..model.weights import StudentWeights
from .difference import Floors
from .sample import Floats, Sample

_WIDTHS = (16, 32, 64, 128, 192, 256, 384, 512)  # units of a narrowed head: whole vectors of the kernel
_AT_ONCE = 1 << 18  # rows that are projected together
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

    def of_sample(self, sample: Sample, part: NDArray[np.int64]) -> NDArray[np.float32]:
        """Logits, float32 (n, classes), of some texts of `sample`."""
        return self.logits(sample.pooled[part] @ self.projection, sample.shares[part])


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
        spread = _effects(output_weight, sample)
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


def projected(table: NDArray[np.float32], projection: Floats) -> NDArray[np.float32]:
    """The rows in the directions of `projection`, float32 (rows, dims)."""
    found = np.empty((len(table), projection.shape[1]), np.float32)
    for begin in range(0, len(table), _AT_ONCE):
        found[begin : begin + _AT_ONCE] = table[begin : begin + _AT_ONCE] @ projection
    return found


def narrowed(head: LowRankHead, sample: Sample, floors: Floors) -> LowRankHead:
    """`head` with as few hidden units as keep `floors`, chosen greedily and fitted by least squares."""
    features = np.pad(sample.pooled[sample.fit] @ head.projection, ((0, 1), (0, 0), (0, 0)))
    weights = np.ones(len(features))
    weights[-1] = _EMPTY_WEIGHT
    units = head.hidden(features, np.pad(sample.shares[sample.fit], ((0, 1), (0, 0))))
    target = (units @ head.output_weight.T) * weights[:, None]
    search = _Search(units, weights, target / sample.units)
    chosen: list[int] = []
    for width in _WIDTHS:
        if width >= len(head.hidden_bias):
            break
        while len(chosen) < width:
            chosen.append(search.next_unit())
        solution = _fitted(units, weights, target, chosen)[1]
        narrow = replace(
            head,
            hidden_weight=head.hidden_weight[chosen],
            hidden_bias=head.hidden_bias[chosen],
            output_weight=solution[1:].T.astype(np.float64),
            output_bias=head.output_bias + solution[0],
        )
        if floors.keep(narrow.of_sample(sample, sample.fit), sample.logits[sample.fit]):
            return narrow
    return head


def _effects(output_weight: Floats, sample: Sample) -> Floats:
    """How the hidden units move the answers, (outputs, hidden).

    What moves all classes of a softmax alike changes no answer, and numbers count in their unit.
    """
    effects = output_weight / sample.units[:, None]
    for head, part in zip(sample.heads, head_slices(sample.heads), strict=True):
        if head.problem == "single_label" and len(head.classes) > 1:
            effects[part] -= effects[part].mean(axis=0)
    return effects


class _Search:
    """The greedy choice of units: orthogonal matching pursuit (Pati et al. 1993).

    It works on the products of the weighted columns of a constant and all units, with each other and with the
    target. Those of what is left when the chosen columns are fitted are kept up to date, at the cost of one
    step of Gram-Schmidt per unit, and nothing per text.

    Args:
        units: Activations (n, units).
        weights: Weights of the texts (n,).
        target: What to fit, (n, classes), weighted.
    """

    def __init__(self, units: Floats, weights: Floats, target: Floats) -> None:
        columns = np.column_stack([np.ones(len(units)), units]) * weights[:, None]
        self._gram, self._with_target = columns.T @ columns, columns.T @ target
        self._lengths = np.sqrt(np.diag(self._gram)) + 1e-12
        self._chosen: list[int] = []
        self._take(0)

    def next_unit(self) -> int:
        """The unit that explains most of what the units before leave of the target."""
        gain = np.linalg.norm(self._with_target, axis=1) / self._lengths
        gain[self._chosen] = -1
        self._take(int(gain.argmax()))
        return self._chosen[-1] - 1

    def _take(self, column: int) -> None:
        """Remove from all columns and the target what lies along a column."""
        self._chosen.append(column)
        square = self._gram[column, column]
        if square <= 1e-10 * self._lengths[column] ** 2:
            return  # the columns before span it
        along = self._gram[column] / np.sqrt(square)
        target = self._with_target[column] / np.sqrt(square)
        self._gram -= np.outer(along, along)
        self._with_target -= np.outer(along, target)


def _fitted(units: Floats, weights: Floats, target: Floats, chosen: list[int]) -> tuple[Floats, NDArray[Any]]:
    """The weighted design matrix of a constant and the chosen units, and its least-squares solution."""
    design = np.column_stack([np.ones(len(units)), units[:, chosen]]) * weights[:, None]
    return design, np.linalg.lstsq(design, target, rcond=None)[0]


def _square_root(matrix: Floats) -> Floats:
    values, vectors = np.linalg.eigh(matrix)
    root: Floats = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    return root
