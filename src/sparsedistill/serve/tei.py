"""The interface of text-embeddings-inference for classifiers, also for SageMaker and Vertex AI."""

from __future__ import annotations

from functools import partial
from typing import Any, Literal

import msgspec

from .. import __version__
from ..cascade import Cascade
from ..model.compact import CompactWeights
from .config import Limits
from .errors import ErrorType, RequestError, invalid
from .http import Reply
from .models import Target
from .query import Found, Query, answers, check_count, check_lengths, decode, split_pairs


class PredictRequest(msgspec.Struct):
    """Texts to classify.

    Attributes:
        inputs: A text; for students of pairs, a list of two texts. Or a batch: a list of lists of one or two
            texts.
        truncate: Cut texts that are longer than the limit instead of refusing them.
        truncation_direction: The end that is cut.
        raw_scores: Logits instead of probabilities.
    """

    inputs: str | list[str | list[str]]
    truncate: bool | None = None
    truncation_direction: Literal["right", "left", "Right", "Left"] = "right"
    raw_scores: bool = False


class VertexRequest(msgspec.Struct):
    """Requests of Vertex AI.

    Attributes:
        instances: Requests as for ``/predict``.
    """

    instances: list[PredictRequest]


class VertexResponse(msgspec.Struct):
    """Answers for Vertex AI.

    Attributes:
        predictions: What ``/predict`` answers, per instance.
    """

    predictions: list[Any]


class ErrorResponse(msgspec.Struct):
    """What is wrong with a request.

    Attributes:
        error: What is wrong.
        error_type: Kind of the error.
    """

    error: str
    error_type: ErrorType


class Classifier(msgspec.Struct):
    """The classes of a student.

    Attributes:
        id2label: Class by number.
        label2id: Number by class.
    """

    id2label: dict[str, str]
    label2id: dict[str, int]


class Question(msgspec.Struct):
    """What a student says of a text.

    Attributes:
        name: Name of the head; empty for the only question of a student.
        problem: One class, any number of classes, or a number.
        classes: The classes.
    """

    name: str
    problem: Literal["single_label", "multi_label", "regression"]
    classes: list[str]


class Info(msgspec.Struct):
    """The served student and the limits.

    Attributes:
        model_id: Directory or Hub id of the student.
        model_sha: None: students have no revision.
        model_dtype: Numbers of the table.
        model_type: Its classes, if it answers one question.
        max_concurrent_requests: Requests at a time per worker process.
        max_input_length: Characters of a text.
        max_client_batch_size: Texts per request.
        version: Version of sparsedistill.
        questions: What it says of a text.
        pair: It compares two texts.
        models: Paths of all students and their heads, to be put before that of a function.
    """

    model_id: str
    model_sha: str | None
    model_dtype: str
    model_type: dict[str, Classifier]
    max_concurrent_requests: int
    max_input_length: int
    max_client_batch_size: int
    version: str
    questions: list[Question]
    pair: bool
    models: list[str]


_encode = msgspec.json.Encoder().encode
_predict_decoder = msgspec.json.Decoder(PredictRequest)
_vertex_decoder = msgspec.json.Decoder(VertexRequest)


def predict(target: Target, limits: Limits, body: bytes) -> Query:
    """The query of ``/predict`` and ``/invocations``."""
    return _query(target, limits, decode(body, _predict_decoder))


def vertex(target: Target, limits: Limits, body: bytes) -> Query:
    """The query of ``/vertex``: those of all instances together."""
    instances = decode(body, _vertex_decoder).instances
    if not instances:
        raise RequestError(400, "Empty", "`instances` cannot be empty")
    check_count(len(instances), limits)
    queries = [_query(target, limits, instance) for instance in instances]
    texts = [text for query in queries for text in query.texts]
    check_count(len(texts), limits)
    pairs = [text for query in queries for text in query.text_pair or ()]
    return Query(texts, pairs if target.model.pair else None, partial(_vertex_answer, queries))


def info(target: Target, limits: Limits, models: list[str]) -> Info:
    """The answer of ``/info``."""
    model = target.model
    student = model.student if isinstance(model, Cascade) else model
    questions = [Question(head.name, head.problem, list(head.classes)) for head in target.heads]
    kinds: dict[str, Classifier] = {}
    if target.one_question:
        classes = target.heads[0].classes
        kinds["classifier"] = Classifier(
            {str(i): name for i, name in enumerate(classes)}, {name: i for i, name in enumerate(classes)}
        )
    return Info(
        model_id=target.opened.source.location,
        model_sha=None,
        model_dtype="int8" if isinstance(student.weights, CompactWeights) else "float32",
        model_type=kinds,
        max_concurrent_requests=limits.requests,
        max_input_length=limits.characters,
        max_client_batch_size=limits.texts,
        version=__version__,
        questions=questions,
        pair=model.pair,
        models=models,
    )


def error_reply(refusal: RequestError) -> Reply:
    """The reply to a request that is refused."""
    body = _encode(ErrorResponse(refusal.message, refusal.kind))
    return Reply(body, refusal.status, headers=refusal.headers)


def _query(target: Target, limits: Limits, request: PredictRequest) -> Query:
    inputs = request.inputs
    single = True
    if isinstance(inputs, str):
        items: list[Any] = [inputs]
    elif inputs and isinstance(inputs[0], str):
        items = [_row(inputs)]
    else:
        check_count(len(inputs), limits)
        items, single = [_row(item) for item in inputs], False
    texts, text_pair = split_pairs(items, pair=target.model.pair)
    for i, text in enumerate(texts):
        if not text and not (text_pair and text_pair[i]):
            raise invalid("`inputs` cannot be empty")
    if request.truncate:
        left = request.truncation_direction in ("left", "Left")
        texts = [_cut(text, limits.characters, left) for text in texts]
        text_pair = text_pair and [_cut(text, limits.characters, left) for text in text_pair]
    check_lengths(texts, limits)
    check_lengths(text_pair or (), limits)
    return Query(texts, text_pair, partial(_answer, target, request.raw_scores, single))


def _row(item: str | list[Any]) -> list[str]:
    """A text or a pair, in a list."""
    if isinstance(item, str) or not 1 <= len(item) <= 2 or not all(isinstance(text, str) for text in item):
        raise invalid(
            "`inputs` must be a string, a pair of strings [string, string], or a batch of these, each in a "
            "list: [[string], [string, string], ...]"
        )
    return item


def _cut(text: str, length: int, left: bool) -> str:
    if len(text) <= length:
        return text
    return text[-length:] if left else text[:length]


def _answer(target: Target, raw: bool, single: bool, found: Found) -> Any:
    rows = answers(target.heads, found, "none" if raw else None)
    return rows[0] if single else rows


def _vertex_answer(queries: list[Query], found: Found) -> VertexResponse:
    begin, written = 0, []
    for query in queries:
        end = begin + len(query.texts)
        written.append(query.write({name: each.part(begin, end) for name, each in found.items()}))
        begin = end
    return VertexResponse(written)
