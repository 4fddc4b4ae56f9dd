"""A student whose table and head lie on a torch device: n-grams are found here, answers are computed there.

A batch of texts becomes n-gram rows in a thread of the background, on as many cores as it is given, while
the device pools and scores the batch before. What goes over the bus is a row number for each n-gram.
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

#: How the numbers of the table are kept on a device.
Precision: TypeAlias = Literal["auto", "float16", "float32"]

_NGRAMS = 1 << 25  # in a batch, at most: a text has no more than most_ngrams for each byte
_TEXTS = 1 << 16  # likewise
_UNFETCHED = 2  # batches that a device may be behind
_CHUNK = 1 << 24  # numbers of the table that are sent at once
_CHANGE = 5e-4  # of a probability by float16, at most, on drawn texts: half of what is promised for all


class DeviceStudent(StudentClassifier):
    """A student on a torch device, with the answers of the one it was made from, within 0.001.

    Where the first layer is narrower than the table, it is folded into it (not for pairs, whose first
    layer does not follow the mean): rows are as wide as the narrower of both. On CUDA their numbers are
    float16 if that changes no probability by more than 0.0005 on 768 texts of 1, 8 and 64 n-grams (or 256
    pairs of three times as many), drawn by Zipf's law (the shortest are the most sensitive); float32
    otherwise, and on all other devices.

    Several threads may use one at once.

    Attributes:
        vocabulary: The n-grams it knows.
        device: Where the table and the head are.

    Args:
        student: A student as trained, not a compact one.
        device: A torch device, such as ``"cuda"``, ``"cuda:1"`` or ``"cpu"``.
        precision: ``"auto"``, or how the table is kept whatever that changes; it is float32 all the same
            where a number is too large for float16.

    Raises:
        InputError: There is no such device, it has too little memory, the student is compact, or
            `precision` is none.
    """

    def __init__(
        self, student: StudentModel, device: str | torch.device, precision: Precision = "auto"
    ) -> None:
        if isinstance(student.weights, CompactWeights):
            raise InputError(
                "A compact student is served from the processor's caches: "
                "move the student that it was made from to a device."
            )
        if precision not in ("auto", "float16", "float32"):
            raise InputError(f"precision is {precision!r}: it must be 'auto', 'float16' or 'float32'.")
        self.vocabulary = student.vocabulary
        self.classes = student.classes
        self.multi_label = student.multi_label
        self.pair = student.pair
        self.device = _usable(device)
        if precision == "auto":
            half = self.device.type == "cuda" and half_suffices(student.weights, self.pair, self.multi_label)
            precision = "float16" if half else "float32"
        try:
            self._head = _Head(student.weights, self.pair, self.device)
            self._table = _send_table(student.weights.table, self._head, getattr(torch, precision))
        except torch.OutOfMemoryError as error:
            raise InputError(
                f"{self.device} has too little memory for the table ({first_line(error)}): "
                "use another device, or stay on the processor."
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
        # A tuple of what is not Arrow: nobody can change it meanwhile, and the core takes it as it is.
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
            return _Batch(piece, *self.vocabulary.core.extract(first, second, 0.0, 0, 0, threads))

        pieces = _pieces(sides, self.vocabulary.tokenizer.core.most_ngrams)
        with torch.inference_mode(), closing(in_background(extract, pieces)) as batches:
            for batch, answer in self._scored(batches):
                logits[batch.piece] = answer
                coverage[batch.piece] = batch.coverage()
        return logits, coverage

    def _scored(self, batches: Iterable[_Batch]) -> Iterator[tuple[_Batch, NDArray[np.float32]]]:
        """Batches with their logits, in order, the device being let work on some while more are sent."""
        lane = _Lane(self.device)
        unfetched: deque[tuple[_Batch, Callable[[], NDArray[np.float32]]]] = deque()
        for batch in batches:
            rows, offsets = lane.send(batch.rows, batch.offsets)
            means = _pooled(rows, self._table, offsets).float()
            unfetched.append((batch, lane.fetch(self._head(means, offsets.diff()))))
            if len(unfetched) > _UNFETCHED:
                done, answer = unfetched.popleft()
                yield done, answer()
        for done, answer in unfetched:
            yield done, answer()


class _Batch(NamedTuple):
    """Some of the texts, and what the core finds in them: see :class:`~.vocabulary.NgramRows`."""

    piece: slice
    rows: NDArray[np.int64]
    offsets: NDArray[np.int64]
    tokens: NDArray[np.int64]
    known: NDArray[np.int64]

    def coverage(self) -> NDArray[np.float64]:
        return np.asarray(self.known / np.maximum(self.tokens, 1))


class _Head:
    """From means of rows to logits, and what of that is done to the rows before."""

    def __init__(self, network: StudentWeights, pair: bool, device: torch.device) -> None:
        hidden, features = network.hidden_weight.shape
        self.folds = not pair and hidden < features
        self.pair = pair
        self.device = device
        self._hidden_weight, self._hidden_bias, self._output_weight, self._output_bias = (
            torch.tensor(array, device=device)
            for array in (
                network.hidden_weight,
                network.hidden_bias,
                network.output_weight,
                network.output_bias,
            )
        )

    def fold(self, rows: Tensor) -> Tensor:
        """NgramRows (n, dim) as the device keeps them."""
        return functional.linear(rows, self._hidden_weight) if self.folds else rows

    def __call__(self, means: Tensor, counts: Tensor) -> Tensor:
        """Logits (n, classes) of means of folded rows, (n, dim) or of the parts of pairs (3 * n, dim).

        Args:
            means: Zeros where there are no rows.
            counts: How many rows each is the mean of.
        """
        features = means
        if self.pair:
            parts = means.view(-1, 3, means.shape[1])
            features = pair_features(*weighted_parts(parts, counts.view(-1, 3)))
        if self.folds:
            hidden = features + self._hidden_bias
        else:
            hidden = functional.linear(features, self._hidden_weight, self._hidden_bias)
        return functional.linear(torch.tanh(hidden), self._output_weight, self._output_bias)


class _Lane:
    """The way to a device and back. On CUDA neither is waited for, and copies pass the work by."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._copies = torch.cuda.Stream(device) if device.type == "cuda" else None  # type: ignore[no-untyped-call]

    def send(self, *arrays: NDArray[np.int64]) -> list[Tensor]:
        """The arrays on the device."""
        tensors = [torch.from_numpy(array) for array in arrays]
        if self._copies is None:
            return [tensor.to(self._device) for tensor in tensors]
        with torch.cuda.stream(self._copies):
            sent = [tensor.pin_memory().to(self._device, non_blocking=True) for tensor in tensors]
        work = torch.cuda.current_stream(self._device)
        work.wait_stream(self._copies)
        for tensor in sent:
            tensor.record_stream(work)  # its memory is not the copying stream's to reuse before that
        return sent

    def fetch(self, answers: Tensor) -> Callable[[], NDArray[np.float32]]:
        """What waits for `answers` and gives them."""
        fetched = answers.to("cpu", non_blocking=self._copies is not None)
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
        probe.cpu()  # a device that keeps no numbers, such as meta, has none to give back
    except (AssertionError, RuntimeError, TypeError) as error:
        reason = first_line(error).split(". ")[0]
        raise InputError(
            f"device is {str(device)!r}, which torch cannot use here ({reason}): "
            "say cuda where there is a GPU and a torch built for it, or stay on the processor."
        ) from error
    return probe.device


