"""The interface of vLLM for classifiers."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import partial
from typing import Literal
from uuid import uuid4

import msgspec

from ..vocabulary.tokenizer import tokenize
from .config import Limits
from .errors import RequestError, invalid
from .http import Reply
from .models import Target
from .query import Found, Query, check_count, check_lengths, decode, scores, split_pairs

_TYPES = {401: "AuthenticationError", 404: "NotFoundError", 429: "RateLimitError"}


class ClassifyRequest(msgspec.Struct):
    """Texts to classify.

    Attributes:
        input: A text or several.
        model: Name of the student; by default the first one.
        activation: Whether to return probabilities instead of logits.
    """

    input: str | list[str]
    model: str | None = None
    activation: bool | None = None


class ClassifyDatum(msgspec.Struct):
    """The answer for one text.

    Attributes:
        index: Number of the text.
        label: The class with the highest score.
        probs: Score of each class.
        num_classes: Number of classes.
    """

    index: int
    label: str
    probs: list[float]
    num_classes: int


class Usage(msgspec.Struct):
    """The tokens of a request, as the student reads them.

    Attributes:
        prompt_tokens: Words, punctuation marks and symbols of the texts.
        total_tokens: The same.
        completion_tokens: 0.
        prompt_tokens_details: None.
    """

    prompt_tokens: int
    total_tokens: int
    completion_tokens: int = 0
    prompt_tokens_details: None = None


class ClassifyResponse(msgspec.Struct):
    """The answers for the texts of a request.

    Attributes:
        id: Of the request.
        created: Seconds since 1970.
        model: Name of the student.
        data: An answer per text.
        usage: What was read.
        object: ``list``.
    """

    id: str
    created: int
    model: str
    data: list[ClassifyDatum]
    usage: Usage
    object: Literal["list"] = "list"


class ApiError(msgspec.Struct):
    """What is wrong with a request.

    Attributes:
        message: What is wrong.
        type: Kind of the error.
        code: The status code.
        param: None.
    """

    message: str
    type: str
    code: int
    param: None = None


class ApiErrorResponse(msgspec.Struct):
    """An error in the form of OpenAI's interface.

    Attributes:
        error: What is wrong.
    """

    error: ApiError


_encode = msgspec.json.Encoder().encode
_decoder = msgspec.json.Decoder(ClassifyRequest)


def classify(
    targets: Mapping[str, Target], asked: Target, limits: Limits, body: bytes
) -> tuple[Target, Query]:
    """The query of ``/classify``, and the student that its field ``model`` names.

    Args:
        targets: All students by their prefix.
        asked: The student of the path.
        limits: What a client may ask for.
        body: The body of the request.
    """
    request = decode(body, _decoder)
    target = asked if request.model is None else _named(targets, asked, request.model)
    if not target.one_question:
        names = ", ".join(f"{target.name}/{head.name}" for head in target.heads)
        raise invalid(f"The model `{target.name}` answers several questions: name one of {names}.")
    texts = [request.input] if isinstance(request.input, str) else request.input
    check_count(len(texts), limits)
    split_pairs(texts, pair=target.model.pair)
    check_lengths(texts, limits)
    return target, Query(texts, None, partial(_answer, target, texts, request.activation is False))


def error_reply(refusal: RequestError) -> Reply:
    """The reply to a request that is refused, in the form of this interface, which has no status 422."""
    status = 400 if refusal.status == 422 else refusal.status
    kind = _TYPES.get(status, "BadRequestError" if status < 424 else "InternalServerError")
    error = ApiErrorResponse(ApiError(refusal.message, kind, status))
    return Reply(_encode(error), status, headers=refusal.headers)


def _named(targets: Mapping[str, Target], asked: Target, name: str) -> Target:
    if name in (asked.name, asked.opened.source.location):
        return asked
    for target in targets.values():
        if name in (target.name, target.opened.source.location):
            return target
    raise RequestError(404, "Validation", f"The model `{name}` does not exist.")


def _answer(target: Target, texts: list[str], raw: bool, found: Found) -> ClassifyResponse:
    head = target.heads[0]
    rows = scores(found[head.name], "none" if raw else None)
    data = [ClassifyDatum(i, head.classes[row.index(max(row))], row, len(row)) for i, row in enumerate(rows)]
    tokens = sum(len(tokenize(text)) for text in texts)
    return ClassifyResponse(
        f"classify-{uuid4().hex}", int(time.time()), target.name, data, Usage(tokens, tokens)
    )
