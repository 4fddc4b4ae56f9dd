"""Makes new texts from parts of others, for a teacher to score where unlabelled text is scarce."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

from .._internal.progress import Progress, no_progress

#: Draws per wanted text before giving up. Most draws of short texts succeed.
_DRAWS = 20


def recombined(
    texts: Iterable[str],
    count: int,
    min_words: int = 4,
    max_words: int = 50,
    seed: int = 0,
    progress: Progress = no_progress,
) -> list[str]:
    """Join the beginning of one text to the end of another at a word that both contain.

    "who wrote the *song* yesterday" and "what *song* won in 1990" make "who wrote the song won in 1990".
    Nobody asks that, but its n-grams are real ones, in contexts that the corpus does not have. The teacher
    scores the new texts.

    Args:
        texts: Texts to take parts of, at least one word of each.
        count: Number of texts to make.
        min_words: Make no texts with fewer words.
        max_words: Make no texts with more words.
        seed: Draws the texts and the words.
        progress: Reports the progress.

    Returns:
        `count` distinct texts, none of which is in `texts`; fewer if `texts` have too few words in common.
        Words are separated by white space in `texts`, and by single spaces in the result.
    """
    words = [text.split() for text in texts]
    begins = [number for number, text in enumerate(words) if len(text) > 2]
    positions = _positions(words)
    seen = {" ".join(text) for text in words}
    made: list[str] = []
    draw = np.random.default_rng(seed)
    with progress("Recombining texts", count, "texts") as advance:
        for _ in range(_DRAWS * count if begins else 0):
            if len(made) == count:
                break
            begin = words[begins[draw.integers(len(begins))]]
            cut = int(draw.integers(1, len(begin) - 1))
            number, joint = (met := positions[begin[cut].lower()])[draw.integers(len(met))]
            text = begin[:cut] + words[number][joint:]
            whole = " ".join(text)
            if min_words <= len(text) <= max_words and whole not in seen:
                seen.add(whole)
                made.append(whole)
                advance()
    return made


def _positions(texts: Sequence[Sequence[str]]) -> dict[str, list[tuple[int, int]]]:
    """Where each word occurs, except at the ends of a text: (index of the text, index of the word)."""
    positions: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for number, text in enumerate(texts):
        for i in range(1, len(text) - 1):
            positions[text[i].lower()].append((number, i))
    return positions
