"""From the trained network to the serving form: fold, low rank, a narrow head, one or two bytes a number.

A mean is linear, and so is the first layer behind it: the layer folds into the table, exactly. What the
head reads then has few directions that matter, so that the table is cut to them. Each step is measured
on texts that it was not fitted to, and a student that has changed too much is refused.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from .. import _core
from .._internal.texts import Texts
from ..errors import InputError
from ..model.compact import CompactWeights
from ..model.pairs import pair_features
from ..model.predictions import probabilities
from ..model.record import CompressionRecord, CompressionStep
from ..model.student_model import StudentModel
from ..model.weights import StudentWeights
from ..vocabulary.vocabulary import Vocabulary

logger = logging.getLogger(__package__)

Floats = NDArray[np.float64]

#: The class of the model that is compressed.
Model = TypeVar("Model", bound=StudentModel)

_RANKS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024)
_WIDTHS = (16, 32, 64, 128)  # units of a narrowed head: whole vectors of the kernel
_LARGEST_BYTE = 127
_LARGEST_PAIR = 127 * 256 + 127  # of two signed bytes
_FITTED = 5000  # texts that the cut and the scales are fitted to, at most
_EMPTY_WEIGHT = 30.0  # of the empty text among those that a head is fitted to: its answer is to stay


@dataclass(frozen=True)
class Floor:
    """How much a compact student may differ from the trained one.

    Attributes:
        agreement: Share of held-out texts that get the same label, at least.
        change: Mean absolute change of a probability on them, at most.
    """

    agreement: float = 0.999
    change: float = 0.001

    def part(self, share: float) -> Floor:
        """A stricter floor, which leaves the rest of what is allowed to later steps."""
        return Floor(1 - share * (1 - self.agreement), share * self.change)


@dataclass(frozen=True)
class Difference:
    """How far answers have moved from those of the trained student.

    Attributes:
        agreement: Share of the texts with the same label (multi-label: the same labels).
        mean_change: Mean absolute change of a probability.
        max_change: The largest.
    """

    agreement: float
    mean_change: float
    max_change: float

    def within(self, floor: Floor) -> bool:
        """Whether `floor` allows it."""
        return self.agreement >= floor.agreement and self.mean_change <= floor.change


def compress(
    student: Model,
    texts: Texts,
    text_pair: Texts | None = None,
    *,
    dims: int | None = None,
    floor: Floor | None = None,
    threads: int | None = None,
) -> Model:
    """Make the compact form of `student`: megabytes where it had gigabytes, and the same answers.

    Args:
        student: A trained student.
        texts: Texts of the kind it reads, a few thousand, without labels. Half of them fit the compact
            form, the other half measures it.
        text_pair: The second texts, for pairs.
        dims: Dimensions to cut the table to; by default the fewest within the floor.
        floor: How much answers may change.
        threads: All cores by default.

    Returns:
        The compact student, with what was measured in its ``evaluation.compression``.

    Raises:
        InputError: The student is compact already, there are too few texts, or the floor is not kept.
    """
    network = student.weights
    if isinstance(network, CompactWeights):
        raise InputError("The student is compact already: compress the one it was made from.")
    floor = floor or Floor()
    sample = _Sample.take(student, network.table, texts, text_pair, threads)
    steps: list[CompressionStep] = []
    for rank in _ranks(network.table.shape[1], dims):
        cut = _cut(network, sample, rank)
        if dims is None and not sample.difference(cut, sample.fit).within(floor.part(0.5)):
            continue
        steps = [_step(f"cut to {rank} dimensions", sample.difference(cut, sample.held))]
        narrow = cut if student.pair else _narrowed(cut, sample, floor.part(0.7))
        if narrow is not cut:
            what = f"head of {len(narrow.hidden_bias)} units"
            steps.append(_step(what, sample.difference(narrow, sample.held)))
        # What keeps the floor on the one half may just miss it on the other: then by a greater margin.
        for share in (0.9, 0.4):
            rows = _Quantised.of(narrow, network.table, sample, floor.part(share))
            compact = _build(student, narrow, rows)
            found = compact.score(*sample.inputs(sample.held), threads=threads).logits
            last = _difference(found, sample.logits[sample.held], student.multi_label)
            served = _step(f"{rows.bytes} bytes an n-gram, served", last)
            if last.within(floor):
                for step in (*steps, served):
                    logger.info(_as_line(step))
                record = CompressionRecord(len(sample.held), [*steps, served])
                return replace(compact, evaluation=replace(student.evaluation, compression=record))
        steps.append(served)
    raise InputError(
        f"The compact student changes too much (floor: agreement {floor.agreement:.4%}, mean change "
        f"{floor.change}; {_as_line(steps[-1]) if steps else 'no cut came near'}): allow more dimensions, "
        "lower the floor, or give more texts."
    )


# ---- what is measured ----------------------------------------------------------------------------


@dataclass(frozen=True)
class _Head:
    """A head over `projection` of the pooled table: features -> logits, in float64.

    `basis` leads back to the table's dimensions; None where the first layer is folded.
    """

    projection: Floats  # (table_dim, dims)
    basis: Floats | None  # (table_dim, dims)
    hidden_weight: Floats
    hidden_bias: Floats
    output_weight: Floats
    output_bias: Floats

    def hidden(self, features: Floats, shares: Floats) -> Floats:
        """Activations (n, hidden) of features (n, segments, dims); see :class:`_Sample`."""
        read = features[:, 0] if self.basis is None else pair_features(features @ self.basis.T, shares)
        return np.tanh(read @ self.hidden_weight.T + self.hidden_bias)

    def logits(self, features: Floats, shares: Floats) -> NDArray[np.float32]:
        """Float32 (n, classes)."""
        found: Floats = self.hidden(features, shares) @ self.output_weight.T + self.output_bias
        return found.astype(np.float32)


@dataclass(frozen=True)
class _Sample:
    """Texts, what the trained student makes of them, and their pooled rows.

    A text is one segment, and a pair is three: see :class:`~sparsedistill.vocabulary.NgramRows`.
    """

    texts: list[str]
    text_pair: list[str] | None
    logits: NDArray[np.float32]
    multi_label: bool
    fit: NDArray[np.int64]
    held: NDArray[np.int64]
    pooled: Floats  # (n, segments, table_dim), sums of rows by n-gram of the text or pair
    shares: Floats  # (n, segments), of the n-grams of the text or pair
    rows: NDArray[np.int64]  # n-grams of the texts to fit
    offsets: NDArray[np.int64]

    @classmethod
    def take(
        cls,
        student: StudentModel,
        table: NDArray[np.float32],
        texts: Texts,
        text_pair: Texts | None,
        threads: int | None,
    ) -> _Sample:
        logits = student.score(texts, text_pair, threads=threads).logits
        if len(logits) < 20:
            raise InputError(f"{len(logits)} texts are too few to compress with: give some thousands.")
        order = np.random.default_rng(0).permutation(len(logits))
        fit, held = order[: len(order) // 2][:_FITTED], order[len(order) // 2 :]
        first = [str(text) for text in texts]
        second = None if text_pair is None else [str(text) for text in text_pair]
        pooled, shares = _pooled(student.vocabulary, table, first, second, threads)
        chosen = student.vocabulary.extract(*_inputs(first, second, fit), threads=threads)
        return cls(
            texts=first,
            text_pair=second,
            logits=logits,
            multi_label=student.multi_label,
            fit=fit,
            held=held,
            pooled=pooled,
            shares=shares,
            rows=chosen.rows,
            offsets=chosen.offsets,
        )

    def inputs(self, part: NDArray[np.int64]) -> tuple[list[str], list[str] | None]:
        return _inputs(self.texts, self.text_pair, part)

    def difference(self, head: _Head, part: NDArray[np.int64]) -> Difference:
        found = head.logits(self.pooled[part] @ head.projection, self.shares[part])
        return _difference(found, self.logits[part], self.multi_label)


def _inputs(
    texts: list[str], text_pair: list[str] | None, part: NDArray[np.int64]
) -> tuple[list[str], list[str] | None]:
    return [texts[i] for i in part], None if text_pair is None else [text_pair[i] for i in part]


def _pooled(
    vocabulary: Vocabulary,
    table: NDArray[np.float32],
    texts: list[str],
    text_pair: list[str] | None,
    threads: int | None,
) -> tuple[Floats, Floats]:
    """What a sample holds of texts: pooled rows, and shares.

    A thousand texts at a time, for their rows take memory.
    """
    pooled, shares = [], []
    for begin in range(0, len(texts), 1000):
        part = np.arange(begin, min(begin + 1000, len(texts)))
        found = vocabulary.extract(*_inputs(texts, text_pair, part), threads=threads)
        shares.append(_shares(found.offsets, len(part)))
        means = _means(table[found.rows], found.offsets).reshape(*shares[-1].shape, -1)
        pooled.append(means * shares[-1][:, :, None])
    return np.concatenate(pooled), np.concatenate(shares)


def _shares(offsets: NDArray[np.int64], texts: int) -> Floats:
    """What share of the n-grams of a text or pair is in each of its segments, (texts, segments)."""
    counts = np.diff(offsets).reshape(texts, -1)
    shares: Floats = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    return shares


def _means(values: NDArray[Any], offsets: NDArray[np.int64]) -> Floats:
    """Means (n, dims) of the segments of (nnz, dims); zeros for empty ones."""
    counts = np.diff(offsets)
    means: Floats = np.zeros((len(counts), values.shape[1]))
    some = counts > 0
    if some.any():
        means[some] = np.add.reduceat(values, offsets[:-1][some], axis=0, dtype=np.float64)
        means[some] /= counts[some, None]
    return means


def _difference(found: NDArray[np.float32], expected: NDArray[np.float32], multi_label: bool) -> Difference:
    change = np.abs(
        probabilities(found, multi_label=multi_label) - probabilities(expected, multi_label=multi_label)
    )
    same = (
        ((found >= 0) == (expected >= 0)).all(axis=1)
        if multi_label
        else found.argmax(axis=1) == expected.argmax(axis=1)
    )
    return Difference(float(same.mean()), float(change.mean()), float(change.max()))


def _step(name: str, difference: Difference) -> CompressionStep:
    return CompressionStep(name, **asdict(difference))


def _as_line(step: CompressionStep) -> str:
    return (
        f"{step.step}: agreement {step.agreement:.3%}, probabilities change by "
        f"{step.mean_change:.5f} on average, {step.max_change:.4f} at most"
    )


# ---- the steps -----------------------------------------------------------------------------------


def _ranks(dim: int, asked: int | None) -> Iterator[int]:
    if asked is None:
        yield from (rank for rank in _RANKS if rank < dim)
        yield dim
    elif 1 <= asked <= dim:
        yield asked
    else:
        raise InputError(f"dims is {asked}: it must be 1 to {dim}, the dimensions of the table.")


def _cut(network: StudentWeights, sample: _Sample, rank: int) -> _Head:
    """The head over the `rank` directions of the pooled table that its logits depend on most.

    Directions are weighted by how often they occur (the second moment of pooled texts, which is the
    n-grams' by frequency) and by what they do to the logits (the head's squared gradient). Not centred:
    a text without n-grams stays at zero.
    """
    pooled = sample.pooled[sample.fit].reshape(-1, sample.pooled.shape[2])
    weights = [array.astype(np.float64) for array in network.arrays().values()]
    hidden_weight, hidden_bias, output_weight, output_bias = weights[1:]
    moment = pooled.T @ pooled / len(pooled)
    sensitivity = np.eye(len(moment))
    if sample.text_pair is None:
        slopes = 1 - np.tanh(pooled @ hidden_weight.T + hidden_bias) ** 2
        spread = output_weight - output_weight.mean(axis=0) if len(output_weight) > 1 else output_weight
        sensitivity = sum(
            ((slopes * row) @ hidden_weight).T @ ((slopes * row) @ hidden_weight) for row in spread
        ) / len(pooled)
        sensitivity += 1e-6 * np.trace(sensitivity) / len(moment) * np.eye(len(moment))
    root = _square_root(sensitivity)
    values, vectors = np.linalg.eigh(root @ moment @ root)
    vectors = vectors[:, ::-1][:, :rank]
    kept = np.maximum(values[::-1][:rank], values[-1] * 1e-12 + 1e-30)
    projection = root @ vectors
    basis = moment @ projection / kept
    if sample.text_pair is not None:
        return _Head(projection, basis, hidden_weight, hidden_bias, output_weight, output_bias)
    return _Head(projection, None, hidden_weight @ basis, hidden_bias, output_weight, output_bias)


def _square_root(matrix: Floats) -> Floats:
    values, vectors = np.linalg.eigh(matrix)
    root: Floats = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    return root


def _narrowed(head: _Head, sample: _Sample, floor: Floor) -> _Head:
    """`head` with as few of its units as keep the floor, chosen greedily and refitted by least squares."""
    features = np.pad(sample.pooled[sample.fit] @ head.projection, ((0, 1), (0, 0), (0, 0)))
    weights = np.ones(len(features))
    weights[-1] = _EMPTY_WEIGHT
    units = head.hidden(features, np.pad(sample.shares[sample.fit], ((0, 1), (0, 0))))
    target = units @ head.output_weight.T
    chosen: list[int] = []
    for width in _WIDTHS:
        if width >= len(head.hidden_bias):
            break
        solution: NDArray[Any] = np.zeros((1, target.shape[1]))
        while len(chosen) < width:
            design = np.column_stack([np.ones(len(units)), units[:, chosen]]) * weights[:, None]
            solution = np.linalg.lstsq(design, target * weights[:, None], rcond=None)[0]
            left = target * weights[:, None] - design @ solution
            gain = np.linalg.norm((units * weights[:, None]).T @ left, axis=1)
            gain /= np.linalg.norm(units * weights[:, None], axis=0) + 1e-12
            gain[chosen] = -1
            chosen.append(int(gain.argmax()))
        design = np.column_stack([np.ones(len(units)), units[:, chosen]]) * weights[:, None]
        solution = np.linalg.lstsq(design, target * weights[:, None], rcond=None)[0]
        narrow = replace(
            head,
            hidden_weight=head.hidden_weight[chosen],
            hidden_bias=head.hidden_bias[chosen],
            output_weight=solution[1:].T.astype(np.float64),
            output_bias=head.output_bias + solution[0],
        )
        if sample.difference(narrow, sample.fit).within(floor):
            return narrow
    return head


@dataclass(frozen=True)
class _Quantised:
    """NgramRows as signed bytes, the first `wide` numbers in two each."""

    values: NDArray[np.int8]  # (rows, wide + dims)
    wide: int
    scale: Floats
    centre: Floats

    @property
    def bytes(self) -> int:
        return int(self.values.shape[1])

    @classmethod
    def of(cls, head: _Head, table: NDArray[np.float32], sample: _Sample, floor: Floor) -> _Quantised:
        """As few bytes as keep the floor; what is left of a slot goes to numbers in two bytes."""
        dims = head.projection.shape[1]
        counts = np.bincount(sample.rows, minlength=len(table)).astype(np.float64)
        projected = np.empty((len(table), dims), np.float32)
        for begin in range(0, len(table), 1 << 18):
            projected[begin : begin + (1 << 18)] = table[begin : begin + (1 << 18)] @ head.projection
        centre = counts @ projected / max(counts.sum(), 1)
        narrow = [_in_one_byte(projected[:, d] - centre[d], counts) for d in range(dims)]
        broad = [_in_two_bytes(projected[:, d] - centre[d]) for d in range(dims)]
        shares = sample.shares[sample.fit]

        def pooled(numbers: NDArray[np.int16], scale: float, d: int) -> Floats:
            means = _means(numbers[sample.rows][:, None], sample.offsets).reshape(shares.shape)
            restored: Floats = (means * scale + centre[d]) * shares
            return restored

        features = np.stack([pooled(*narrow[d], d) for d in range(dims)], axis=2)
        wide = 0
        while not _difference(
            head.logits(features, shares), sample.logits[sample.fit], sample.multi_label
        ).within(floor):
            if wide == dims:
                break
            features[:, :, wide] = pooled(*broad[wide], wide)
            wide += 1
        if slots := _core.compact_slots(dims + wide):
            wide = min(dims, _core.compact_row_bytes(slots) - dims)
        lanes = []
        for d in range(dims):
            lanes.extend(_two_bytes(broad[d][0]) if d < wide else [narrow[d][0].astype(np.int8)])
        scale = np.array([(broad if d < wide else narrow)[d][1] for d in range(dims)])
        return cls(np.stack(lanes, axis=1), wide, scale, centre)


def _in_one_byte(values: NDArray[np.float32], counts: Floats) -> tuple[NDArray[np.int16], float]:
    """Whole numbers up to 127, and their scale: clipped where that makes the common n-grams exacter."""
    weights = counts + 1e-3
    best = (np.inf, np.zeros(len(values), np.int16), 1.0)
    for quantile in (1.0, 0.99999, 0.9999, 0.999, 0.99):
        scale = max(float(np.quantile(np.abs(values), quantile)) / _LARGEST_BYTE, 1e-30)
        numbers = np.clip(np.rint(values / scale), -_LARGEST_BYTE, _LARGEST_BYTE)
        error = float(weights @ (numbers * scale - values) ** 2)
        if error < best[0]:
            best = (error, numbers.astype(np.int16), scale)
    return best[1], best[2]


def _in_two_bytes(values: NDArray[np.float32]) -> tuple[NDArray[np.int16], float]:
    scale = max(float(np.abs(values).max()) / _LARGEST_PAIR, 1e-30)
    return np.rint(values / scale).astype(np.int16), scale


def _two_bytes(numbers: NDArray[np.int16]) -> list[NDArray[np.int8]]:
    """[first, second], signed, with numbers = 256 * first + second."""
    wide = numbers.astype(np.int32)
    second = ((wide + 128) & 255) - 128
    return [((wide - second) >> 8).astype(np.int8), second.astype(np.int8)]


def _build(student: Model, head: _Head, rows: _Quantised) -> Model:
    vocabulary = student.vocabulary
    keys = vocabulary.keys()
    followers = np.full(len(keys), 0xFFFF, np.uint16)
    if vocabulary.ngrams is not None and vocabulary.closed:
        followers = _core.followers_of(keys, vocabulary.ngrams)
    slots, apart, inside = _core.compact_slots(rows.bytes), None, rows.values.view(np.uint8)
    if not slots:
        slots = _core.COMPACT_APART_SLOTS
        inside = np.arange(len(keys), dtype=np.uint32)[:, None].view(np.uint8)
        apart = rows.values
    lines, _ = _core.build_compact(keys, inside, followers, slots)

    def floats(array: Floats) -> NDArray[np.float32]:
        return np.ascontiguousarray(array, np.float32)

    compact = CompactWeights(
        lines=lines,
        slots=slots,
        wide=rows.wide,
        rows=apart,
        scale=floats(rows.scale),
        centre=floats(rows.centre),
        basis=None if head.basis is None else floats(head.basis),
        hidden_weight=floats(head.hidden_weight),
        hidden_bias=floats(head.hidden_bias),
        output_weight=floats(head.output_weight),
        output_bias=floats(head.output_bias),
    )
    return replace(student, vocabulary=vocabulary.without_table(), weights=compact)
