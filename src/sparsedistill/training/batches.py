"""Batches of n-gram rows and words, extracted in the background while the network trains."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count, islice
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from torch import Tensor

from .._internal.background import InBackground, in_background
from ..data.examples import Examples, Shards
from ..vocabulary.vocabulary import Vocabulary


@dataclass(frozen=True)
class TrainingBatch:
    """A batch of examples, ready for a network.

    Attributes:
        inputs: Arguments of the network's ``forward``; see :meth:`Extraction.inputs`.
        targets: Targets, as in :class:`sparsedistill.data.examples.Examples`.
        weights: float32 (n,), the weight of each example.
        soft: The targets are soft targets.
    """

    inputs: tuple[Tensor, ...]
    targets: Tensor
    weights: Tensor
    soft: bool

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def rows(self) -> tuple[Tensor, ...]:
        """All rows of the table that a step on the batch can change."""
        return self.inputs[:1] if len(self.inputs) == 2 else (self.inputs[0], self.inputs[5])


@dataclass(frozen=True)
class Extraction:
    """How texts become n-gram rows.

    Attributes:
        vocabulary: The n-gram vocabulary.
        dropout: Share of the n-grams and words that is dropped at random.
        max_ngrams: Maximum number of these per text or pair; of a longer one, a random sample is kept.
        threads: Threads for the extraction; None for all cores.
    """

    vocabulary: Vocabulary
    dropout: float = 0.0
    max_ngrams: int | None = None
    threads: int | None = None

    def inputs(
        self, texts: pa.Array, text_pair: pa.Array | None, seed: Sequence[int] = (0,)
    ) -> tuple[Tensor, ...]:
        """Extract the n-grams and words of n texts, or pairs of texts.

        Args:
            texts: large_string (n,).
            text_pair: large_string (n,), the second texts; None for single texts.
            seed: Seeds the choice of dropped n-grams.

        Returns:
            The arguments of :meth:`~sparsedistill.training.network.StudentNetwork.forward`: the first two if
            the vocabulary has no character n-grams, else all.
        """
        found = self.vocabulary.extract(
            texts,
            text_pair,
            dropout=self.dropout,
            max_ngrams=self.max_ngrams,
            seed=int(np.random.SeedSequence(seed).generate_state(1)[0]),
            threads=self.threads,
        )
        arrays = [found.rows, found.offsets]
        if self.vocabulary.tokenizer.max_characters:
            arrays += [
                found.counts,
                found.words,
                found.word_offsets,
                found.characters,
                found.character_offsets,
            ]
        return tuple(map(torch.from_numpy, arrays))


class _Window(NamedTuple):
    """Shards that are held in memory and shuffled together."""

    epoch: int
    shards: tuple[int, ...]
    batches: int


class _Step(NamedTuple):
    number: int
    window: int
    batch: int


class TrainingBatches:
    """The batches of a training run, in an order that depends on the seed alone.

    In each epoch the shards are shuffled and loaded one window at a time; the examples of a window are
    shuffled together and split into batches of equal size. No batch depends on an earlier one, so a run can
    start at any step.
    """

    def __init__(
        self,
        source: Shards,
        extraction: Extraction,
        *,
        batch_size: int,
        steps: int,
        window: int,
        seed: int,
    ) -> None:
        """Plan the run.

        Args:
            source: The examples.
            extraction: How their texts become n-gram rows.
            batch_size: Maximum number of examples per batch.
            steps: Number of batches: the examples are passed over as often as needed.
            window: Texts to hold in memory at once: whole shards are added until they have this many.
            seed: Seeds the order and the choice of dropped n-grams.
        """
        self.source = source
        self.extraction = extraction
        self.seed = seed
        self.steps = steps
        self.windows: list[_Window] = []
        planned = 0
        for epoch in count():
            for shards in _windows(source.sizes, window, np.random.default_rng((seed, epoch))):
                batches = -(-sum(source.sizes[s] for s in shards) // batch_size)
                self.windows.append(_Window(epoch, shards, batches))
                planned += batches
            if planned >= steps:
                break
        self._loaded: tuple[int, Examples, list[NDArray[np.int64]]] | None = None

    def __len__(self) -> int:
        """Number of steps in the run."""
        return self.steps

    def texts(self, steps: int) -> int:
        """Number of examples in the first `steps` steps."""
        texts = 0
        for window in self.windows:
            size = sum(self.source.sizes[shard] for shard in window.shards)
            taken = min(steps, window.batches)
            texts += size // window.batches * taken + min(taken, size % window.batches)
            steps -= taken
        return texts

    def start(self, at: int = 0) -> InBackground[TrainingBatch]:
        """The batches from step `at` onwards. Close it to stop its thread."""
        every = ((w, b) for w, window in enumerate(self.windows) for b in range(window.batches))
        steps = (_Step(number, *step) for number, step in enumerate(every))
        return in_background(self._prepare, islice(steps, at, self.steps))

    def _prepare(self, step: _Step) -> TrainingBatch:
        examples, batches = self._load(step.window)
        chosen = examples.take(batches[step.batch])
        return TrainingBatch(
            self.extraction.inputs(chosen.texts, chosen.text_pair, (self.seed, step.number)),
            torch.from_numpy(chosen.targets),
            torch.from_numpy(chosen.weights),
            chosen.soft,
        )

    def _load(self, number: int) -> tuple[Examples, list[NDArray[np.int64]]]:
        if self._loaded is None or self._loaded[0] != number:
            self._loaded = None  # free the previous window before the next one is read
            window = self.windows[number]
            examples = Examples.join([self.source.load(shard) for shard in window.shards])
            order = np.random.default_rng((self.seed, window.epoch, *window.shards)).permutation(
                len(examples)
            )
            self._loaded = number, examples, np.array_split(order, window.batches)
        return self._loaded[1:]


def inputs_in_order(
    texts: pa.Array, text_pair: pa.Array | None, extraction: Extraction, batch_size: int
) -> InBackground[tuple[Tensor, ...]]:
    """The network's inputs for all texts, in batches. Close it to stop its thread.

    Args:
        texts: large_string (n,).
        text_pair: large_string (n,), the second texts; None for single texts.
        extraction: How texts become n-gram rows.
        batch_size: Texts per batch.
    """

    def prepare(start: int) -> tuple[Tensor, ...]:
        pair = None if text_pair is None else text_pair.slice(start, batch_size)
        return extraction.inputs(texts.slice(start, batch_size), pair)

    return in_background(prepare, range(0, len(texts), batch_size))


def on_device(device: torch.device, tensors: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """Copies of `tensors` on `device`; those that are there already are returned without a copy."""
    return tuple(tensor.to(device) for tensor in tensors)


def _windows(sizes: Sequence[int], window: int, generator: np.random.Generator) -> list[tuple[int, ...]]:
    windows: list[tuple[int, ...]] = []
    held = window  # texts in the last window; the first shard opens a new one
    for shard in generator.permutation(len(sizes)).tolist():
        if held >= window:
            windows.append(())
            held = 0
        windows[-1] += (shard,)
        held += sizes[shard]
    return windows
