"""When two texts are the same text."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

_UNIT = "\x1f"  # stands between the texts of a pair


def identities(texts: pa.Array, text_pair: pa.Array | None) -> pa.Array:
    """What tells examples apart: large_string (n,), the words of the text, or of both texts of a pair.

    Case, punctuation and white space do not: a text that differs in these alone is the same text in another
    edition.
    """
    return paired(_words(texts), None if text_pair is None else _words(text_pair))


def paired(texts: pa.Array, text_pair: pa.Array | None) -> pa.Array:
    """Both texts of each pair in one string, large_string (n,); single texts as they are."""
    texts = texts.cast(pa.large_string())
    if text_pair is None:
        return texts
    return pc.binary_join_element_wise(
        texts, text_pair.cast(pa.large_string()), pa.scalar(_UNIT, pa.large_string())
    )


def _words(texts: pa.Array) -> pa.Array:
    """Letters and digits in small letters, a space between words; a text without any stays as it is."""
    lower = pc.utf8_lower(texts.cast(pa.large_string()))
    words = pc.utf8_trim(pc.replace_substring_regex(lower, r"[^\pL\pM\pN]+", " "), " ")
    return pc.if_else(pc.equal(words, ""), lower, words)
