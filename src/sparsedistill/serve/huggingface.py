"""The interface of Hugging Face's inference API for text classification."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any

import msgspec

from .config import Limits
from .models import Target
from .query import Activation, Found, Query, answers, check_count, check_lengths, decode, split_pairs


class TextPair(msgspec.Struct):
    """Two texts to compare, as the pipelines of transformers take them.

    Attributes:
        text: The first text.
        text_pair: The second text.
    """

    text: str
    text_pair: str


class Parameters(msgspec.Struct):
    """What is asked for.

    Attributes:
        function_to_apply: Function of the logits; by default that of the student's problem.
        top_k: Classes per text; all by default.
    """

    function_to_apply: Activation | None = None
    top_k: Annotated[int, msgspec.Meta(ge=1)] | None = None


class InferenceRequest(msgspec.Struct):
    """Texts to classify.

    Attributes:
        inputs: A text or several; for students of pairs, objects with ``text`` and ``text_pair``.
        parameters: What is asked for.
    """

    inputs: str | TextPair | list[str | TextPair]
    parameters: Parameters | None = None


_decoder = msgspec.json.Decoder(InferenceRequest)


def classify(target: Target, limits: Limits, body: bytes) -> Query:
    """The query of ``/``: the answer is a list per text, also for one text."""
    request = decode(body, _decoder)
    given: Any = request.inputs
    items: Sequence[str | TextPair] = given if isinstance(given, list) else [given]
    check_count(len(items), limits)
    rows = [item if isinstance(item, str) else (item.text, item.text_pair) for item in items]
    texts, text_pair = split_pairs(rows, pair=target.model.pair)
    check_lengths(texts, limits)
    check_lengths(text_pair or (), limits)
    wanted = request.parameters or Parameters()
    return Query(texts, text_pair, partial(_answer, target, wanted))


def _answer(target: Target, wanted: Parameters, found: Found) -> list[Any]:
    return answers(target.heads, found, wanted.function_to_apply, wanted.top_k)
