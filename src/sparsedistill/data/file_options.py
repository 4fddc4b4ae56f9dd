"""How files are read, where their names do not say it."""

from __future__ import annotations

import codecs
from dataclasses import dataclass

from .._internal.settings import check_fields
from ..errors import InputError


@dataclass(frozen=True)
class FileOptions:
    """How files are read, where their names do not say it.

    Attributes:
        format: Format of all files, such as ``"jsonl"`` or ``"tsv.gz"``; by default from their names.
        delimiter: Separates the fields of csv and tsv; by default a comma and a tab.
        encoding: Encoding of the files, as Python names it; by default UTF-8.
        quoting: Fields of csv and tsv can be in double quotes; by default true for csv, false for tsv.
        skip_damaged: Leave out what follows damage in a file, with a warning, instead of ending.
        line_buffered: Give the rows of a stream as soon as it has them.

    Raises:
        InputError: The delimiter is not one character, or the encoding is not known.
    """

    format: str | None = None
    delimiter: str | None = None
    encoding: str | None = None
    quoting: bool | None = None
    skip_damaged: bool = False
    line_buffered: bool = False

    def __post_init__(self) -> None:
        check_fields(self)
        if self.delimiter is not None and (
            len(self.delimiter) != 1 or not self.delimiter.isascii() or self.delimiter in '"\r\n\0'
        ):
            raise InputError(
                f"The delimiter {self.delimiter!r} cannot separate fields: give one ASCII character, other "
                "than a quote or the end of a line."
            )
        if self.encoding is not None:
            try:
                known = codecs.lookup(self.encoding)
            except (LookupError, ValueError) as error:
                raise InputError(
                    f"The encoding {self.encoding!r} is not known: give one such as cp1252 or utf-16."
                ) from error
            if not known._is_text_encoding:
                raise InputError(f"{self.encoding} is not an encoding of text: give one such as cp1252.")
