"""Documents to sentences: unlabelled text for students that read a sentence at a time."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

#: Line breaks of HTML, which reviews and comments are full of, end a sentence too.
_BREAK = re.compile(r"(?:\s*<br\s*/?>\s*)+|[\r\n]+", re.IGNORECASE)
#: Behind a full stop (and what closes quotes and brackets), before anything but a small letter.
_END = re.compile(r"(?:(?<=[.!?…])|(?<=[.!?…][\"'”’)\]]))\s+(?![a-z])")


def sentences(texts: Iterable[str], shortest: int = 4, longest: int = 50) -> Iterator[str]:
    """The sentences of documents, each once.

    Where they end is told by punctuation alone: quick, in any language that uses it, and wrong behind some
    abbreviations, which does unlabelled text no harm.

    Args:
        texts: Documents.
        shortest: Leave out sentences of fewer words.
        longest: And of more.
    """
    seen: set[str] = set()
    for text in texts:
        for line in _BREAK.split(text):
            for sentence in _END.split(line):
                words = sentence.split()
                whole = " ".join(words)
                if shortest <= len(words) <= longest and whole not in seen:
                    seen.add(whole)
                    yield whole
