"""Single texts as pairs of like ones, for a teacher that compares texts to score."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .errors import InputError
from .vocabulary import tokenize

_LEAST = 0.2  # cosine: less and the pair has hardly a word in common
_MOST = 0.999  # more and it is the same text but for order, case and frequent words
_FREQUENT = 0.05  # share of the texts beyond which a word tells nothing,
_FEW = 20  # unless it is in so few of them


def near_pairs(texts: Sequence[str], count: int, seed: int = 0) -> tuple[list[str], list[str]]:
    """Pair each text with those of the others that are nearest by TF-IDF, each pair once, either text first.

    Pairs drawn at random would hardly share a word, and their teacher would say no to all of them.

    Takes time with the square of the number of texts.

    Args:
        texts: The texts; one that comes twice counts once.
        count: Most pairs that are made for a text, beside those that others make with it.
        seed: Draws which text of a pair comes first.

    Raises:
        InputError: scikit-learn is not installed, or the texts have no words.
    """
    try:
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.neighbors import NearestNeighbors
    except ImportError as error:
        raise InputError("scikit-learn is not installed: pip install 'sparsedistill[report]'.") from error

    distinct = list(dict.fromkeys(texts))
    frequent = min(1.0, max(_FREQUENT, _FEW / max(len(distinct), 1)))
    vectorizer = TfidfVectorizer(
        tokenizer=tokenize, token_pattern=None, lowercase=False, sublinear_tf=True, max_df=frequent
    )
    try:
        vectors = vectorizer.fit_transform(distinct)
    except ValueError as error:
        raise InputError(f"near_pairs finds no words in {len(distinct)} texts: give more texts.") from error
    nearest = NearestNeighbors(n_neighbors=min(count + 1, len(distinct)), metric="cosine").fit(vectors)
    distances, places = nearest.kneighbors(vectors)
    likeness = 1 - distances
    rows, ranks = np.nonzero((likeness >= _LEAST) & (likeness < _MOST))
    pairs = np.unique(np.sort(np.stack([rows, places[rows, ranks]], axis=1), axis=1), axis=0)
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    turned = np.random.default_rng(seed).random(len(pairs)) < 0.5
    pairs[turned] = pairs[turned, ::-1]
    first, second = ([distinct[i] for i in side] for side in pairs.T.tolist())
    return first, second
