"""The weights of a compact student: a few bytes per n-gram, next to its key (core/compact/layout.hpp)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _core
from .._internal.tensors import aligned
from ..vocabulary.config import TokenizerConfig
from .config import COMPACT_LAYOUT, CompactLayout

_TABLES: dict[str, type[np.generic]] = {"lines": np.uint8, "character_filter": np.uint64, "rows": np.int8}
_FLOATS = ("scale", "centre", "basis", "hidden.weight", "hidden.bias", "output.weight", "output.bias")
_OPTIONAL = ("character_filter", "rows", "basis")


@dataclass(frozen=True)
class CompactWeights:
    """Weights and vocabulary as :func:`~sparsedistill.compression.compress` makes them.

    Attributes:
        lines: uint8 (lines, 64), the hash table: fingerprints of keys, follower masks, and rows.
        slots: Slots per line.
        wide: Leading numbers of a row with two bytes; the others have one.
        character_filter: uint64 (words,), which character n-grams the table may have; None if it has none.
        rows: int8 (n, bytes) if rows are too wide for the lines, which then hold row numbers; else None.
        scale: float32 (dims,), multiplies the mean of a text's rows.
        centre: float32 (dims,), is added to it.
        basis: float32 (table_dim, dims) for pairs: back to the dimensions of the trained table, in which
            texts are compared; else None.
        hidden_weight: float32 (hidden, dims); for pairs (hidden, 5 * table_dim + 3).
        hidden_bias: float32 (hidden,).
        output_weight: float32 (classes, hidden).
        output_bias: float32 (classes,).
    """

    lines: NDArray[np.uint8]
    slots: int
    wide: int
    character_filter: NDArray[np.uint64] | None
    rows: NDArray[np.int8] | None
    scale: NDArray[np.float32]
    centre: NDArray[np.float32]
    basis: NDArray[np.float32] | None
    hidden_weight: NDArray[np.float32]
    hidden_bias: NDArray[np.float32]
    output_weight: NDArray[np.float32]
    output_bias: NDArray[np.float32]

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Arrive in another process, with the tables at cache lines again."""
        tables = {name: aligned(state[name]) for name in ("lines", "rows") if state[name] is not None}
        self.__dict__.update(state | tables)

    @property
    def dim(self) -> int:
        """Dimensions of a row."""
        return len(self.scale)

    @property
    def pair(self) -> bool:
        """Whether the student compares two texts."""
        return self.basis is not None

    def core_table(self, tokenizer: TokenizerConfig, *, closed: bool) -> _core.CompactTable:
        """The n-grams and rows as a table of the core.

        Raises:
            TypeError: An array has the wrong type.
            ValueError: The sizes do not fit together.
        """
        return _core.CompactTable(
            self.lines, self.slots, self.rows, self.character_filter, tokenizer.core, closed
        )

    def classifier(self, tokenizer: TokenizerConfig, *, closed: bool) -> _core.CompactClassifier:
        """The core's classifier over these weights.

        Raises:
            TypeError: An array has the wrong type.
            ValueError: The sizes do not fit together.
        """
        return _core.CompactClassifier(
            self.core_table(tokenizer, closed=closed),
            self.wide,
            self.scale,
            self.centre,
            self.basis,
            self.hidden_weight,
            self.hidden_bias,
            self.output_weight,
            self.output_bias,
        )

    def unpacked(self, rows: NDArray[np.int8]) -> NDArray[np.float64]:
        """Rows as the core packs them, int8 (n, bytes), as numbers, float64 (n, dims).

        The head reads the mean of these; the core scales and centres the mean instead of each row.
        """
        return self._integers(rows) * self.scale.astype(np.float64) + self.centre

    def unpacked_word(self, rows: NDArray[np.int8]) -> NDArray[np.float64]:
        """The row of an unknown word from those of its character n-grams, float64 (dims,).

        The core rounds it to integers, so that it is a row like any other: see
        core/compact/unknown_words.hpp.

        Args:
            rows: int8 (n, bytes), as the core packs them; at least one.
        """
        scale, centre = self.scale.astype(np.float64), self.centre.astype(np.float64)
        root = np.sqrt(len(rows))
        with np.errstate(divide="ignore", invalid="ignore"):
            shift = centre / scale
        shift[~np.isfinite(shift)] = 0
        numbers = self._integers(rows).sum(axis=0) / root + (root - 1) * shift
        row: NDArray[np.float64] = np.rint(np.clip(numbers, -(2**31) + 1, 2**31 - 1)) * scale + centre
        return row

    def _integers(self, rows: NDArray[np.int8]) -> NDArray[np.float64]:
        """The numbers of packed rows before they are scaled."""
        pieces = rows.astype(np.float64)
        both = pieces[:, : 2 * self.wide]
        narrow = pieces[:, 2 * self.wide : self.wide + self.dim]
        return np.concatenate([256 * both[:, ::2] + both[:, 1::2], narrow], axis=1)

    def of_outputs(self, part: slice) -> CompactWeights:
        """These weights with some of the outputs; the arrays are shared."""
        return replace(self, output_weight=self.output_weight[part], output_bias=self.output_bias[part])

    @property
    def parameters(self) -> int:
        """Stored numbers, the bytes of the lines included."""
        return sum(array.size for array in self.arrays().values())

    def arrays(self) -> dict[str, NDArray[Any]]:
        """The arrays by their names on disk, in file order.

        The float32 arrays come before `rows`, whose size need not be a multiple of 4 bytes.
        """
        named: dict[str, NDArray[Any] | None] = {
            "lines": self.lines,
            "character_filter": self.character_filter,
            "scale": self.scale,
            "centre": self.centre,
            "basis": self.basis,
            "hidden.weight": self.hidden_weight,
            "hidden.bias": self.hidden_bias,
            "output.weight": self.output_weight,
            "output.bias": self.output_bias,
            "rows": self.rows,
        }
        return {name: array for name, array in named.items() if array is not None}

    def layout(self) -> CompactLayout:
        """What ``config.json`` holds beside the arrays."""
        return CompactLayout(COMPACT_LAYOUT, self.slots, self.wide)

    @classmethod
    def from_arrays(cls, layout: CompactLayout, arrays: Mapping[str, NDArray[Any]]) -> CompactWeights:
        """The weights that :meth:`arrays` and :meth:`layout` gave.

        Raises:
            KeyError: An array is missing.
            TypeError: An array has the wrong type, or a number of the layout is out of range.
        """
        dtypes = _TABLES | dict.fromkeys(_FLOATS, np.float32)
        found = {name: arrays.get(name) if name in _OPTIONAL else arrays[name] for name in dtypes}
        for name, dtype in dtypes.items():
            array = found[name]
            if array is not None and array.dtype != dtype:
                raise TypeError(f"{name} is {array.dtype}, not {np.dtype(dtype)}")
        if not 0 <= layout.wide < 2**31 or not 0 < layout.slots <= _core.COMPACT_MOST_SLOTS:
            raise TypeError("a number of the compact layout is out of range")
        tables = {name: aligned(array) for name in ("lines", "rows") if (array := found[name]) is not None}
        named: dict[str, Any] = {name.replace(".", "_"): array for name, array in (found | tables).items()}
        return cls(slots=layout.slots, wide=layout.wide, **named)
