"""What a client is told if its request cannot be answered."""

from __future__ import annotations

from typing import Literal, TypeAlias

#: The kinds of errors of text-embeddings-inference.
ErrorType: TypeAlias = Literal["Unhealthy", "Backend", "Overloaded", "Validation", "Tokenizer", "Empty"]


class RequestError(Exception):
    """A request that is not answered.

    Args:
        status: Status code.
        kind: Kind of the error.
        message: What is wrong, and what to do.
        headers: Headers of the response.
    """

    def __init__(
        self, status: int, kind: ErrorType, message: str, headers: tuple[tuple[bytes, bytes], ...] = ()
    ) -> None:
        super().__init__(message)
        self.status, self.kind, self.message, self.headers = status, kind, message, headers


def invalid(message: str) -> RequestError:
    """The refusal of a request that is JSON, but not what is asked for."""
    return RequestError(422, "Validation", message)


def failed(message: str) -> RequestError:
    """The refusal of a request that the student or its teacher failed on."""
    return RequestError(424, "Backend", message)
