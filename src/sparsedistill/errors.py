"""The one error that people are meant to read, and what it may quote of others."""


class InputError(ValueError):
    """Something that was passed in cannot be used.

    The message is one sentence that names the input (file, line, column, option) and the mend. The
    command line prints it alone and exits with 2.
    """


def first_line(error: BaseException) -> str:
    """The first line of what a library says, without its full stop: to stand inside a sentence of ours."""
    return str(error).strip().split("\n")[0].rstrip(".")
