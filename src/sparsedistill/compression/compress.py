"""From a trained student to its compact form: fold, low rank, a narrow head, one or two bytes per number.

The mean is linear, and so is the first layer after it: the layer folds into the table exactly. What the head
then reads has few directions that matter, so the table is cut to them. Each step is measured on held-out
texts, and a student that has changed too much is rejected.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import product
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from .. import _core
from .._internal.progress import Progress, no_progress
from .._internal.texts import Texts
from .._internal.threads import all_threads
from ..errors import InputError
from ..model.compact import CompactWeights
from ..model.heads import Head
from ..model.ngram_network import NgramNetwork
from ..model.predictions import sides_of
from ..model.record import CompressionRecord, CompressionStep
from ..model.student_model import StudentModel
from ..model.weights import StudentWeights
from ..problem import Problem
from ..vocabulary.vocabulary import Vocabulary
from .difference import Floor, Floors
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
    network, (record,) = compact_network(
        model.network,
        model.heads,
        texts,
        text_pair,
        dims=dims,
        floors=None if floor is None else (floor,),
        threads=threads,
        progress=progress,
    )
    return replace(
        model,
        vocabulary=network.vocabulary,
        weights=network.weights,
        evaluation=replace(model.evaluation, compression=record),
    )


def compact_network(
    network: NgramNetwork,
    heads: tuple[Head, ...],
    texts: Texts,
    text_pair: Texts | None = None,
    *,
    dims: int | None = None,
    floors: tuple[Floor, ...] | None = None,
    threads: int | None = None,
    progress: Progress = no_progress,
) -> tuple[NgramNetwork, list[CompressionRecord]]:
    """Make the compact form of a network, of which each head keeps its floor. See :func:`compress`.

    Args:
        network: The network of a trained student.
        heads: The heads, in the order of its outputs.
        texts: See :func:`compress`, as for the other arguments.
        text_pair: See there.
        dims: See there.
        floors: A floor per head.
        threads: See there.
        progress: See there.

    Returns:
        The compact network, and what was measured of each head.

    Raises:
        InputError: As :func:`compress`.
    """
    weights = network.weights
    if isinstance(weights, CompactWeights):
        raise InputError("The student is compact already: compress the student that it was made from.")
    limits = Floors(heads, floors or tuple(Floor.of(head.problem) for head in heads))
    sample = Sample.take(network, heads, weights.table, texts, text_pair, threads)
    ranks = list(_ranks(weights.dim, dims))
    last: str | None = None
    with progress("Compressing", len(ranks), "ranks") as advance:
        for tried, rank in enumerate(ranks):
            head = cut(weights, sample, rank)
            found = head.of_sample(sample, sample.fit)
            if dims is not None or limits.part(0.5).keep(found, sample.logits[sample.fit]):
                compact, steps = _quantized(network, weights, head, sample, limits, threads)
                last = _as_line(heads, steps[-1])
                if compact is not None:
                    advance(len(ranks) - tried)  # no other rank is needed
                    for step in steps:
                        logger.info(_as_line(heads, step))
                    by_head = zip(*steps, strict=True)
                    return compact, [CompressionRecord(len(sample.held_out), list(each)) for each in by_head]
            advance()
    floor = "; ".join(_of_head(head, str(floor)) for head, floor in zip(heads, limits.floors, strict=True))
    raise InputError(
        f"The compact student would change too much (floor: {floor}; {last or 'no rank is close enough'}): "
        "allow more dimensions, lower the floor, or give more texts."
    )


def _quantized(
    network: NgramNetwork,
    weights: StudentWeights,
    head: LowRankHead,
    sample: Sample,
    floors: Floors,
    threads: int | None,
) -> tuple[NgramNetwork | None, list[list[CompressionStep]]]:
    """Narrow and quantize a head.

    Returns:
        The compact network if it keeps the floors, and per step what it changed in each of its heads.
    """
    rank = head.projection.shape[1]

    def step(name: str, outputs: NDArray[np.float32]) -> list[CompressionStep]:
        return [one.step(name) for one in floors.differences(outputs, sample.logits[sample.held_out])]

    cut_step = step(f"cut to {rank} dimension{'s' * (rank > 1)}", head.of_sample(sample, sample.held_out))
    narrow = narrowed(head, sample, floors.part(0.7))
    # The last rank may keep the floor only with all units: a narrow head has used a part of it.
    heads = (narrow, head) if narrow is not head and rank == weights.dim else (narrow,)
    # Rows that keep the floor on one half of the texts may miss it on the other: then with a larger margin.
    for tried, share in product(heads, (0.9, 0.4)):
        steps = [cut_step]
        if tried is not head:
            units = len(tried.hidden_bias)
            steps.append(step(f"head of {units} units", tried.of_sample(sample, sample.held_out)))
        rows = QuantizedRows.of(tried, weights.table, sample, floors.part(share))
        compact = _build(network.vocabulary, tried, rows, pair=network.pair)
        sides = sides_of(*sample.select(sample.held_out), pair=network.pair)
        served, _ = compact(*sides, all_threads(threads))
        steps.append(step(f"{rows.bytes} bytes per n-gram, as served", served))
        if floors.keep(served, sample.logits[sample.held_out]):
            return compact, steps
    return None, steps


def _build(vocabulary: Vocabulary, head: LowRankHead, rows: QuantizedRows, *, pair: bool) -> NgramNetwork:
    """The network with `head` over `rows`, laid out as the core reads it."""
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
    return NgramNetwork(vocabulary.without_table(), weights, pair)


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


def _as_line(heads: Sequence[Head], steps: Sequence[CompressionStep]) -> str:
    """What a step changed in each head."""
    changes = (_of_head(head, _changes(step, head.problem)) for head, step in zip(heads, steps, strict=True))
    return f"{steps[0].step}: {'; '.join(changes)}"


def _of_head(head: Head, words: str) -> str:
    return f"{head.name} {words}" if head.name else words


def _changes(step: CompressionStep, problem: Problem) -> str:
    if problem == "regression":
        return (
            f"Spearman {step.agreement:.5f}, numbers change by {step.mean_change:.4f} standard deviations on "
            f"average and {step.max_change:.3f} at most"
        )
    return (
        f"agreement {step.agreement:.3%}, probabilities change by "
        f"{step.mean_change:.5f} on average and {step.max_change:.4f} at most"
    )
