"""Folding: the character n-grams of each known word become part of its row."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from ..errors import InputError
from ..vocabulary.tokenizer import is_word
from ..vocabulary.vocabulary import Vocabulary

_AT_ONCE = 1 << 14  # words whose character n-grams are in memory together


def check_foldable(vocabulary: Vocabulary) -> None:
    """Check that :func:`fold_characters` can fold a table of `vocabulary`.

    Raises:
        InputError: It has character n-grams, and its strings are not known.
    """
    if vocabulary.tokenizer.max_characters and vocabulary.ngrams is None:
        raise InputError(
            "The vocabulary has character n-grams and its strings are missing, from which a student's words "
            "are made: build the vocabulary again, or copy its ngrams.parquet."
        )


@torch.no_grad()
def fold_characters(table: Tensor, vocabulary: Vocabulary) -> Tensor:
    """Fold a table that has left training: the row of each word becomes the word's vector.

    A known word then costs a student one look-up and one row, as without character n-grams. Their own rows
    stay as they are, for unknown words.

    Args:
        table: float32 (rows, dim), as trained.
        vocabulary: Its n-grams.

    Returns:
        The folded table; `table` itself if there are no character n-grams.

    Raises:
        InputError: As :func:`check_foldable`.
    """
    check_foldable(vocabulary)
    ngrams = vocabulary.ngrams
    if not vocabulary.tokenizer.max_characters or ngrams is None:
        return table
    words = [row for row, ngram in enumerate(ngrams) if is_word(ngram)]
    folded = table.clone()
    for begin in range(0, len(words), _AT_ONCE):
        rows = words[begin : begin + _AT_ONCE]
        found = vocabulary.core.characters([ngrams[row] for row in rows])
        characters, offsets = (torch.from_numpy(array).to(table.device) for array in found)
        sums = functional.embedding_bag(characters, table, offsets, mode="sum", include_last_offset=True)
        folded[rows] += sums * offsets.diff().clamp(min=1).rsqrt()[:, None]
    return folded
