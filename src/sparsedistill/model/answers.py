"""The answers of a classifier as columns of a table."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from .heads import Head
from .predictions import Predictions


def by_head(predictions: Predictions | dict[str, Predictions]) -> dict[str, Predictions]:
    """What ``score`` gives, by the name of the head: that of the only question of a student is empty."""
    return {"": predictions} if isinstance(predictions, Predictions) else predictions


def answer_columns(head: Head, predictions: Predictions) -> dict[str, pa.Array]:
    """What is said of n texts to one question, as the columns :attr:`Head.columns`.

    Returns:
        The number of a regression; the classes of a multi-label question, lists of names; else the predicted
        class and its probability. Each is (n,).
    """
    return dict(zip(head.columns, _answers(head, predictions), strict=True))


def probability_columns(
    head: Head, predictions: Predictions, classes: Sequence[str] | None = None
) -> dict[str, pa.Array]:
    """The probability of each class of a question, or of some of them, float32 (n,); none of a regression."""
    if head.problem == "regression":
        return {}
    columns, shares = dict(zip(head.classes, head.probability_columns, strict=True)), predictions.answers
    return {
        columns[name]: pa.array(shares[:, head.classes.index(name)])
        for name in (head.classes if classes is None else classes)
    }


def _answers(head: Head, predictions: Predictions) -> tuple[pa.Array, ...]:
    shares = predictions.answers
    if head.problem == "regression":
        return (pa.array(shares[:, 0]),)
    if head.problem == "multi_label":
        chosen = [[head.classes[c] for c in np.flatnonzero(row)] for row in predictions.logits >= 0]
        return (pa.array(chosen, pa.list_(pa.string())),)
    best = predictions.logits.argmax(axis=1)
    return (
        pa.array(head.classes, pa.string()).take(pa.array(best)),
        pa.array(shares[np.arange(len(best)), best]),
    )
