"""From a trained student to its compact form: fold, low rank, a narrow head, one or two bytes per number.

The mean is linear, and so is the first layer after it: the layer folds into the table exactly. What the head
then reads has few directions that matter, so the table is cut to them. Each step is measured on held-out
texts, and a student that has changed too much is rejected.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from .. import _core
from .._internal.progress import Progress, no_progress
from .._internal.texts import Texts
from ..errors import InputError
from ..model.compact import CompactWeights
from ..model.record import CompressionRecord, CompressionStep
from ..model.student_model import StudentModel
from ..model.weights import StudentWeights
from ..problem import Problem
from .difference import Difference, Floor
from .low_rank import LowRankHead, cut, narrowed
from .quantize import QuantizedRows
from .sample import Floats, Sample

logger = logging.getLogger(__package__)

#: The class of the model that is compressed.
Model = TypeVar("Model", bound=StudentModel)

_RANKS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024)


def compress(
    model: Model,
    texts: Texts,
    text_pair: Texts | None = None,
    *,
    dims: int | None = None,
    floor: Floor | None = None,
    threads: int | None = None,
    progress: Progress = no_progress,
) -> Model:
    """Make the compact form of a student: megabytes instead of gigabytes, and the same answers.

    Args:
        model: A trained student.
        texts: A few thousand texts of the kind that it reads, without labels. The compact form is fitted to
            half of them and measured on the other half.
        text_pair: The second texts, for pairs.
        dims: Dimensions of the compact table; by default as few as keep `floor`.
        floor: How much answers may change; by default :meth:`~.difference.Floor.of` the student's problem.
        threads: All cores by default.
        progress: Shows the progress: the numbers of dimensions that are tried.

    Returns:
        The compact student, with what was measured in its ``evaluation.compression``.

    Raises:
        InputError: The student is compact already, there are too few texts, or the floor cannot be kept.
    """
    weights = model.weights
    if isinstance(weights, CompactWeights):
        raise InputError("The student is compact already: compress the student that it was made from.")
    floor = floor or Floor.of(model.problem)
    sample = Sample.take(model, weights.table, texts, text_pair, threads)
    ranks = list(_ranks(weights.dim, dims))
    last: CompressionStep | None = None
    with progress("Compressing", len(ranks), "ranks") as advance:
        for tried, rank in enumerate(ranks):
            head = cut(weights, sample, rank)
            if dims is not None or head.difference(sample, sample.fit).within(floor.part(0.5)):
                compact, steps = _quantized(model, weights, head, sample, floor, threads)
                last = steps[-1]
                if compact is not None:
                    advance(len(ranks) - tried)  # no other rank is needed
                    for step in steps:
                        logger.info(_as_line(step, model.problem))
                    record = CompressionRecord(len(sample.held_out), steps)
                    return replace(compact, evaluation=replace(model.evaluation, compression=record))
            advance()
    raise InputError(
        f"The compact student would change too much (floor: {floor}; "
        f"{_as_line(last, model.problem) if last else 'no rank is close enough'}): allow more dimensions, "
        "lower the floor, or give more texts."
    )


def _quantized(
    model: Model,
    weights: StudentWeights,
    head: LowRankHead,
    sample: Sample,
    floor: Floor,
    threads: int | None,
) -> tuple[Model | None, list[CompressionStep]]:
    """Narrow and quantize a head; the compact student if it keeps the floor, and what each step changed."""
    rank = head.projection.shape[1]
    steps = [head.difference(sample, sample.held_out).step(f"cut to {rank} dimension{'s' * (rank > 1)}")]
    narrow = head if model.pair else narrowed(head, sample, floor.part(0.7))
    if narrow is not head:
        name = f"head of {len(narrow.hidden_bias)} units"
        steps.append(narrow.difference(sample, sample.held_out).step(name))
    # Rows that keep the floor on one half of the texts may miss it on the other: then with a larger margin.
    for share in (0.9, 0.4):
        rows = QuantizedRows.of(narrow, weights.table, sample, floor.part(share))
        compact = _build(model, narrow, rows)
        logits = compact.score(*sample.select(sample.held_out), threads=threads).logits
        expected = sample.logits[sample.held_out]
        difference = Difference.between(logits, expected, model.problem)
        served = difference.step(f"{rows.bytes} bytes per n-gram, as served")
        if difference.within(floor):
            return compact, [*steps, served]
    return None, [*steps, served]


def _build(model: Model, head: LowRankHead, rows: QuantizedRows) -> Model:
    """The student with `head` over `rows`, laid out as the core reads it."""
    vocabulary = model.vocabulary
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
    weights = CompactWeights(
        lines=lines,
        slots=slots,
        wide=rows.wide,
        rows=apart,
        scale=_floats(rows.scale),
        centre=_floats(rows.centre),
        basis=None if head.basis is None else _floats(head.basis),
        hidden_weight=_floats(head.hidden_weight),
        hidden_bias=_floats(head.hidden_bias),
        output_weight=_floats(head.output_weight),
        output_bias=_floats(head.output_bias),
    )
    return replace(model, vocabulary=vocabulary.without_table(), weights=weights)


def _floats(array: Floats) -> NDArray[np.float32]:
    return np.ascontiguousarray(array, np.float32)


def _ranks(dim: int, asked: int | None) -> Iterator[int]:
    """The numbers of dimensions to try, smallest first."""
    if asked is None:
        yield from (rank for rank in _RANKS if rank < dim)
        yield dim
    elif 1 <= asked <= dim:
        yield asked
    else:
        raise InputError(f"dims is {asked}: it must be 1 to {dim}, the dimensions of the table.")


def _as_line(step: CompressionStep, problem: Problem) -> str:
    if problem == "regression":
        return (
            f"{step.step}: Spearman {step.agreement:.5f}, numbers change by {step.mean_change:.4f} standard "
            f"deviations on average and {step.max_change:.3f} at most"
        )
    return (
        f"{step.step}: agreement {step.agreement:.3%}, probabilities change by "
        f"{step.mean_change:.5f} on average and {step.max_change:.4f} at most"
    )
