"""Plain text: one text per line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from ...errors import InputError
from ..fields import Field
from .base import RawColumns, Reader, Source, line_chunks, split_lines


class TextReader(Reader):
    """Reads txt, whose only column is the text, under any name. Empty lines are empty texts."""

    format = "txt"
    endings = ("txt", "text")

    def read(self, source: Source, fields: Sequence[Field]) -> Iterator[RawColumns]:
        """Read all lines. See :meth:`Reader.read`."""
        if [field.kind for field in fields] != ["text"]:
            wanted = next(field.name for field in fields if field.role != "text")
            raise InputError(
                f"{source.name} is plain text, which has no column {wanted!r}: use a format with columns, "
                "such as csv or jsonl."
            )
        number = 1
        with source.opened() as stream:
            for chunk in line_chunks(stream):
                lines = split_lines(chunk)
                numbers = np.arange(number, number + len(lines))
                number += len(lines)
                yield RawColumns({field.name: lines for field in fields}, numbers)
