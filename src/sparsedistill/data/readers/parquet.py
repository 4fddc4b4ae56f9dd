"""Apache Parquet."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow.parquet

from ..fields import Field
from .base import RawColumns, Reader, Source, check_columns

_ROWS = 8192  # rows that are decoded at a time


class ParquetReader(Reader):
    """Reads parquet, with any compression that parquet has."""

    format = "parquet"
    endings = ("parquet", "pq")
    binary = True

    def read(self, source: Source, fields: Sequence[Field]) -> Iterator[RawColumns]:
        """Read the columns of `fields`. See :meth:`Reader.read`."""
        with Path(source.path).open("rb") as stream:
            if not stream.seek(0, io.SEEK_END):
                return
            with pyarrow.parquet.ParquetFile(stream) as file:
                check_columns(source, fields, file.schema_arrow.names)
                names = [field.name for field in fields]
                for batch in file.iter_batches(batch_size=_ROWS, columns=names):
                    yield RawColumns({name: batch.column(name) for name in names})
