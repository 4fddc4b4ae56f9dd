"""Whether two texts are the same, and which texts are not held out."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

_UNIT = "\x1f"  # separates the texts of a pair


def identities(texts: pa.Array, text_pair: pa.Array | None) -> pa.Array:
    """Keys of texts, large_string (n,): two texts are the same if their keys are equal.

    Case, punctuation and white space do not count, so that editions of one text are the same text. The key of
    a pair has the words of both texts.
    """
    return paired(_words(texts), None if text_pair is None else _words(text_pair))


def not_held_out(texts: pa.Array, text_pair: pa.Array | None, held_out: pa.Array) -> NDArray[np.int64]:
    """Find the texts (or pairs) that are not held out.

    Args:
        texts: n texts.
        text_pair: n second texts, for pairs.
        held_out: Identities of the held-out texts. See :func:`identities`.

    Returns:
        Their indices, int64, in ascending order.
    """
    found = pc.is_in(identities(texts, text_pair), value_set=held_out)
    return np.flatnonzero(~found.to_numpy(zero_copy_only=False))


def paired(texts: pa.Array, text_pair: pa.Array | None) -> pa.Array:
    """Join both texts of each pair, large_string (n,). Single texts are returned unchanged."""
    texts = texts.cast(pa.large_string())
    if text_pair is None:
        return texts
    return pc.binary_join_element_wise(
        texts, text_pair.cast(pa.large_string()), pa.scalar(_UNIT, pa.large_string())
    )


def _words(texts: pa.Array) -> pa.Array:
    """Letters and digits in lower case, words separated by a space; texts without any in lower case."""
    lower = pc.utf8_lower(texts.cast(pa.large_string()))
    words = pc.utf8_trim(pc.replace_substring_regex(lower, r"[^\pL\pM\pN]+", " "), " ")
    return pc.if_else(pc.equal(words, ""), lower, words)
