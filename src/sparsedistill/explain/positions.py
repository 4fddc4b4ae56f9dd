"""Where the tokens and the character n-grams of a text are, counted in characters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from .. import _core
from ..vocabulary.config import TokenizerConfig


def tokens_of(text: str, *, boundaries: bool) -> tuple[list[str], NDArray[np.int64], NDArray[np.int64]]:
    """The folded tokens of a text, and the characters where each begins and ends, int64 (tokens,)."""
    return _in_characters(text, _core.tokenize(text, boundaries))


def characters_of(text: str, tokenizer: TokenizerConfig) -> Iterator[tuple[str, int, int]]:
    """The character n-grams of a text, and the characters where the word of each begins and ends."""
    ngrams, begins, ends = _in_characters(text, _core.characters(text, tokenizer.core))
    return zip(ngrams, begins.tolist(), ends.tolist(), strict=True)


def _in_characters(
    text: str, found: Sequence[tuple[str, int, int]]
) -> tuple[list[str], NDArray[np.int64], NDArray[np.int64]]:
    """Strings of a text with their spans, which the core counts in bytes of UTF-8, in characters."""
    strings = [string for string, _, _ in found]
    begins, ends = np.array([span for _, *span in found], np.int64).reshape(-1, 2).T
    if not text.isascii():
        codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
        byte_ends = np.cumsum(1 + (codes >= 0x80) + (codes >= 0x800) + (codes >= 0x10000))
        empty = begins == ends  # a boundary of the text
        begins = np.searchsorted(byte_ends, begins, side="right")
        ends = np.where(empty, begins, np.searchsorted(byte_ends, ends - 1, side="right") + 1)
    return strings, begins, ends
