"""The error that users are meant to read."""

from __future__ import annotations

_LONGEST = 4_000  # characters of a message: it may quote an input of any size


class InputError(ValueError):
    """An input cannot be used.

    The message names the input (file, line, column, option), says what is wrong and, after a colon, what
    to do. The command line prints only the message and exits with status 2. A message of more than 4,000
    characters loses its middle.
    """

    def __init__(self, message: str) -> None:
        if len(message) > _LONGEST:
            message = f"{message[: _LONGEST // 2]} [...] {message[-_LONGEST // 2 :]}"
        super().__init__(message)


def first_line(error: BaseException) -> str:
    """The first line of an error message without a final full stop, to quote in a sentence."""
    return str(error).strip().split("\n")[0].rstrip(".")
