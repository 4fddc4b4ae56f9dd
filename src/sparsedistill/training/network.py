"""The student as a torch module: a table of n-gram embeddings, mean pooling, and a small head."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..errors import InputError
from ..model.pairs import pair_width
from ..model.torch_pairs import pair_features, weighted_parts
from .tables.base import TableKind, make_table


@dataclass(frozen=True)
class NetworkConfig:
    """The shape of a student.

    Attributes:
        rows: NgramRows of the table: the size of the n-gram vocabulary.
        classes: Classes that it tells apart.
        dim: Dimensions of an embedding; a multiple of 4 for FBGEMM.
        hidden: Units of the hidden layer.
        pair: It takes two texts and compares them.
        multi_label: A text can have any number of classes (sigmoid), rather than one (softmax).
        dropout: Dropout before each layer of the head.
        table: Back end of the table: ``"fbgemm"``, ``"embedding_bag"``, or ``"auto"`` for FBGEMM
            where it is installed.
        seed: Seeds the weights that it starts from.
    """

    rows: int
    classes: int
    dim: int = 64
    hidden: int = 256
    pair: bool = False
    multi_label: bool = False
    dropout: float = 0.1
    table: TableKind = "auto"
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("rows", "classes", "dim", "hidden"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} of a student is {getattr(self, name)}: it must be at least 1.")
        if not 0 <= self.dropout < 1:
            raise InputError(f"dropout of a student is {self.dropout}: it must be at least 0 and below 1.")


class Head(nn.Module):
    """Dropout, linear, tanh, dropout, linear: pooled embeddings to logits."""

    def __init__(self, dim: int, hidden: int, classes: int, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.hidden = nn.Linear(dim, hidden)
        self.output = nn.Linear(hidden, classes)

    def forward(self, pooled: Tensor) -> Tensor:
        """Score float32 (n, dim) as logits, float32 (n, classes)."""
        hidden = torch.tanh(self.hidden(self.dropout(pooled)))
        logits: Tensor = self.output(self.dropout(hidden))
        return logits


class StudentNetwork(nn.Module):
    """A Deep Averaging Network over n-gram embeddings (section 3.2 of the paper).

    The table updates its own rows during the backward pass (see :mod:`sparsedistill.training.base`); the
    head's parameters are left to an optimiser. A network lives on the device it was made on.
    """

    def __init__(self, config: NetworkConfig, device: str | torch.device = "cpu") -> None:
        """Make a network with rows that are all zero and a head drawn by ``config.seed``.

        Raises:
            InputError: The table's back end cannot be had (see :func:`~.tables.base.make_table`).
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

    def forward(self, rows: Tensor, offsets: Tensor) -> Tensor:
        """Score n texts, or n pairs of texts.

        Args:
            rows: int64 (nnz,), the rows of the texts' n-grams, one text after the other.
            offsets: int64 (n + 1,), where each text's rows begin and end. A text without n-grams is
                pooled to zeros. For pairs int64 (3 * n + 1,): see :class:`~.vocabulary.NgramRows`.

        Returns:
            Logits, float32 (n, classes).
        """
        pooled = self.table(rows, offsets)
        if self.config.pair:
            parts = pooled.view(-1, 3, self.config.dim)
            pooled = pair_features(*weighted_parts(parts, offsets.diff().view(-1, 3)))
        logits: Tensor = self.head(pooled)
        return logits

    def arrays(self) -> dict[str, Tensor]:
        """All that was learnt, float32, as views: ``table``, ``hidden.*`` and ``output.*``."""
        return {"table": self.table.weight, **{name: p.detach() for name, p in self.head.named_parameters()}}

    def load_arrays(self, arrays: Mapping[str, Tensor]) -> None:
        """Overwrite all that was learnt by `arrays`, which :meth:`arrays` of an equal network gave."""
        for name, array in self.arrays().items():
            array.copy_(arrays[name])
