"""The command line: commands, errors and exit codes."""

from __future__ import annotations

import os
import signal
import sys
from typing import Annotated, NoReturn

import typer

from .. import __version__
from .._internal.signals import Stopped
from .._internal.threads import is_out_of_threads
from ..errors import InputError, first_line
from .cascade import cascade
from .compress import compress
from .distill import distill
from .doctor import doctor
from .evaluate import evaluate
from .explain import explain
from .filter import filter as filter_command
from .inspect import inspect
from .label import label
from .merge import merge
from .options import with_file_options
from .predict import predict
from .progress import console, show_log
from .report import report
from .serve import serve
from .status import status
from .streams import prepare_streams
from .teach import teach
from .train import train
from .vocab import vocab

app = typer.Typer(
    name="sparsedistill",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="""Distil a transformer text classifier into a student that runs at the cost of reading the bytes.

**The whole job:** `sparsedistill distill --encoder MODEL --labelled train.csv --unlabelled more.txt`

**Step by step:** `teach` a teacher, `label` a corpus with it, build a `vocab`, `train` a student, `evaluate`
it, `compress` it, `predict` or `filter` with it, `explain` its predictions, let a `cascade` defer to the
teacher, or `serve` it over HTTP.

Text files are txt (one text per line), csv, tsv, jsonl or parquet, also compressed as .gz or .zst. Give
several files, directories, or patterns in quotes.""",
)

for _command in (
    distill,
    teach,
    label,
    vocab,
    merge,
    train,
    evaluate,
    compress,
    predict,
    filter_command,
    explain,
    inspect,
    cascade,
    report,
    serve,
    status,
    doctor,
):
    app.command(_command.__name__)(with_file_options(_command))


#: Commands that resume an interrupted run.
_RESUMABLE = ("distill", "label", "report", "teach", "train")


def main() -> NoReturn:
    """Run the command line and exit.

    Errors in the input are one sentence, with exit code 2. A command that a signal ended exits with 128 + the
    signal's number, also if the signal's exception was turned into another one or lost on its way; one whose
    reader closed the pipe exits with 141 and says nothing.
    """
    prepare_streams()
    stopped = Stopped()
    stopped.keep_exit_code()
    try:
        with stopped.raised():
            code = _run()
        sys.stdout.flush()
    except BaseException as error:
        if stopped.signal is None:
            _explain(error)
    if stopped.signal is not None:
        _fail(_stopped_message(stopped.signal), 128 + stopped.signal)
    sys.exit(code)


def _run() -> int:
    with show_log():
        return app(prog_name="sparsedistill", standalone_mode=False) or 0


def _explain(error: BaseException) -> NoReturn:
    """Exit with the message and the exit code of an error that ended the command."""
    command = sys.argv[1] if sys.argv[1:] else "sparsedistill"
    if _is_closed_pipe(error):
        _leave(128 + signal.SIGPIPE)
    if isinstance(error, InputError):
        _fail(str(error))
    if isinstance(error, RuntimeError) and is_out_of_threads(error):
        _fail(f"{command} needs more threads than the system gives: raise the limits (ulimit -u, ulimit -v).")
    if isinstance(error, typer.Abort | KeyboardInterrupt):
        _fail(_stopped_message(signal.SIGINT), 128 + signal.SIGINT)
    if isinstance(error, SystemExit):
        if _completes():
            sys.exit(error.code)
        _fail(
            f"{command} was ended by code that it called, with sys.exit({error.code!r}): remove that call.", 1
        )
    if isinstance(error, MemoryError):
        reason = first_line(error) or "an allocation failed"
        _fail(f"{command} needs more memory than there is ({reason}): use less data or smaller settings.")
    if isinstance(error, OSError):
        if error.strerror is None or error.filename is None:
            reason = first_line(error) or type(error).__name__
            _fail(f"{command} failed with {type(error).__name__} ({reason}): solve that and run it again.")
        _fail(f"{error.filename}: {error.strerror}. Check the path, the permissions and the disk.")
    if isinstance(error, ImportError) and error.name in ("accelerate", "torch", "transformers"):
        _fail(f"This command needs {error.name}: pip install 'sparsedistill[train]'.")
    if hasattr(error, "show"):  # wrong options or arguments
        error.show()
        sys.exit(2)
    raise error


def _completes() -> bool:
    """Whether a shell asks for completions, or a user for its script; click then ends with sys.exit."""
    return "_SPARSEDISTILL_COMPLETE" in os.environ or sys.argv[1:2] in (
        ["--install-completion"],
        ["--show-completion"],
    )


def _is_closed_pipe(error: BaseException | None) -> bool:
    """Whether the reader of the output has gone; rich and Typer turn this into a SystemExit."""
    if isinstance(error, SystemExit):
        error = error.__context__
    return isinstance(error, BrokenPipeError)


def _leave(code: int) -> NoReturn:
    """Exit without a last attempt to write what is still in the buffers."""
    sys.stdout = sys.stderr = None
    sys.exit(code)


def _stopped_message(number: int) -> str:
    what = "Interrupted" if number == signal.SIGINT else f"Stopped by {signal.Signals(number).name}"
    if sys.argv[1:2] and sys.argv[1] in _RESUMABLE:
        return f"{what}: finished work is kept, and the same command resumes from there."
    if sys.argv[1:2] == ["serve"]:
        return f"{what}: the server has ended."
    return f"{what}: what was not finished is deleted, finished files are kept. Run the same command again."


def _fail(message: str, code: int = 2) -> NoReturn:
    try:
        console.print(
            f"Error: {message}" if code <= 2 else message, style="red", markup=False, highlight=False
        )
    except (OSError, SystemExit):  # nobody reads the message; the exit code still tells
        _leave(code)
    sys.exit(code)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"sparsedistill {__version__}")  # noqa: T201
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None: ...
