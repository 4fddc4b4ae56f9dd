"""The command line: commands, errors and exit codes."""

from __future__ import annotations

import sys
from typing import Annotated, NoReturn

import typer

from .. import __version__
from ..errors import InputError
from .cascade import cascade
from .compress import compress
from .distill import distill
from .evaluate import evaluate
from .explain import explain
from .inspect import inspect
from .label import label
from .predict import predict
from .progress import console, show_log
from .report import report
from .teach import teach
from .train import train
from .vocab import vocab

_INTERRUPTED = 130  # exit code after SIGINT: 128 + 2

app = typer.Typer(
    name="sparsedistill",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="""Distil a transformer text classifier into a student that runs at the cost of reading the bytes.

**The whole job:** `sparsedistill distill --encoder MODEL --labelled train.csv --unlabelled more.txt`

**Step by step:** `teach` a teacher, `label` a corpus with it, build a `vocab`, `train` a student, `evaluate`
it, `compress` it, `predict` with it, `explain` its predictions, or let a `cascade` defer to the teacher.

Text files are txt (one text per line), csv, tsv, jsonl or parquet, also compressed as .gz or .zst. Give
several files, directories, or patterns in quotes.""",
)

for _command in (
    distill,
    teach,
    label,
    vocab,
    train,
    evaluate,
    compress,
    predict,
    explain,
    inspect,
    cascade,
    report,
):
    app.command()(_command)


def main() -> NoReturn:
    """Run the command line. Errors in the input are one sentence, with exit code 2."""
    try:
        with show_log():
            code = app(standalone_mode=False)  # Typer returns 130 after Ctrl-C, else 0 or None
    except InputError as error:
        _fail(str(error))
    except typer.Abort:
        _fail("Interrupted.", _INTERRUPTED)
    except KeyboardInterrupt:
        code = _INTERRUPTED
    except BrokenPipeError:
        sys.stdout = None  # the reader of our output is gone: print nothing more
        sys.exit(1)
    except OSError as error:
        _fail(
            f"{error.filename or 'A file'}: {error.strerror}. Check the path, the permissions and the disk."
        )
    except ImportError as error:
        if error.name not in ("accelerate", "torch", "transformers"):
            raise
        _fail(f"This command needs {error.name}: pip install 'sparsedistill[train]'.")
    except Exception as error:
        if hasattr(error, "show"):  # wrong options or arguments
            error.show()
            sys.exit(2)
        raise
    if code == _INTERRUPTED:
        _fail("Interrupted: finished work is kept, and the same command resumes from there.", _INTERRUPTED)
    sys.exit(code or 0)


def _fail(message: str, code: int = 2) -> NoReturn:
    console.print(f"Error: {message}" if code == 2 else message, style="red", markup=False, highlight=False)
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
