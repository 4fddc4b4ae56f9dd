"""``sparsedistill explain``: why a text is classified as it is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .._internal.files import atomic_write
from ..data.outputs import check_output_files
from .models import load_student, model_files
from .options import HeadName, StudentPath, check_top
from .results import Json, print_json
from .terminal import Terminal


def explain(
    student: StudentPath,
    text: Annotated[str, typer.Argument(help="The text itself.", show_default=False)],
    text_pair: Annotated[
        str | None, typer.Option(help="The second text, for pairs.", show_default=False)
    ] = None,
    label: Annotated[
        str | None,
        typer.Option(help="The class to explain; by default the predicted one.", show_default=False),
    ] = None,
    head: HeadName = None,
    top: Annotated[int, typer.Option(help="Number of n-grams to list.")] = 10,
    html: Annotated[
        Path | None, typer.Option(help="Write the explanation to this file as HTML.", show_default=False)
    ] = None,
    as_json: Json = False,
) -> None:
    """Show why a text is classified as it is: its words coloured by contribution, and the strongest n-grams.

    Green words contribute to the class, red words count against it. The numbers are exact: they add up to
    the logit.

        sparsedistill explain student "What a film!"
    """
    check_top(top)
    if html is not None:
        check_output_files([html], model_files(student))
    explanation = load_student(student, head).explain(text, text_pair)
    if as_json:
        print_json(explanation.record(label, top))
    else:
        Terminal(highlight=False).print(explanation.to_terminal(label, top))
    if html is not None:
        with atomic_write(html) as partial:
            partial.write_text(explanation.to_html(label, top) + "\n", "utf-8")
