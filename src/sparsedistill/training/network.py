"""The student as a torch module: a table of n-gram embeddings, mean pooling, and a small head."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..errors import InputError
from ..model.pairs import pair_width
from ..model.stored import MOST_UNITS
from ..model.torch_pairs import pair_features, weighted_parts
from ..problem import Problem
from .config import TableKind
from .tables.registry import make_table


@dataclass(frozen=True)
class HeadShape:
    """The outputs of a network that answer one question.

    Attributes:
        problem: What the answer is.
        classes: Number of outputs.
        mean: Of the targets of a regression.
        deviation: Their standard deviation. The network predicts standardised targets: its output times
            `deviation` plus `mean` is the number.
        class_weights: The weight of each class in the loss of labels; None for 1.
    """

    problem: Problem
    classes: int
    mean: float = 0.0
    deviation: float = 1.0
    class_weights: tuple[float, ...] | None = None


@dataclass(frozen=True)
class NetworkConfig:
    """The shape of a student's network.

    Attributes:
        rows: Rows of the table: the size of the n-gram vocabulary.
        classes: Number of classes.
        dim: Dimensions of a row; a multiple of 4 for FBGEMM.
        hidden: Units of the hidden layer.
        pair: The student takes pairs of texts and compares them.
        problem: What the student says of a text.
        mean: Of the targets of a regression.
        deviation: Their standard deviation. The head predicts standardised targets: its output times
            `deviation` plus `mean` is the number.
        dropout: Dropout before each layer of the head.
        row_dropout: Share of the rows of words and n-grams that is dropped at random, if words have character
            n-grams, which are kept: a word is then often read as if it were unknown.
        table: Back end of the table: ``"fbgemm"``, ``"embedding_bag"``, or ``"auto"`` for FBGEMM if it is
            installed.
        seed: Seeds the initial weights.
        heads: The questions of a student of several, whose outputs follow each other. Then `classes` is the
            number of all outputs, and `problem`, `mean` and `deviation` are those of the heads instead.

    Raises:
        InputError: A setting is out of range.
    """

    rows: int
    classes: int
    dim: int = 64
    hidden: int = 256
    pair: bool = False
    problem: Problem = "single_label"
    mean: float = 0.0
    deviation: float = 1.0
    dropout: float = 0.1
    row_dropout: float = 0.0
    table: TableKind = "auto"
    seed: int = 0
    heads: tuple[HeadShape, ...] = ()

    @property
    def parts(self) -> tuple[HeadShape, ...]:
        """The heads; a student of one question has one."""
        return self.heads or (HeadShape(self.problem, self.classes, self.mean, self.deviation),)

    def __post_init__(self) -> None:
        if sum(head.classes for head in self.parts) != self.classes:
            raise InputError(f"The heads do not have {self.classes} outputs in all: give heads for all.")
        for name in ("rows", "classes", "dim", "hidden"):
            value = getattr(self, name)
            if value < 1:
                raise InputError(f"The student setting {name} is {value}: it must be at least 1.")
        for name in ("dim", "hidden"):
            if (value := getattr(self, name)) > MOST_UNITS:
                raise InputError(f"The student setting {name} is {value}: it must be at most {MOST_UNITS}.")
        for name in ("dropout", "row_dropout"):
            value = getattr(self, name)
            if not 0 <= value < 1:
                raise InputError(f"The student setting {name} is {value}: it must be in [0, 1).")


class Head(nn.Module):
    """Dropout, linear, tanh, dropout, linear: pooled embeddings to logits."""

    def __init__(self, dim: int, hidden: int, classes: int, dropout: float) -> None:
        """Create a head with random weights.

        Args:
            dim: Width of the input.
            hidden: Units of the hidden layer.
            classes: Number of classes.
            dropout: Dropout before each layer.
        """
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.hidden = nn.Linear(dim, hidden)
        self.output = nn.Linear(hidden, classes)

    def forward(self, pooled: Tensor) -> Tensor:
        """Map float32 (n, dim) to logits, float32 (n, classes)."""
        hidden = torch.tanh(self.hidden(self.dropout(pooled)))
        logits: Tensor = self.output(self.dropout(hidden))
        return logits


class StudentNetwork(nn.Module):
    """A deep averaging network over n-gram embeddings (section 3.2 of the paper).

    The table updates its rows in the backward pass (see :mod:`sparsedistill.training.tables.base`); the
    parameters of the head need an optimizer. A network stays on the device that it was created on.

    Attributes:
        config: The shape.
        device: The device.
        table: The table.
        head: The head.
    """

    def __init__(self, config: NetworkConfig, device: str | torch.device = "cpu") -> None:
        """Create a network whose rows are all zero and whose head is drawn with ``config.seed``.

        Args:
            config: The shape.
            device: A torch device.

        Raises:
            InputError: The back end of the table cannot be used (see
                :func:`~sparsedistill.training.tables.registry.table_class`).
        """
        super().__init__()
        self.config = config
        self.device = torch.device(device)
        self.table = make_table(config.table, config.rows, config.dim, self.device)
        self.table.weight.zero_()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            width = pair_width(config.dim) if config.pair else config.dim
            self.head = Head(width, config.hidden, config.classes, config.dropout).to(self.device)
        self._scaled = any(part.problem == "regression" for part in config.parts)
        self._means, self._deviations = (
            torch.tensor([getattr(part, name) for part in config.parts for _ in range(part.classes)]).to(
                self.device
            )
            for name in ("mean", "deviation")
        )

    def forward(
        self,
        rows: Tensor,
        offsets: Tensor,
        counts: Tensor | None = None,
        words: Tensor | None = None,
        word_offsets: Tensor | None = None,
        characters: Tensor | None = None,
        character_offsets: Tensor | None = None,
    ) -> Tensor:
        """Compute the logits of n texts, or n pairs of texts.

        The arguments are arrays of :class:`~sparsedistill.vocabulary.NgramRows`, in this order. All after the
        first two are None if words have no character n-grams.

        Args:
            rows: int64 (nnz,), the rows of the texts' n-grams, one text after the other.
            offsets: int64 (n + 1,), where the rows of each text begin and end; a text without n-grams is
                pooled to zeros. For pairs int64 (3 * n + 1,).
            counts: The number of items of each text, or part of a pair.
            words: The words of the texts, as indices of the distinct words.
            word_offsets: Where the words of each text begin and end.
            characters: The rows of the character n-grams of the distinct words.
            character_offsets: Where those of each word begin and end.

        Returns:
            Logits, float32 (n, classes); for a regression numbers in the unit of the targets, (n, 1).
        """
        if words is None:
            counts, sums = offsets.diff(), self.row_sums(rows, offsets)
        else:
            assert counts is not None  # noqa: S101 - for mypy, as the next ones
            assert word_offsets is not None  # noqa: S101
            assert characters is not None  # noqa: S101
            assert character_offsets is not None  # noqa: S101
            sums = self.word_sums(rows, offsets, words, word_offsets, characters, character_offsets)
        if self.config.pair:
            parts = sums.view(-1, 3, self.config.dim)
            pooled = pair_features(*weighted_parts(parts, counts.view(-1, 3)))
        else:
            pooled = sums / counts.clamp(min=1)[:, None]
        logits: Tensor = self.head(pooled)
        if self._scaled:
            return logits * self._deviations + self._means
        return logits

    def row_sums(self, rows: Tensor, offsets: Tensor) -> Tensor:
        """The sum of each text's n-grams, float32 (n, dim)."""
        sums: Tensor = self.table(rows, offsets)
        return sums

    def word_sums(self, rows: Tensor, offsets: Tensor, *words: Tensor) -> Tensor:
        """The sum of each text's n-grams and of the characters of its words, float32 (n, dim).

        The bags of the words and those of the texts are one call of the table: a row is updated once.
        """
        numbers, word_offsets, characters, character_offsets = words
        share = 1 - self.config.row_dropout if self.training else 1.0
        if share < 1:
            rows, offsets = _sample(rows, offsets, share)
        count = len(character_offsets) - 1
        bags = torch.cat([character_offsets[:-1], offsets + len(characters)])
        found = self.table(torch.cat([characters, rows]), bags)
        spelt = found[:count] * character_offsets.diff().rsqrt()[:, None]
        own = found[count:] if share == 1 else found[count:] / share
        sums: Tensor = own + functional.embedding_bag(
            numbers, spelt, word_offsets, mode="sum", include_last_offset=True
        )
        return sums

    def arrays(self) -> dict[str, Tensor]:
        """All weights as float32 views: ``table``, ``hidden.*`` and ``output.*``.

        The output layer of a regression predicts standardised targets: see :meth:`served`.
        """
        return {"table": self.table.weight, **{name: p.detach() for name, p in self.head.named_parameters()}}

    def served(self) -> dict[str, Tensor]:
        """The weights of a student: the output layer of a regression is in the unit of the targets."""
        arrays = self.arrays()
        if self._scaled:
            arrays["output.weight"] = arrays["output.weight"] * self._deviations[:, None]
            arrays["output.bias"] = arrays["output.bias"] * self._deviations + self._means
        return arrays

    def load_arrays(self, arrays: Mapping[str, Tensor]) -> None:
        """Overwrite all weights with `arrays`, the :meth:`arrays` of a network of the same shape."""
        for name, array in self.arrays().items():
            array.copy_(arrays[name])


def _sample(rows: Tensor, offsets: Tensor, share: float) -> tuple[Tensor, Tensor]:
    """Keep a random `share` of the rows; returns them and where each text's begin and end."""
    kept = torch.rand(len(rows), device=rows.device) < share
    before = functional.pad(kept.cumsum(0), (1, 0))
    return rows[kept], before[offsets]
