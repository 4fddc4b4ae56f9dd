"""Options and arguments that several commands share."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from .._internal.object_store import local_path
from ..data.file_options import FileOptions
from ..errors import InputError
from ..problem import Problem

#: The panel of ``--help`` for columns and formats.
COLUMNS = "Columns and formats"

Output = Annotated[
    Path,
    typer.Option(
        "--output", "-o", help="Directory to make.", show_default=False, parser=local_path, metavar="PATH"
    ),
]
Text = Annotated[str, typer.Option("--text", help="Column of the text.", rich_help_panel=COLUMNS)]
Pair = Annotated[
    str | None,
    typer.Option("--text-pair", help="Column of the second text, for pairs.", rich_help_panel=COLUMNS),
]
Label = Annotated[str, typer.Option("--label", help="Column of the label.", rich_help_panel=COLUMNS)]
Weight = Annotated[
    str | None, typer.Option("--weight", help="Column of the example weight.", rich_help_panel=COLUMNS)
]
Separator = Annotated[
    str | None,
    typer.Option(
        "--label-separator",
        help="Separator between the labels of a text that has several (multi-label).",
        rich_help_panel=COLUMNS,
    ),
]
Regression = Annotated[
    bool,
    typer.Option(
        "--regression",
        help="Labels are numbers to predict. Without it, whole numbers are classes, and numbers with "
        "decimals are predicted if more than 20 different ones occur.",
        rich_help_panel=COLUMNS,
    ),
]


def problem_asked(*, regression: bool) -> Problem | None:
    """The problem that the user asked for with ``--regression``; None leaves it to the labels."""
    return "regression" if regression else None


def column_names(given: str | None) -> tuple[str, ...]:
    """The columns that an option names, separated by commas.

    Raises:
        InputError: A name is empty.
    """
    names = tuple(name.strip() for name in given.split(",")) if given is not None else ()
    if not all(names):
        raise InputError(f"The columns {given!r} have an empty name: separate names by single commas.")
    return names


def named_values(given: str) -> dict[str, str] | None:
    """The values that an option gives by name, such as ``quality=score,topic=subject``.

    Returns:
        The values by their names; None if the option is one value without a name.

    Raises:
        InputError: Some have a name and some have not, or a name is given twice.
    """
    parts = [part.strip().partition("=") for part in given.split(",")]
    if not any(equals for _, equals, _ in parts):
        return None
    names = [name for name, _, _ in parts]
    if not all(name and value for name, _, value in parts) or len(set(names)) < len(names):
        raise InputError(
            f"{given!r} does not name a value for each head: give HEAD=VALUE, with commas between."
        )
    return {name: value for name, _, value in parts}


def check_top(top: int) -> None:
    """Check the number of n-grams to list.

    Raises:
        InputError: It is below 1.
    """
    if top < 1:
        raise InputError(f"--top is {top}: give the number of n-grams to list, at least 1.")


#: The default of a parameter that :func:`with_file_options` replaces with options.
FILES = FileOptions()

_FILE_OPTIONS: dict[str, Any] = {
    "format": Annotated[
        str | None,
        typer.Option(
            help="Format of the files, if their names do not show it: txt, csv, tsv, jsonl, fasttext, "
            "parquet, or one of these with .gz or .zst.",
            rich_help_panel=COLUMNS,
            show_default=False,
        ),
    ],
    "delimiter": Annotated[
        str | None,
        typer.Option(
            help="Separates the fields of csv and tsv: one character, or tab [default: comma and tab].",
            rich_help_panel=COLUMNS,
            show_default=False,
        ),
    ],
    "encoding": Annotated[
        str | None,
        typer.Option(
            help="Encoding of the files, such as cp1252 or utf-16 [default: utf-8].",
            rich_help_panel=COLUMNS,
            show_default=False,
        ),
    ],
    "quoting": Annotated[
        bool | None,
        typer.Option(
            "--quoting/--no-quoting",
            help="Fields of csv and tsv can be in double quotes [default: csv only].",
            rich_help_panel=COLUMNS,
            show_default=False,
        ),
    ],
    "skip_damaged": Annotated[
        bool,
        typer.Option(
            "--skip-damaged",
            help="Leave out the rest of a damaged file, with a warning, instead of ending.",
            rich_help_panel=COLUMNS,
        ),
    ],
}


def with_file_options(command: Callable[..., None]) -> Callable[..., None]:
    """A command whose parameter of type FileOptions, if it has one, is options of the command line."""
    hints = get_type_hints(command, include_extras=True)
    place = next((name for name, hint in hints.items() if hint is FileOptions), None)
    if place is None:
        return command
    before = inspect.signature(command).parameters

    @wraps(command)
    def called(**given: Any) -> None:
        options = {name: given.pop(name) for name in _FILE_OPTIONS}
        options["delimiter"] = _DELIMITERS.get(options["delimiter"], options["delimiter"])
        command(**given, **{place: FileOptions(**options)})

    parameters = []
    for name, parameter in before.items():
        if name != place:
            parameters.append(parameter.replace(annotation=hints[name]))
            continue
        for option, hint in _FILE_OPTIONS.items():
            default = getattr(FILES, option)
            parameters.append(
                inspect.Parameter(option, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=hint)
            )
    keyword = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in parameters]
    called.__signature__ = inspect.Signature(keyword)  # type: ignore[attr-defined]
    called.__annotations__ = {parameter.name: parameter.annotation for parameter in keyword}
    del called.__wrapped__  # typer would read the signature of that
    return called


def given_options(files: FileOptions) -> dict[str, Any]:
    """The options that are not the defaults."""
    return {name: value for name, value in vars(files).items() if value != getattr(FILES, name)}


#: How delimiters can be written that a shell makes hard to write.
_DELIMITERS = {"tab": "\t", "\\t": "\t"}

PartOption = Annotated[
    str,
    typer.Option(
        "--part",
        help="Do only the i-th of n parts, written i/n, for several machines that share the files.",
    ),
]
Threads = Annotated[int | None, typer.Option(help="Threads; all cores by default.", show_default=False)]
Seed = Annotated[int, typer.Option(help="Seed of everything random.")]
Sources = Annotated[
    list[str],
    typer.Argument(
        help="Text files, directories, quoted patterns, or URLs of these (s3://, gs://, hf://).",
        show_default=False,
    ),
]
Scores = Annotated[
    str | None,
    typer.Option(
        help="Column of the files that holds the teacher's scores as lists, or one column per class "
        "separated by commas: the teacher is not run.",
        rich_help_panel=COLUMNS,
        show_default=False,
    ),
]
Outputs = Annotated[
    str, typer.Option(help="What these scores are: logits or probabilities.", rich_help_panel=COLUMNS)
]
DataDir = Annotated[
    str | None,
    typer.Option(
        "--data-dir",
        help="Directory of a recipe's local data sets [default: $SPARSEDISTILL_DATA].",
        rich_help_panel=COLUMNS,
        show_default=False,
    ),
]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        help="A setting of a recipe, such as training.steps=3000; can be repeated.",
        show_default=False,
    ),
]
TrainingLog = Annotated[
    str | None,
    typer.Option(
        "--log",
        help="Send the training curves to TensorBoard or MLflow too: tensorboard=FOLDER or mlflow.",
        show_default=False,
    ),
]
LabelledFiles = Annotated[list[str], typer.Argument(help="Labelled files.", show_default=False)]
StudentPath = Annotated[
    str, typer.Argument(help="The student: a directory, a Hub id or a URL.", show_default=False)
]
HeadName = Annotated[
    str | None,
    typer.Option("--head", help="Of a student of several questions, the one to use.", show_default=False),
]
