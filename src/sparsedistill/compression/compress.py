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
from ..vocabulary.tokenizer import is_characters
from ..vocabulary.vocabulary import Vocabulary
from .difference import Floor, Floors
from .low_rank import LowRankHead, cut, narrowed
from .prune import pruned
from .quantize import QuantizedRows
from .sample import Floats, Sample

logger = logging.getLogger(__package__)

#: The class of the model that is compressed.
Model = TypeVar("Model", bound=StudentModel)

_BYTES_PER_ROW = 9  # of a compact student of two classes, about
_SIZES_TRIED = 6

_RANKS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024)


def compress(
    model: Model,
    texts: Texts,
    text_pair: Texts | None = None,
    *,
    dims: int | None = None,
    rows: int | None = None,
    size: int | None = None,
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
        rows: Keep this number of n-grams, those that the answers need most; by default all.
        size: Keep as many n-grams as fit into a ``model.safetensors`` of this many bytes.
        floor: How much answers may change when the n-grams that are kept become compact; by default
            :meth:`~.difference.Floor.of` the student's problem. The change from removing n-grams is measured
            too, but not limited.
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
        rows=rows,
        size=size,
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
    rows: int | None = None,
    size: int | None = None,
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
        rows: See there.
        size: See there.
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
    if size is not None and rows is not None:
        raise InputError("rows and size were given: give one of them.")
    if rows is not None and rows < 1:
        raise InputError(f"rows is {rows}: it must be at least 1.")
    limits = Floors(heads, floors or tuple(Floor.of(head.problem) for head in heads))
    sample = Sample.take(network, heads, weights.table, texts, text_pair, threads)
    if size is not None:
        return _sized(network, sample, size, dims, limits, threads, progress)
    return _with_rows(network, sample, rows, dims, limits, threads, progress)


def _sized(
    network: NgramNetwork,
    sample: Sample,
    size: int,
    dims: int | None,
    limits: Floors,
    threads: int | None,
    progress: Progress,
) -> tuple[NgramNetwork, list[CompressionRecord]]:
    """The compact network with as many n-grams as fit into `size` bytes."""
    total = len(network.vocabulary)
    rows, best = min(total, max(1, size // _BYTES_PER_ROW)), None
    for _ in range(_SIZES_TRIED):
        found = _with_rows(network, sample, rows, dims, limits, threads, progress)
        left, per_row = size - found[0].nbytes, _bytes_per_row(found[0])
        if left >= 0 and (best is None or rows > len(best[0].vocabulary)):
            best = found
        if best is not None and (left < 0.03 * size or rows == total):
            return best
        rows = min(total, rows + int(0.99 * left / per_row))
        if rows < 1:
            break
    if best is None:
        raise InputError(f"No compact student has {size:,} bytes, since its head alone has more: allow more.")
    return best


def _bytes_per_row(network: NgramNetwork) -> float:
    """Bytes that an n-gram of a compact network takes."""
    weights = network.weights
    assert isinstance(weights, CompactWeights)  # noqa: S101 - it was made so
    apart = 0 if weights.rows is None else weights.rows.nbytes
    return (weights.lines.nbytes + apart) / len(network.vocabulary)


def _with_rows(
    network: NgramNetwork,
    sample: Sample,
    rows: int | None,
    dims: int | None,
    limits: Floors,
    threads: int | None,
    progress: Progress,
) -> tuple[NgramNetwork, list[CompressionRecord]]:
    """The compact network with `rows` n-grams, and what was measured of each head."""
    steps: list[list[CompressionStep]] = []
    if rows is not None and rows < len(network.vocabulary):
        network, sample, removal = _fewer(network, sample, rows, limits, threads)
        steps.append(removal)
    compact, later = _compacted(network, sample, dims, limits, threads, progress)
    by_head = zip(*steps, *later, strict=True)
    return compact, [CompressionRecord(len(sample.held_out), list(each)) for each in by_head]


def _fewer(
    network: NgramNetwork, sample: Sample, rows: int, limits: Floors, threads: int | None
) -> tuple[NgramNetwork, Sample, list[CompressionStep]]:
    """The network with `rows` n-grams, the sample with its answers, and what that changed in each head."""
    smaller = pruned(network, sample, rows, threads)
    weights = smaller.weights
    assert isinstance(weights, StudentWeights)  # noqa: S101 - it was made from those of a trained student
    again = Sample.take(smaller, sample.heads, weights.table, sample.texts, sample.text_pair, threads)
    again = replace(again, trained=sample.trained)
    found = limits.differences(again.logits[again.held_out], again.trained[again.held_out])
    steps = [one.step(f"{rows:,} of {len(network.vocabulary):,} n-grams") for one in found]
    logger.info(_as_line(sample.heads, steps))
    return smaller, again, steps


def _compacted(
    network: NgramNetwork,
    sample: Sample,
    dims: int | None,
    limits: Floors,
    threads: int | None,
    progress: Progress,
) -> tuple[NgramNetwork, list[list[CompressionStep]]]:
    """The compact form of a network, and per step what it changed in each head.

    Raises:
        InputError: The floors cannot be kept.
    """
    weights, heads = network.weights, sample.heads
    assert isinstance(weights, StudentWeights)  # noqa: S101 - compact students are refused before
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
                    return compact, steps
            advance()
    floor = "; ".join(_of_head(head, str(one)) for head, one in zip(heads, limits.floors, strict=True))
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
        return [one.step(name) for one in floors.differences(outputs, sample.trained[sample.held_out])]

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
    spelt = vocabulary.tokenizer.max_characters > 0
    weights = CompactWeights(
        lines=lines,
        slots=slots,
        wide=rows.wide,
        character_filter=_core.filter_of(_character_keys(vocabulary)) if spelt else None,
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


def _character_keys(vocabulary: Vocabulary) -> NDArray[np.uint64]:
    """The keys of the character n-grams, uint64; of all n-grams if their spelling is not known."""
    keys = vocabulary.keys()
    if vocabulary.ngrams is not None:
        keys = keys[np.fromiter(map(is_characters, vocabulary.ngrams), bool, len(keys))]
    return keys


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
