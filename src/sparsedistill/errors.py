"""The one error that people are meant to read."""


class InputError(ValueError):
    """Something that was passed in cannot be used.

    The message is one sentence that names the input (file, line, column, option) and the mend. The
    command line prints it alone and exits with 2.
    """
