"""Apache Parquet."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet

from ..._internal.files import opened
from ..fields import Field
from .base import RawColumns, Reader, Source, check_columns
from .records import ParquetHead, Records

_ROWS = 8192  # rows that are decoded at a time


class ParquetReader(Reader):
    """Reads parquet, with any compression that parquet has."""

    format = "parquet"
    endings = ("parquet", "pq")
    binary = True

    def read(self, source: Source, fields: Sequence[Field], *, records: bool = False) -> Iterator[RawColumns]:
        """Read the columns of `fields`. See :meth:`Reader.read`."""
        with opened(source.path) as stream:
            if not stream.seek(0, io.SEEK_END):
                if records:
                    yield RawColumns.before_rows(fields, Records(pa.record_batch({}), b""))
                return
            with pyarrow.parquet.ParquetFile(stream) as file:
                schema = file.schema_arrow
                paths = {field.name: _path(schema, field.name) for field in fields}
                known = [name for name, path in paths.items() if path and name not in schema.names]
                check_columns(source, fields, [*schema.names, *known])
                if records:
                    head = ParquetHead(schema, _codec(file))
                    yield RawColumns.before_rows(fields, Records(schema.empty_table(), head))
                wanted = None if records else [path[0] for path in paths.values()]
                for batch in file.iter_batches(batch_size=_ROWS, columns=wanted):
                    columns = {name: _column(batch, path) for name, path in paths.items()}
                    yield RawColumns(columns, records=Records(batch) if records else None)

    def columns(self, source: Source) -> Sequence[str]:
        """Names of the columns, without those of nested fields. See :meth:`Reader.columns`."""
        with opened(source.path) as stream:
            if not stream.seek(0, io.SEEK_END):
                return ()
            names: list[str] = pyarrow.parquet.read_schema(stream).names
            return names


def _codec(file: pyarrow.parquet.ParquetFile) -> str:
    """Compression of the first column."""
    metadata = file.metadata
    if not (metadata.num_row_groups and metadata.num_columns):
        return "snappy"
    codec: str = metadata.row_group(0).column(0).compression
    return "none" if codec == "UNCOMPRESSED" else codec.lower()


def _path(schema: pa.Schema, name: str) -> list[str]:
    """Where a column is: its name, or the names of nested fields (``data.text``); empty if it is missing."""
    if name in schema.names:
        return [name]
    parts = name.split(".")
    if len(parts) < 2 or parts[0] not in schema.names:
        return []
    kind = schema.field(parts[0]).type
    for part in parts[1:]:
        if not pa.types.is_struct(kind) or kind.get_field_index(part) < 0:
            return []
        kind = kind.field(part).type
    return parts


def _column(batch: pa.RecordBatch, path: list[str]) -> pa.Array:
    column = batch.column(path[0])
    return pc.struct_field(column, path[1:]) if path[1:] else column
