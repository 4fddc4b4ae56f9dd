"""Options and arguments that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..problem import Problem

#: The panel of ``--help`` for columns and formats.
COLUMNS = "Columns and formats"

Output = Annotated[Path, typer.Option("--output", "-o", help="Directory to make.", show_default=False)]
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


Format = Annotated[
    str | None,
    typer.Option(
        "--format",
        help="Format of the files, if their names do not show it: txt, csv, tsv, jsonl, parquet, or one of "
        "these with .gz or .zst.",
        rich_help_panel=COLUMNS,
    ),
]
Threads = Annotated[int | None, typer.Option(help="Threads; all cores by default.", show_default=False)]
Seed = Annotated[int, typer.Option(help="Seed of everything random.")]
Sources = Annotated[
    list[str], typer.Argument(help="Text files, directories or quoted patterns.", show_default=False)
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
LabelledFiles = Annotated[list[str], typer.Argument(help="Labelled files.", show_default=False)]
StudentPath = Annotated[str, typer.Argument(help="The student: a directory or a Hub id.", show_default=False)]
