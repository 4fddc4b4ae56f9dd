"""A student on a torch device: n-grams are extracted on the CPU, pooled and scored on the device.

A background thread turns a batch of texts into n-gram rows, on as many cores as the call allows, while the
device pools and scores the batch before it. Only row numbers, one per n-gram, are copied to the device.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from . import _core
from ._internal.background import in_background
from ._internal.texts import CoreTexts, sizes
from .errors import InputError, first_line
from .model.compact import CompactWeights
from .model.predictions import StudentClassifier, probabilities
from .model.student_model import StudentModel
from .model.torch_pairs import pair_features, weighted_parts
from .model.weights import StudentWeights
from .problem import Problem
from .vocabulary.rows import NgramRows

#: Data type of the table on a device.
Precision: TypeAlias = Literal["auto", "float16", "float32"]

_BATCH_NGRAMS = 1 << 25  # upper bound: a text has at most most_ngrams n-grams per byte
_BATCH_TEXTS = 1 << 16
_UNFETCHED = 2  # batches whose results may still be on the device
_CHUNK = 1 << 24  # numbers of the table that are copied at once
_MAX_CHANGE = 5e-4  # of a probability by float16, on sampled texts: half of the bound that is documented
_MAX_NUMBER_CHANGE = 5e-3  # the same of the number of a regression, in standard deviations


class DeviceStudent(StudentClassifier):
    """A student on a torch device. Probabilities are within 0.001 of the student that it was made from.

    The numbers of a regression are within 0.01 of their standard deviation.

    If the first layer is narrower than the table, it is folded into the table, so rows are as wide as the
    narrower of the two. (Not for pairs: their first layer does not directly follow the mean.) With precision
    ``"auto"`` the table is float16 on CUDA if that changes no probability by more than 0.0005 on 768 sampled
    texts of 1, 8 and 64 n-grams (or 256 sampled pairs with three such parts each), and float32 otherwise and
    on all other devices. The n-grams are sampled by Zipf's law; the shortest texts are the most sensitive.

    It is safe to use from several threads at once.

    Args:
        student: A trained student, not a compact one.
        device: A torch device, such as ``"cuda"``, ``"cuda:1"`` or ``"cpu"``.
        precision: Data type of the table. ``"float16"`` is used without the check above, but falls back to
            float32 if a number is too large for float16.

    Attributes:
        vocabulary: The student's vocabulary.
        device: The device of the table and the head.

    Raises:
        InputError: torch cannot use the device, it has too little memory, the student is compact, or
            `precision` is invalid.
    """

    def __init__(
        self, student: StudentModel, device: str | torch.device, precision: Precision = "auto"
    ) -> None:
        if isinstance(student.weights, CompactWeights):
            raise InputError(
                "A compact student runs on the CPU only: use the student that it was made from on a device."
            )
        if precision not in ("auto", "float16", "float32"):
            raise InputError(f"precision is {precision!r}: it must be 'auto', 'float16' or 'float32'.")
        self.vocabulary = student.vocabulary
        self.classes = student.classes
        self.problem = student.problem
        self.pair = student.pair
        self.device = _usable(device)
        if precision == "auto":
            half = self.device.type == "cuda" and half_suffices(student.weights, self.pair, self.problem)
            precision = "float16" if half else "float32"
        try:
            self._head = _Head(student.weights, self.pair, self.device)
            self._table = _send_table(student.weights.table, self._head, getattr(torch, precision))
        except torch.OutOfMemoryError as error:
            raise InputError(
                f"{self.device} has too little memory for the table ({first_line(error)}): "
                "use another device, or run on the CPU."
            ) from error

    def __repr__(self) -> str:
        kind = "pairs of texts" if self.pair else "texts"
        rows, width = self._table.shape
        return (
            f"DeviceStudent({kind} -> {', '.join(self.classes)}; {rows:,} n-grams x {width} "
            f"{str(self._table.dtype).removeprefix('torch.')} on {self.device})"
        )

    def _score(
        self, texts: CoreTexts, text_pair: CoreTexts | None, threads: int
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        # Lists become tuples, which the caller cannot change while the background thread reads them.
        sides = [
            side if isinstance(side, _core.ArrowTexts) else tuple(side)
            for side in (texts, text_pair)
            if side is not None
        ]
        logits = np.empty((len(sides[0]), len(self.classes)), np.float32)
        coverage = np.empty(len(sides[0]), np.float32)

        def extract(piece: slice) -> _Batch:
            first, *others = (side[piece] for side in sides)
            second = others[0] if others else None
            found = self.vocabulary.core.extract(first, second, 0.0, 0, 0, threads, True)
            return _Batch(piece, NgramRows(*found))

        pieces = _pieces(sides, self.vocabulary.tokenizer.core.most_ngrams)
        with torch.inference_mode(), closing(in_background(extract, pieces)) as batches:
            for batch, batch_logits in self._scored(batches):
                logits[batch.piece] = batch_logits
                coverage[batch.piece] = batch.coverage()
        return logits, coverage

    def _scored(self, batches: Iterable[_Batch]) -> Iterator[tuple[_Batch, NDArray[np.float32]]]:
        """Batches with their logits, in order. The device may lag a few batches behind the sending."""
        transfers = _Transfers(self.device)
        unfetched: deque[tuple[_Batch, Callable[[], NDArray[np.float32]]]] = deque()
        for batch in batches:
            found = batch.found
            rows, offsets = transfers.send(found.rows, found.offsets)
            counts = offsets.diff()
            sums = _means(rows, self._table, offsets).float() * counts[:, None]
            if len(found.words):
                words = transfers.send(
                    found.words, found.word_offsets, found.characters, found.character_offsets, found.counts
                )
                sums += _unknown_words(self._table, *words[:4])
                counts = words[4]
            unfetched.append((batch, transfers.fetch(self._head(sums, counts))))
            if len(unfetched) > _UNFETCHED:
                done, wait = unfetched.popleft()
                yield done, wait()
        for done, wait in unfetched:
            yield done, wait()


class _Batch(NamedTuple):
    """A slice of the texts and its n-grams and unknown words."""

    piece: slice
    found: NgramRows

    def coverage(self) -> NDArray[np.float64]:
        return np.asarray(self.found.known / np.maximum(self.found.tokens, 1))


class _Head:
    """The head: sums in, logits out. Folds the first layer into the rows if that makes them narrower."""

    def __init__(self, weights: StudentWeights, pair: bool, device: torch.device) -> None:
        hidden, features = weights.hidden_weight.shape
        self.folds = not pair and hidden < features
        self.pair = pair
        self.device = device
        self._hidden_weight, self._hidden_bias, self._output_weight, self._output_bias = (
            torch.tensor(array, device=device)
            for array in (
                weights.hidden_weight,
                weights.hidden_bias,
                weights.output_weight,
                weights.output_bias,
            )
        )

    def fold(self, rows: Tensor) -> Tensor:
        """Rows (n, dim) as the table on the device holds them: (n, hidden) if the first layer is folded."""
        return functional.linear(rows, self._hidden_weight) if self.folds else rows

    def __call__(self, sums: Tensor, counts: Tensor) -> Tensor:
        """Logits (n, classes).

        Args:
            sums: Sum of the items of each text, with the first layer folded as :meth:`fold` does, (n, dim),
                or of each part of a pair, (3 * n, dim).
            counts: Number of items in each sum, (n,) or (3 * n,).
        """
        if self.pair:
            parts = sums.view(-1, 3, sums.shape[1])
            features = pair_features(*weighted_parts(parts, counts.view(-1, 3)))
        else:
            features = sums / counts.clamp(min=1)[:, None]
        if self.folds:
            hidden = features + self._hidden_bias
        else:
            hidden = functional.linear(features, self._hidden_weight, self._hidden_bias)
        return functional.linear(torch.tanh(hidden), self._output_weight, self._output_bias)


class _Transfers:
    """Copies to a device and back. On CUDA both are asynchronous, and copies to it have their own stream."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._copies = torch.cuda.Stream(device) if device.type == "cuda" else None  # type: ignore[no-untyped-call]

    def send(self, *arrays: NDArray[np.int64]) -> list[Tensor]:
        """Copy arrays to the device."""
        tensors = [torch.from_numpy(array) for array in arrays]
        if self._copies is None:
            return [tensor.to(self._device) for tensor in tensors]
        with torch.cuda.stream(self._copies):
            sent = [tensor.pin_memory().to(self._device, non_blocking=True) for tensor in tensors]
        work = torch.cuda.current_stream(self._device)
        work.wait_stream(self._copies)
        for tensor in sent:
            tensor.record_stream(
                work
            )  # keeps the copy stream from reusing the memory before the work is done
        return sent

    def fetch(self, logits: Tensor) -> Callable[[], NDArray[np.float32]]:
        """Start to copy `logits` back; the returned function waits for the copy and returns it."""
        fetched = logits.to("cpu", non_blocking=self._copies is not None)
        if self._copies is None:
            return fetched.numpy
        arrived = torch.cuda.Event()  # type: ignore[no-untyped-call]
        arrived.record(torch.cuda.current_stream(self._device))

        def wait() -> NDArray[np.float32]:
            arrived.synchronize()
            array: NDArray[np.float32] = fetched.numpy()
            return array

        return wait


