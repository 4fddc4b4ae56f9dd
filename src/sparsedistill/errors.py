"""The error that users are meant to read."""

from __future__ import annotations


class InputError(ValueError):
    """An input cannot be used.

    The message names the input (file, line, column, option), says what is wrong and, after a colon, what
    to do. The command line prints only the message and exits with status 2.
    """


def first_line(error: BaseException) -> str:
    """The first line of an error message without a final full stop, to quote in a sentence."""
    return str(error).strip().split("\n")[0].rstrip(".")
