"""Tokens and the spelling of n-grams, without a vocabulary."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .. import _core
from .._internal.texts import check_texts
from ..errors import InputError

_CHARACTERS = "##"  # prefix of character n-grams; the core spells them


def tokenize(text: str, *, boundaries: bool = False) -> list[str]:
    """Split `text` into case-folded tokens.

    Args:
        text: The text.
        boundaries: Whether to add a token for the beginning (STX, U+0002) and one for the end (ETX, U+0003).
    """
    return [token for token, _, _ in _core.tokenize(text, boundaries)]


def checked_ngrams(ngrams: Iterable[str], max_ngram: int) -> list[str]:
    """N-grams that are given as strings, of at most `max_ngram` tokens each.

    Raises:
        InputError: There are none, or one is not a string or is longer.
    """
    if isinstance(ngrams, str):
        raise InputError("ngrams is a single str: pass a list of n-grams.")
    found = list(ngrams)
    if not found:
        raise InputError("The list of n-grams is empty: give at least one.")
    check_texts(found, "ngrams")
    for ngram in found:
        if ngram.count(" ") >= max_ngram:
            raise InputError(f"The n-gram {ngram!r} has more than {max_ngram} tokens: raise max_ngram.")
    return found


def is_characters(ngram: str) -> bool:
    """Whether `ngram` is a character n-gram: ``##`` and more. No token begins with ``##``."""
    return len(ngram) > len(_CHARACTERS) and ngram.startswith(_CHARACTERS)


def is_word(ngram: str) -> bool:
    """Whether `ngram` is a single token, or the beginning or the end of a text."""
    return " " not in ngram and not is_characters(ngram)


def is_closed(ngrams: Sequence[str]) -> bool:
    """Whether every prefix of an n-gram is an n-gram too."""
    known = set(ngrams)
    return all(ngram.rpartition(" ")[0] in known for ngram in ngrams if " " in ngram)
