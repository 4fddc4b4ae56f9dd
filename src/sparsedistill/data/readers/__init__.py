"""File formats to read: one reader per format, all listed in :data:`~.registry.READERS`."""

from .base import STANDARD_STREAM, RawColumns, Reader, RowBlock, Source
from .registry import READERS, format_of, is_known, source_of

__all__ = [
    "READERS",
    "STANDARD_STREAM",
    "RawColumns",
    "Reader",
    "RowBlock",
    "Source",
    "format_of",
    "is_known",
    "source_of",
]
