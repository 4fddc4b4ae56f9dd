"""Tokens and the spelling of n-grams, without a vocabulary."""

from __future__ import annotations

from .. import _core

_CHARACTERS = "##"  # prefix of character n-grams; the core spells them


def tokenize(text: str, *, boundaries: bool = False) -> list[str]:
    """Split `text` into case-folded tokens.

    Args:
        text: The text.
        boundaries: Whether to add a token for the beginning (STX, U+0002) and one for the end (ETX, U+0003).
    """
    return [token for token, _, _ in _core.tokenize(text, boundaries)]


def is_characters(ngram: str) -> bool:
    """Whether `ngram` is a character n-gram: ``##`` and more. No token begins with ``##``."""
    return len(ngram) > len(_CHARACTERS) and ngram.startswith(_CHARACTERS)


def is_word(ngram: str) -> bool:
    """Whether `ngram` is a single token, or the beginning or the end of a text."""
    return " " not in ngram and not is_characters(ngram)