def _usable(device: str | torch.device) -> torch.device:
    try:
        probe = torch.ones(1, device=torch.device(device))
        probe.cpu()  # fails on devices without data, such as meta
    except (AssertionError, RuntimeError, TypeError) as error:
        reason = first_line(error).split(". ")[0]
        raise InputError(
            f"device is {str(device)!r}, which torch cannot use here ({reason}): use cuda if there is a GPU "
            "and a torch build that supports it, or run on the CPU."
        ) from error
    return probe.device


def _pieces(sides: Sequence[CoreTexts], most_ngrams: int) -> Generator[slice, None, None]:
    """Slices of the texts, one per batch, within the bounds of a batch or of a single text."""
    ends = np.cumsum(sum(sizes(side) + 2 for side in sides))  # text boundaries are tokens too
    begin = 0
    while begin < len(ends):
        before = int(ends[begin - 1]) if begin else 0
        fitting = int(np.searchsorted(ends, before + _BATCH_NGRAMS // most_ngrams, side="right"))
        end = min(max(fitting, begin + 1), begin + _BATCH_TEXTS)
        yield slice(begin, end)
        begin = end


def _means(rows: Tensor, table: Tensor, offsets: Tensor) -> Tensor:
    """The mean row of each bag, in the type of the table: a sum could be too large for float16."""
    return functional.embedding_bag(rows, table, offsets, mode="mean", include_last_offset=True)


def _unknown_words(
    table: Tensor, words: Tensor, word_offsets: Tensor, characters: Tensor, character_offsets: Tensor
) -> Tensor:
    """The sum of the unknown words of each text or part of a pair, float32."""
    sizes = character_offsets.diff()
    vectors = _means(characters, table, character_offsets).float() * sizes.sqrt()[:, None]
    return functional.embedding_bag(words, vectors, word_offsets, mode="sum", include_last_offset=True)


def _send_table(table: NDArray[np.float32], head: _Head, dtype: torch.dtype) -> Tensor:
    """Copy the folded table to the device as `dtype`, or as float32 if a number is too large for `dtype`."""
    rows, dim = table.shape
    width = head.fold(torch.empty(0, dim, device=head.device)).shape[1]
    sent = torch.empty(rows, width, dtype=dtype, device=head.device)
    fits = torch.tensor(True, device=head.device)
    step = max(1, _CHUNK // dim)
    for begin in range(0, rows, step):
        part = sent[begin : begin + step]
        part.copy_(head.fold(torch.tensor(table[begin : begin + step]).to(head.device)))
        fits &= part.isfinite().all()
    if fits or dtype == torch.float32:
        return sent
    del sent, part  # frees the memory before more is allocated
    return _send_table(table, head, torch.float32)


def half_suffices(weights: StudentWeights, pair: bool, problem: Problem) -> bool:
    """Whether float16 rows change no probability by more than 0.0005, on texts sampled by Zipf's law.

    The numbers of a regression may change by 0.005 standard deviations.
    """
    offsets = torch.tensor(np.cumsum([0, *np.repeat((1, 8, 64), 256)]))
    uniform = np.random.default_rng(0).random(int(offsets[-1]))
    ranks = (float(len(weights.table)) ** uniform).astype(np.int64)
    head = _Head(weights, pair, torch.device("cpu"))
    rows = head.fold(torch.tensor(weights.table[np.minimum(ranks, len(weights.table)) - 1]))

    def predict(means: Tensor) -> NDArray[np.float32]:
        counts = offsets.diff()
        logits = head(means * counts[:, None], counts).numpy()
        return logits if problem == "regression" else probabilities(logits, problem)

    every = torch.arange(len(rows))
    with torch.inference_mode():
        exact = predict(_means(every, rows, offsets))
        # As on CUDA: float16 rows are summed in float32, and their mean is rounded to float16.
        half = predict(_means(every, rows.half().float(), offsets).half().float())
    most = _MAX_NUMBER_CHANGE * float(exact.std()) if problem == "regression" else _MAX_CHANGE
    return bool(np.abs(half - exact).max() <= most)
