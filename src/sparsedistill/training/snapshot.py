"""The state of a network at one moment, which is read while the training continues."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from threading import Condition
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

#: Name of the array that is read in the background.
TABLE = "table"

_BLOCK = 16 << 20  # bytes that are read at once
_LEAST_KEPT = 1 << 16  # rows


class Snapshot:
    """Arrays of a network as they are now.

    Small arrays are copied. The table is not, since that would double the memory: its rows are read in blocks
    by another thread, and a row that a step is about to change is copied before if it has not been read yet.
    If an eighth of the rows are copied, the training waits for the reader.

    Args:
        arrays: The arrays, with a table of (rows, dim) among them. Only :meth:`before_update` announces
            changes of a table in the memory of the CPU.
    """

    def __init__(self, arrays: Mapping[str, Tensor]) -> None:
        self.arrays: dict[str, NDArray[Any]] = {
            name: array.detach().cpu().numpy() if name == TABLE else array.detach().cpu().numpy().copy()
            for name, array in arrays.items()
        }
        self._table = self.arrays[TABLE]
        self._changed = Condition()
        rows = len(self._table)
        self._end = rows if arrays[TABLE].device.type == "cpu" else 0  # a table from elsewhere is a copy
        self._read = 0
        self._places = np.full(self._end, -1, np.int32)  # of rows among those that were copied
        self._kept = np.empty((max(self._end // 8, _LEAST_KEPT), *self._table.shape[1:]), self._table.dtype)
        self._count = 0

    def before_update(self, rows: Sequence[Tensor]) -> None:
        """Announce that rows are about to change. It waits if too many have changed since the snapshot."""
        if self._read >= self._end:
            return
        given = [each.numpy() for each in rows]
        with self._changed:
            found = np.unique(np.concatenate([each[each >= self._read] for each in given]))
            found = found[self._places[found] < 0]
            if self._count + len(found) > len(self._kept):
                self._changed.wait_for(lambda: self._read >= self._end)
                return
            places = np.arange(self._count, self._count + len(found))
            self._kept[places] = self._table[found]
            self._places[found] = places
            self._count += len(found)

    def blocks(self) -> Iterator[NDArray[Any]]:
        """The content of all arrays, in their order; large ones in several blocks."""
        for name, array in self.arrays.items():
            if name == TABLE:
                yield from self._rows()
            else:
                yield array

    def close(self) -> None:
        """Let the training continue, whether all was read or not."""
        with self._changed:
            self._read = self._end
            self._changed.notify_all()

    def _rows(self) -> Iterator[NDArray[Any]]:
        size = max(1, _BLOCK // max(1, self._table[:1].nbytes))
        for begin in range(0, len(self._table), size):
            block = self._table[begin : begin + size].copy()
            with self._changed:
                # What a step changed while the block was copied, it had copied before.
                places = self._places[begin : begin + size]
                changed = np.flatnonzero(places >= 0)
                block[changed] = self._kept[places[changed]]
                self._read = max(self._read, begin + len(block))
                self._changed.notify_all()
            yield block
