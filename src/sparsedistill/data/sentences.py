"""Splits documents into sentences: unlabelled texts for students of single sentences."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

#: Line breaks, also those of HTML, which are frequent in reviews and comments, end a sentence.
_BREAK = re.compile(r"(?:\s*<br\s*/?>\s*)+|[\r\n]+", re.IGNORECASE)
#: White space after a full stop (and closing quotes or brackets), unless a lower-case letter follows.
_END = re.compile(r"(?:(?<=[.!?…])|(?<=[.!?…][\"'”’)\]]))\s+(?![a-z])")


def sentences(texts: Iterable[str], min_words: int = 4, max_words: int = 50) -> Iterator[str]:
    """Split documents into sentences and yield each distinct sentence once.

    Sentence ends are found by punctuation only. That is fast and works in every language that uses this
    punctuation; it also splits after some abbreviations, which does no harm in unlabelled texts.

    Args:
        texts: Documents.
        min_words: Skip sentences with fewer words.
        max_words: Skip sentences with more words.
    """
    seen: set[str] = set()
    for text in texts:
        for line in _BREAK.split(text):
            for sentence in _END.split(line):
                words = sentence.split()
                whole = " ".join(words)
                if min_words <= len(words) <= max_words and whole not in seen:
                    seen.add(whole)
                    yield whole
