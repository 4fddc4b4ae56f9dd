"""``sparsedistill distill``: the whole job."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from .options import (
    COLUMNS,
    DataDir,
    Pair,
    Separator,
    Threads,
    Weight,
)
from .progress import progress_bars
from .tables import evaluation_table


def distill(
    recipe: Annotated[
        Path | None, typer.Argument(help="The job in a TOML file; options go before it.", show_default=False)
    ] = None,
    teacher: Annotated[
        str | None, typer.Option(help="A fine-tuned classifier: directory or Hub id.", show_default=False)
    ] = None,
    encoder: Annotated[
        str | None, typer.Option(help="Or an encoder, to fine-tune on the labelled text.", show_default=False)
    ] = None,
    labelled: Annotated[list[str] | None, typer.Option(help="Labelled files.", show_default=False)] = None,
    unlabelled: Annotated[
        list[str] | None,
        typer.Option(help="Text of the kind the student is for, as much as there is.", show_default=False),
    ] = None,
    validation: Annotated[
        list[str] | None,
        typer.Option(help="Labelled files to choose the best student by.", show_default=False),
    ] = None,
    test: Annotated[
        list[str] | None, typer.Option(help="Labelled files to evaluate on.", show_default=False)
    ] = None,
    output: Annotated[
        str | None,
        typer.Option("--output", "-o", help="Directory to make [default: distilled].", show_default=False),
    ] = None,
    data_dir: DataDir = None,
    text: Annotated[str | None, typer.Option(help="Column of the text.", rich_help_panel=COLUMNS)] = None,
    text_pair: Pair = None,
    label: Annotated[str | None, typer.Option(help="Column of the label.", rich_help_panel=COLUMNS)] = None,
    weight: Weight = None,
    label_separator: Separator = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="Any setting of a recipe, as student.dim=64.", show_default=False),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of everything random.", show_default=False)] = None,
    threads: Threads = None,
    compact: Annotated[
        bool | None,
        typer.Option(
            "--compact/--no-compact",
            help="Write the compact student too [default: compact].",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Do all of it: teach, vocab, label, train, evaluate. From a recipe, or from options.

        sparsedistill distill --encoder MODEL --labelled train.csv --unlabelled 'more/*.txt' --test test.csv

    The output directory holds each stage's result; interrupted, the same command goes on where it was. A
    recipe says the same and more:

        output = "distilled"

        [data]
        labelled = "train.csv"
        unlabelled = ["more/a.txt", "more/b.jsonl.gz"]
        test = "test.csv"

        [teacher]
        encoder = "sentence-transformers/all-MiniLM-L6-v2"

        [vocabulary]
        max_ngram = 3

        [student]
        dim = 128

        [training]
        epochs = 10
    """
    from ..pipeline.distill import run
    from ..pipeline.recipe import override, read_recipe, recipe_job

    tables = read_recipe(recipe) if recipe is not None else {}
    places = {"labelled": labelled, "unlabelled": unlabelled, "validation": validation, "test": test}
    columns = {"text": text, "text_pair": text_pair, "label": label}
    columns |= {"weight": weight, "label_separator": label_separator}
    given: dict[str, dict[str, Any]] = {
        "data": {**places, **columns},
        "teacher": {"model": teacher, "encoder": encoder},
    }
    for section, options in given.items():
        tables.setdefault(section, {}).update({key: value for key, value in options.items() if value})
    options = {
        "output": output,
        "data_dir": data_dir,
        "seed": seed,
        "threads": threads,
        "compact": compact,
    }
    tables.update({key: value for key, value in options.items() if value is not None})
    for setting in settings or []:
        override(tables, setting)
    job = recipe_job(tables, str(recipe or "The command line"))
    evaluation = run(job, progress_bars).evaluation
    if evaluation is not None:
        Console().print(evaluation_table(evaluation, f"{evaluation.texts:,} test texts"))
