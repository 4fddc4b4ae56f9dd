"""New texts out of old ones, for a teacher to score where there is little text of a kind."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

from .._internal.progress import Progress, no_progress

#: Draws for each text that is wanted, before it is given up: most draws of short texts give one.
_DRAWS = 20


def recombined(
    texts: Iterable[str],
    count: int,
    shortest: int = 4,
    longest: int = 50,
    seed: int = 0,
    progress: Progress = no_progress,
) -> list[str]:
    """Texts that begin as one text and end as another, which meet at a word that both have.

    "who wrote the *song* yesterday" and "what *song* won in 1990" make "who wrote the song won in 1990": what
    no one asks, but in n-grams that people use, in company that the corpus does not show them in. The
    teacher says what each of them is.

    Args:
        texts: What to take begins and ends from, at least one word of either.
        count: How many texts to make.
        shortest: Make none of fewer words.
        longest: Nor of more.
        seed: Draws the texts and the words.
        progress: Shows the progress.

    Returns:
        `count` texts, each once and none of `texts`; fewer where `texts` have too few words in common. Words
        are what white space separates; they are joined by single spaces.
    """
    words = [text.split() for text in texts]
    begins = [number for number, text in enumerate(words) if len(text) > 2]
    places = _places(words)
    seen = {" ".join(text) for text in words}
    made: list[str] = []
    draw = np.random.default_rng(seed)
    with progress("Recombining texts", count, "texts") as advance:
        for _ in range(_DRAWS * count if begins else 0):
            if len(made) == count:
                break
            begin = words[begins[draw.integers(len(begins))]]
            place = int(draw.integers(1, len(begin) - 1))
            number, meeting = (met := places[begin[place].lower()])[draw.integers(len(met))]
            text = begin[:place] + words[number][meeting:]
            whole = " ".join(text)
            if shortest <= len(text) <= longest and whole not in seen:
                seen.add(whole)
                made.append(whole)
                advance()
    return made


def _places(texts: Sequence[Sequence[str]]) -> dict[str, list[tuple[int, int]]]:
    """Where each word stands inside a text: the text's number, and the word's in it."""
    places: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for number, text in enumerate(texts):
        for place in range(1, len(text) - 1):
            places[text[place].lower()].append((number, place))
    return places
