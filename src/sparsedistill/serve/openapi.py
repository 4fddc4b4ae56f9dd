"""The OpenAPI document: which paths there are, and what they take and give."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from .. import __version__
from .config import Limits, ServeConfig
from .explanation import LONGEST, ExplainRequest, ExplainResponse
from .huggingface import InferenceRequest
from .models import Target
from .ngrams import MOST, ClassNgrams
from .page import ServedStudent
from .query import Prediction
from .tei import ErrorResponse, Info, PredictRequest, VertexRequest, VertexResponse
from .vllm import ApiErrorResponse, ClassifyRequest, ClassifyResponse

_STRUCTS = (
    ApiErrorResponse,
    ClassNgrams,
    ClassifyRequest,
    ClassifyResponse,
    ErrorResponse,
    ExplainRequest,
    ExplainResponse,
    InferenceRequest,
    Info,
    PredictRequest,
    Prediction,
    ServedStudent,
    VertexRequest,
    VertexResponse,
)
_ERRORS = {
    400: "The body is not JSON, or has no texts.",
    401: "The request has no valid key.",
    408: "The request was not received and answered in time.",
    413: "The body is too large.",
    415: "The body has another content type.",
    422: "The request is JSON, but not what is asked for.",
    424: "The student or its teacher failed.",
    429: "There are too many requests at a time.",
}
_BULK_PARAMETERS = {
    "text": ("string", "Field of the text."),
    "text_pair": ("string", "Field of the second text, for pairs."),
    "keep": ("string", "Fields to copy to the answers, separated by commas."),
    "probabilities": ("boolean", "Add the probability of each class."),
    "coverage": ("boolean", "Add the share of tokens that the student knows."),
}
_MOST_CLASSES = 1000  # that are listed

Schema = dict[str, Any]


def openapi_document(targets: Mapping[str, Target], config: ServeConfig) -> Schema:
    """The document of a server.

    Args:
        targets: The students by their prefix.
        config: How they are served.
    """
    _, schemas = msgspec.json.schema_components(_STRUCTS, ref_template="#/components/schemas/{name}")
    paths: dict[str, Schema] = {}
    for target in targets.values():
        _limit(schemas, target, config.limits)
        paths |= _target_paths(target, keyed=bool(config.keys))
    text = {"text/html": {"schema": {"type": "string"}}}
    paths.setdefault("/", {})["get"] = _operation("A page to try the students.", text) | {"security": []}
    listed = {"type": "array", "items": _ref("ServedStudent")}
    paths["/students"] = {"get": _operation("The students that are served.", _json(listed))}
    for path, what in (("/health", "Whether the server is alive."), ("/ping", "The same as /health.")):
        paths[path] = {"get": _operation(what, {}) | {"security": []}}
    figures = {"text/plain": {"schema": {"type": "string"}}}
    paths["/metrics"] = {"get": _operation("Figures for Prometheus.", figures)}
    paths["/openapi.json"] = {"get": _operation("This document.", _json({"type": "object"}))}
    document: Schema = {
        "openapi": "3.1.0",
        "info": {"title": "sparsedistill", "version": __version__},
        "paths": paths,
        "components": {"schemas": schemas},
    }
    if config.keys:
        document["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
        document["security"] = [{"key": []}]
        for item in paths.values():
            for operation in item.values():
                if "security" not in operation:
                    operation["responses"] |= _errors((401,), "ErrorResponse")
    return document


def _target_paths(target: Target, *, keyed: bool) -> dict[str, Schema]:
    """The paths of a student."""
    kind = _kind(target)
    answers = _by_head(target, {"type": "array", "items": _ref("Prediction")})
    several = {"type": "array", "items": answers}
    name = target.name
    posts = {
        "/predict": ("as text-embeddings-inference", f"PredictRequest{kind}", {"anyOf": [answers, several]}),
        "/invocations": ("for SageMaker", f"PredictRequest{kind}", {"anyOf": [answers, several]}),
        "/vertex": ("for Vertex AI", f"VertexRequest{kind}", _ref("VertexResponse")),
        "": ("as Hugging Face's inference API", f"InferenceRequest{kind}", several),
    }
    paths: dict[str, Schema] = {}
    for path, (how, request, response) in posts.items():
        operation = _operation(f"Classify texts with {name}, {how}.", _json(response))
        paths[target.prefix + path or "/"] = {"post": operation | _body(request)}
    if target.explained:
        paths[f"{target.prefix}/explain"] = {"post": _explain(target)}
    paths[f"{target.prefix}/bulk"] = {"post": _bulk(target)}
    for item in paths.values():
        item["post"]["responses"] |= _errors((400, 408, 413, 415, 422, 424, 429), "ErrorResponse")
    if target.one_question and not target.model.pair:
        classify = _operation(f"Classify texts with {name}, as vLLM.", _json(_ref("ClassifyResponse")))
        classify["responses"] |= _errors((400, 404, 408, 413, 415, 424, 429), "ApiErrorResponse")
        classify["responses"] |= _errors((401,), "ApiErrorResponse") if keyed else {}
        paths[f"{target.prefix}/classify"] = {"post": classify | _body("ClassifyRequest")}
    if target.ranked:
        paths[f"{target.prefix}/ngrams"] = {"get": _ngrams(target)}
    info = _operation(f"About {name}.", _json(_ref("Info")))
    paths[f"{target.prefix}/info"] = {"get": info}
    return paths


def _explain(target: Target) -> Schema:
    answer = _by_head(target, _ref("ExplainResponse"))
    operation = _operation(f"Explain an answer of {target.name}.", _json(answer))
    operation["requestBody"] = {"required": True, "content": _json(_explained(target))}
    return operation


def _ngrams(target: Target) -> Schema:
    answer = _by_head(target, {"type": "array", "items": _ref("ClassNgrams")})
    operation = _operation(f"The strongest n-grams of each class of {target.name}.", _json(answer))
    top = {"type": "integer", "minimum": 0, "maximum": MOST}
    operation["parameters"] = [
        {"name": "top", "in": "query", "description": "n-grams of each class.", "schema": top}
    ]
    operation["responses"] |= _errors((408, 422, 429), "ErrorResponse")
    return operation


def _by_head(target: Target, answer: Schema) -> Schema:
    """The schema of an answer to one question, or of an object of these."""
    return answer if target.one_question else {"type": "object", "additionalProperties": answer}


def _bulk(target: Target) -> Schema:
    lines = {"application/x-ndjson": {"schema": {"type": "string"}}}
    operation = _operation(f"Classify lines of JSON with {target.name}, as they arrive.", lines)
    operation["requestBody"] = {"required": True, "content": lines}
    operation["parameters"] = [
        {"name": name, "in": "query", "description": text, "schema": {"type": kind}}
        for name, (kind, text) in _BULK_PARAMETERS.items()
    ]
    return operation


def _operation(summary: str, content: Schema) -> Schema:
    response: Schema = {"description": "The answer."} | ({"content": content} if content else {})
    return {"summary": summary, "responses": {"200": response}}


def _errors(statuses: tuple[int, ...], schema: str) -> Schema:
    return {
        str(status): {
            "description": _ERRORS.get(status, "There is no such model."),
            "content": _json(_ref(schema)),
        }
        for status in statuses
    }


def _body(schema: str) -> Schema:
    return {"requestBody": {"required": True, "content": _json(_ref(schema))}}


def _json(schema: Schema) -> Schema:
    return {"application/json": {"schema": schema}}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


# ---- texts and their limits --------------------------------------------------------------------------


def _kind(target: Target) -> str:
    """What the names of schemas for students like this one end with."""
    return "OfPairs" if target.model.pair else "OfTexts"


def _explained(target: Target) -> Schema:
    """Requests for explanations, with the classes that can be named."""
    whole = _ref(f"ExplainRequest{_kind(target)}")
    if target.outputs > _MOST_CLASSES:
        return whole
    classes = [*target.heads[0].classes] if target.one_question else []
    return {"allOf": [whole, {"type": "object", "properties": {"label": {"enum": [*classes, None]}}}]}


def _limit(schemas: Schema, target: Target, limits: Limits) -> None:
    """Add the schemas of requests to students like this one, which say which texts these take."""
    kind = _kind(target)
    text = {"type": "string", "maxLength": limits.characters}
    short = text | {"maxLength": min(LONGEST, limits.characters)}
    if target.model.pair:
        row: Schema = {"type": "array", "items": text, "minItems": 2, "maxItems": 2}
        full = row | {"contains": {"type": "string", "minLength": 1}}
        single: list[Schema] = [full]
        named: Schema = _ref("TextPair")
        schemas["TextPair"]["properties"] |= {"text": text, "text_pair": text}
        explained = row | {"items": short}
    else:
        filled = text | {"minLength": 1}
        full = {"type": "array", "items": filled, "minItems": 1, "maxItems": 1}
        single, named, explained = [filled, full], text, short
    count = {"minItems": 1, "maxItems": limits.texts}
    inputs: dict[str, Schema] = {
        "PredictRequest": {"anyOf": [*single, {"type": "array", "items": full, **count}]},
        "InferenceRequest": {"anyOf": [named, {"type": "array", "items": named, **count}]},
        "ExplainRequest": explained,
    }
    for name, schema in inputs.items():
        whole = schemas[name]
        schemas[name + kind] = whole | {"properties": whole["properties"] | {"inputs": schema}}
    vertex = schemas["VertexRequest"]
    instances = {"type": "array", "items": _ref(f"PredictRequest{kind}"), **count}
    schemas["VertexRequest" + kind] = vertex | {"properties": {"instances": instances}}
    asked = {"anyOf": [text, {"type": "array", "items": text, **count}]}
    schemas["ClassifyRequest"]["properties"]["input"] = asked