def _pieces(sides: Sequence[CoreTexts], most_ngrams: int) -> Generator[slice, None, None]:
    """Texts a batch each: none has more than its bounds, except for a text that alone goes beyond them."""
    ends = np.cumsum(sum(sizes(side) + 2 for side in sides))  # boundaries are tokens too
    begin = 0
    while begin < len(ends):
        before = int(ends[begin - 1]) if begin else 0
        fitting = int(np.searchsorted(ends, before + _NGRAMS // most_ngrams, side="right"))
        end = min(max(fitting, begin + 1), begin + _TEXTS)
        yield slice(begin, end)
        begin = end


def _pooled(rows: Tensor, table: Tensor, offsets: Tensor) -> Tensor:
    return functional.embedding_bag(rows, table, offsets, mode="mean", include_last_offset=True)


def _send_table(table: NDArray[np.float32], head: _Head, dtype: torch.dtype) -> Tensor:
    """The table, folded, on the head's device; in float32 where it has numbers too large for `dtype`."""
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
    del sent, part  # before more memory is asked for
    return _send_table(table, head, torch.float32)


def half_suffices(network: StudentWeights, pair: bool, multi_label: bool) -> bool:
    """Whether answers with float16 rows are those with float32 ones, on texts drawn by Zipf's law."""
    offsets = torch.tensor(np.cumsum([0, *np.repeat((1, 8, 64), 256)]))
    uniform = np.random.default_rng(0).random(int(offsets[-1]))
    ranks = (float(len(network.table)) ** uniform).astype(np.int64)
    head = _Head(network, pair, torch.device("cpu"))
    rows = head.fold(torch.tensor(network.table[np.minimum(ranks, len(network.table)) - 1]))

    def answers(means: Tensor) -> NDArray[np.float32]:
        return probabilities(head(means, offsets.diff()).numpy(), multi_label=multi_label)

    every = torch.arange(len(rows))
    with torch.inference_mode():
        exact = answers(_pooled(every, rows, offsets))
        # As CUDA has it: halves are added up as floats, and their mean is a half.
        half = answers(_pooled(every, rows.half().float(), offsets).half().float())
    return bool(np.abs(half - exact).max() <= _CHANGE)
