"""Options and arguments that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

#: The panel of `--help` for columns and formats.
COLUMNS = "Columns"
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
        help="A text may have several labels, with this between them (multi-label).",
        rich_help_panel=COLUMNS,
    ),
]
Format = Annotated[
    str | None,
    typer.Option(
        "--format", help="Format of the files, where their names do not tell.", rich_help_panel=COLUMNS
    ),
]
Threads = Annotated[
    int | None, typer.Option(help="Threads to use; all cores by default.", show_default=False)
]
Seed = Annotated[int, typer.Option(help="Seed of everything random.")]
Sources = Annotated[
    list[str], typer.Argument(help="Files, patterns or directories of text.", show_default=False)
]
Scores = Annotated[
    str | None,
    typer.Option(
        help="The files hold the teacher's scores already: their column (of lists), or columns with commas "
        "between.",
        rich_help_panel=COLUMNS,
        show_default=False,
    ),
]
Outputs = Annotated[
    str, typer.Option(help="What such scores are: logits or probabilities.", rich_help_panel=COLUMNS)
]
DataDir = Annotated[
    str | None,
    typer.Option(
        "--data-dir",
        help="Where a recipe's local copies of data sets lie; by default $SPARSEDISTILLCOLUMNS.",
        rich_help_panel=COLUMNS,
        show_default=False,
    ),
]
LabelledFiles = Annotated[list[str], typer.Argument(help="Labelled files.", show_default=False)]
StudentPath = Annotated[
    str, typer.Argument(help="The student's directory, or its Hub id.", show_default=False)
]
