"""Why a student classifies a text as it does."""

from __future__ import annotations

import numpy as np

from ..errors import InputError
from ..model.student_model import StudentModel
from .contributions import contributions, empty_logits
from .lookup import KnownNgrams
from .result import Explanation


def explain(model: StudentModel, text: str, text_pair: str | None = None) -> Explanation:
    """Compute what each n-gram of a text adds to each class.

    The contributions are integrated gradients (Sundararajan et al. 2017) from the text without n-grams to
    this text, along the straight line between what the head reads of both. On this line the input of each
    hidden unit goes straight from ``b`` to ``b + d``, so that the integral has a closed form: the change
    ``tanh(b + d) - tanh(b)`` of the unit is divided in proportion to each n-gram's part of ``d``. Nothing is
    approximated, and the contributions add up to the difference of the logits. For pairs, a product
    ``u * v`` is divided between both texts by halves and ``|u - v|`` by its sign, which are the integrated
    gradients of these two; what an n-gram adds because it is in both texts is divided by halves.

    Args:
        model: A trained or compact student.
        text: The text, or the first one of a pair.
        text_pair: The second text of a pair.

    Raises:
        InputError: A text is not a str, or the number of texts does not fit the student.
    """
    for given in (text, text_pair):
        if given is not None and not isinstance(given, str):
            raise InputError(f"The text to explain is a {type(given).__name__}: pass one str.")
    logits = model.score([text], None if text_pair is None else [text_pair]).logits[0]
    sides = [KnownNgrams.of(model, side) for side in (text, text_pair) if side is not None]
    spans = [span for number, side in enumerate(sides) for span in side.spans(second=number == 1)]
    return Explanation(
        text=text,
        text_pair=text_pair,
        classes=model.classes,
        problem=model.problem,
        spans=tuple(spans),
        contributions=contributions(model.weights, sides).astype(np.float32),
        empty_logits=empty_logits(model.weights),
        logits=logits,
    )
