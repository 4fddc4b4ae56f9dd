"""Plain text: one text per line."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa

from ...errors import InputError
from ..fields import Field
from .base import RawColumns, Reader, Source, split_lines
from .records import (
    Records,
    cut,
    head_of,
    line_ends,
    raw_chunks,
    read_mark,
    universal_lines,
    without_marks,
)

#: What every label in a file of fastText starts with.
LABEL_PREFIX = "__label__"
_PREFIX = LABEL_PREFIX.encode()
_SPACE = b" \t\v\f\r\0"  # what separates words for fastText
_LABELS = re.compile(rb"(?:[%b]*%b[^%b]*)*" % (_SPACE, _PREFIX, _SPACE))
_LATER_LABEL = re.compile(rb"[%b]%b" % (_SPACE, _PREFIX))


class TextReader(Reader):
    """Reads txt, whose only column is the text, under any name. Empty lines are empty texts.

    Lines end with a line feed, a carriage return or both. A file that starts with ``__label__`` is read as
    fastText's.
    """

    format = "txt"
    endings = ("txt", "text")
    named = False

    def read(self, source: Source, fields: Sequence[Field], *, records: bool = False) -> Iterator[RawColumns]:
        """Read all lines. See :meth:`Reader.read`."""
        number = 1
        with source.opened(raw=True) as stream:
            mark = read_mark(stream)
            if stream.peek(len(LABEL_PREFIX))[: len(LABEL_PREFIX)] == _PREFIX:
                yield from FastTextReader.read_lines(source, stream, fields, mark if records else None)
                return
            check_has_columns(source, fields, ("text",))
            if records:
                yield RawColumns.before_rows(fields, head_of(mark))
            for chunk in raw_chunks(stream, returns=True, at_once=source.line_buffered):
                lines = split_lines(universal_lines(without_marks(chunk)))
                numbers = np.arange(number, number + len(lines))
                number += len(lines)
                yield RawColumns(
                    {field.name: lines for field in fields}, numbers, _records(chunk) if records else None
                )


class FastTextReader(Reader):
    """Reads the files of fastText: lines of labels, each with the prefix ``__label__``, and a text.

    Words are separated by the white space of fastText. fastText also takes words with the prefix after the
    text as labels; here such a line is an error.
    """

    format = "fasttext"
    endings = ("fasttext", "ft")
    named = False

    def read(self, source: Source, fields: Sequence[Field], *, records: bool = False) -> Iterator[RawColumns]:
        """Read all lines. See :meth:`Reader.read`."""
        with source.opened(raw=True) as stream:
            mark = read_mark(stream)
            yield from self.read_lines(source, stream, fields, mark if records else None)

    @staticmethod
    def read_lines(
        source: Source, stream: io.BufferedReader, fields: Sequence[Field], mark: bytes | None
    ) -> Iterator[RawColumns]:
        """Read the lines of an open file, whose byte order mark is given if its records are read."""
        check_has_columns(source, fields, ("text", "label"))
        if mark is not None:
            yield RawColumns.before_rows(fields, head_of(mark))
        number = 1
        for chunk in raw_chunks(stream, returns=True, at_once=source.line_buffered):
            texts, names = [], []
            lines = split_lines(universal_lines(without_marks(chunk))).to_pylist()
            for i, line in enumerate(lines, number):
                labels, text = _labels_and_text(line)
                if _LATER_LABEL.search(text):
                    raise InputError(
                        f"{source.name}, line {i}: there is a label behind the text: write all labels before "
                        "it."
                    )
                texts.append(text)
                names.append(labels)
                for field in fields:
                    if field.kind == "label" and len(labels) != 1:
                        raise InputError(
                            f"{source.name}, line {i}: {len(labels)} labels: give every text one label, or a "
                            "label separator if texts can have several."
                        )
            numbers = np.arange(number, number + len(lines))
            number += len(lines)
            columns: dict[str, pa.Array] = {}
            for field in fields:
                if field.role == "text":
                    columns[field.name] = pa.array(texts, pa.large_binary())
                elif field.kind == "labels":
                    columns[field.name] = pa.array(names, pa.list_(pa.large_binary()))
                else:
                    columns[field.name] = pa.array([row[0] for row in names], pa.large_binary())
            yield RawColumns(columns, numbers, None if mark is None else _records(chunk))


def _labels_and_text(line: bytes) -> tuple[list[bytes], bytes]:
    """The labels at the beginning of a line without their prefix, and what follows them."""
    found = _LABELS.match(line)
    end = 0 if found is None else found.end()
    labels = [word[len(_PREFIX) :] for word in re.split(rb"[%b]+" % _SPACE, line[:end]) if word]
    return labels, line[end:].lstrip(_SPACE) if labels else line


def _records(chunk: bytes) -> Records:
    return Records(cut(chunk, line_ends(chunk, returns=True)))


def check_has_columns(source: Source, fields: Sequence[Field], roles: tuple[str, ...]) -> None:
    """Check that only columns are wanted that lines of text have."""
    for field in fields:
        if field.role not in roles:
            raise InputError(
                f"{source.name} is plain text, which has no column {field.name!r}: use a format with "
                "columns, such as csv or jsonl."
            )
