"""A request to a server with OpenAI's API, and its answer."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

import msgspec


@dataclass(frozen=True)
class Request:
    """What is sent to the server.

    Attributes:
        path: Path below the base URL.
        body: The JSON object, with sorted keys.
    """

    path: str
    body: bytes

    @cached_property
    def key(self) -> bytes:
        """Hash that equal requests share: model, prompt and parameters are in the body."""
        return hashlib.blake2b(self.path.encode() + b"\0" + self.body, digest_size=16).digest()


@dataclass(frozen=True)
class Position:
    """One token of an answer.

    Attributes:
        token: The token that was sampled.
        top: The most probable tokens with their log-probabilities.
    """

    token: str
    top: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Answer:
    """An answer, as it is kept.

    Attributes:
        text: Its text.
        positions: Its tokens; empty if log-probabilities were not asked for.
        tokens_in: Tokens of the prompt, as the server counts them.
        tokens_out: Tokens of the answer.
    """

    text: str
    positions: tuple[Position, ...]
    tokens_in: int = 0
    tokens_out: int = 0


def read_answer(content: bytes) -> Answer:
    """Read the body of a response.

    Both forms of log-probabilities are read: lists of tokens (chat, and completions of llama.cpp), and an
    object per token (completions of OpenAI and vLLM).

    Raises:
        msgspec.DecodeError: It is not a completion.
    """
    response = msgspec.json.decode(content, type=_Response)
    if not response.choices:
        raise msgspec.ValidationError("it has no choices")
    choice = response.choices[0]
    text = choice.text if choice.message is None else choice.message.content
    return Answer(
        text or "",
        () if choice.logprobs is None else _positions(choice.logprobs),
        response.usage.prompt_tokens,
        response.usage.completion_tokens,
    )


@dataclass(frozen=True)
class _TopToken:
    token: str
    logprob: float


@dataclass(frozen=True)
class _Token:
    token: str
    top_logprobs: tuple[_TopToken, ...] = ()


@dataclass(frozen=True)
class _Logprobs:
    content: tuple[_Token, ...] | None = None
    tokens: tuple[str, ...] | None = None
    top_logprobs: tuple[dict[str, float] | None, ...] | None = None


@dataclass(frozen=True)
class _Message:
    content: str | None = None


@dataclass(frozen=True)
class _Choice:
    message: _Message | None = None
    text: str | None = None
    logprobs: _Logprobs | None = None


@dataclass(frozen=True)
class _Usage:
    prompt_tokens: int = 0
    completion_tokens: int = 0


@dataclass(frozen=True)
class _Response:
    choices: tuple[_Choice, ...]
    usage: _Usage = field(default_factory=_Usage)


def _positions(logprobs: _Logprobs) -> tuple[Position, ...]:
    if logprobs.content is not None:
        return tuple(
            Position(each.token, _rounded((top.token, top.logprob) for top in each.top_logprobs))
            for each in logprobs.content
        )
    if logprobs.tokens is not None and logprobs.top_logprobs is not None:
        both = zip(logprobs.tokens, logprobs.top_logprobs, strict=False)
        return tuple(Position(token, _rounded((top or {}).items())) for token, top in both)
    return ()


def _rounded(top: Iterable[tuple[str, float]]) -> tuple[tuple[str, float], ...]:
    """Log-probabilities with five decimals: half of a kept answer would be digits otherwise."""
    return tuple((token, round(logprob, 5)) for token, logprob in top)
