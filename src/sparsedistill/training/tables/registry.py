"""The back ends of the table, by name. A new one is a file with a :class:`Table` and an entry here."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from ...errors import InputError
from ..config import TableKind
from .base import Table
from .embedding_bag import EmbeddingBagTable
from .fbgemm import FbgemmTable

#: Classes by the names that :data:`TableKind` lists, the fastest first. ``"auto"`` takes the first that
#: supports the device and the dimensions.
BACK_ENDS: Mapping[str, type[Table]] = {"fbgemm": FbgemmTable, "embedding_bag": EmbeddingBagTable}


def table_class(kind: TableKind, dim: int, device: torch.device) -> type[Table]:
    """Return the class of a back end, after checking that it supports the table.

    Args:
        kind: Name of a back end, or ``"auto"``.
        dim: Dimensions of a row.
        device: Device of the table.

    Raises:
        InputError: The back end does not exist, or does not support `dim` or `device`.
    """
    if kind == "auto":
        return next(table for table in BACK_ENDS.values() if table.unsupported(dim, device) is None)
    if kind not in BACK_ENDS:
        raise InputError(f"table is {kind!r}: use one of {', '.join(map(repr, ('auto', *BACK_ENDS)))}.")
    table = BACK_ENDS[kind]
    if (reason := table.unsupported(dim, device)) is not None:
        raise InputError(reason)
    return table


def make_table(kind: TableKind, rows: int, dim: int, device: torch.device) -> Table:
    """Create a table of `rows` x `dim` on `device`; the rows are not initialised.

    Raises:
        InputError: As :func:`table_class`, or there is not enough memory.
    """
    try:
        return table_class(kind, dim, device)(rows, dim, device)
    except (MemoryError, RuntimeError) as error:  # torch raises a RuntimeError
        if "memory" not in str(error):
            raise
        raise InputError(
            f"A table of {rows:,} n-grams and {dim:,} dimensions takes {4 * rows * dim / 1e9:,.0f} GB, more "
            "memory than there is: use fewer dimensions (dim) or n-grams (max_rows)."
        ) from error
