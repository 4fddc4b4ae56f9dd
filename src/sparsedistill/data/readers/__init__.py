"""File formats to read: one reader per format, all listed in :data:`~.registry.READERS`."""

from .base import STANDARD_STREAM, RawColumns, Reader, RowBlock, Source
from .registry import CODECS, READERS, check_options, format_of, has_unread_codec, is_known, source_of

__all__ = [
    "CODECS",
    "READERS",
    "STANDARD_STREAM",
    "RawColumns",
    "Reader",
    "RowBlock",
    "Source",
    "check_options",
    "format_of",
    "has_unread_codec",
    "is_known",
    "source_of",
]
