"""``sparsedistill report``: run recipes and write a page of results."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from .._internal.files import atomic_write
from ..errors import InputError
from .options import (
    DataDir,
)
from .progress import console


def report(
    recipes: Annotated[
        list[Path] | None,
        typer.Argument(help="Recipes; by default all in ./recipes.", show_default=False),
    ] = None,
    work: Annotated[Path, typer.Option("--work", "-w", help="Directory for what is made on the way.")] = Path(
        "report"
    ),
    output: Annotated[Path, typer.Option("--output", "-o", help="The page to write.")] = Path(
        "docs/results.md"
    ),
    data_dir: DataDir = None,
    teachers: Annotated[
        Path | None,
        typer.Option(
            help="Directory of teachers that were fine-tuned before, by the names of the recipes, to be used "
            "instead of the recipes' own.",
            show_default=False,
        ),
    ] = None,
    soft_targets: Annotated[
        Path | None,
        typer.Option(
            help="Directory of soft targets that these teachers made before, by the names of the recipes.",
            show_default=False,
        ),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="A setting of all recipes, as teacher.encoder=MODEL.", show_default=False),
    ] = None,
    preamble: Annotated[
        Path | None,
        typer.Option(
            help="A file of Markdown to begin the page with: machine, teachers.", show_default=False
        ),
    ] = None,
    ablations: Annotated[
        bool,
        typer.Option(
            "--ablations",
            help="Train students that differ from the recipe's own in one thing each, too, and draw how they "
            "do: longest n-gram, rows, dimensions, share of the unlabelled texts, pooling.",
        ),
    ] = False,
    only_render: Annotated[
        bool, typer.Option("--only-render", help="Run nothing: write the page from what has been run.")
    ] = False,
) -> None:
    """Run recipes and write a page of results: teacher, students and baselines, a row a task.

    Interrupted, the same command goes on where it was; what is finished is not run again. The page shows
    the ablations that are in the directory for what is made on the way, whenever they were run.

        sparsedistill report recipes/trec.toml --data-dir data --ablations
    """
    from ..experiments.results import results_of

    chosen = recipes or sorted(Path("recipes").glob("*.toml"))
    if not chosen:
        raise InputError("There are no recipes in ./recipes: name some.")
    introduction = "" if preamble is None else _text_of(preamble)
    for recipe in [] if only_render else chosen:
        from ..experiments.report import run_or_record

        teacher = (
            None if teachers is None or not (teachers / recipe.stem).is_dir() else teachers / recipe.stem
        )
        known = [] if soft_targets is None else sorted((soft_targets / recipe.stem).glob("*/manifest.json"))
        run_or_record(
            recipe,
            work / recipe.stem,
            data_dir=data_dir,
            teacher=teacher if teacher is not None and teacher.is_dir() else None,
            remembered=[manifest.parent for manifest in known],
            settings=settings or [],
            ablations=ablations,
        )
        _write_results(output, results_of(chosen, work), introduction)
    _write_results(output, results_of(chosen, work), introduction)
    console.print(f"The results are in {output}.")


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read ({error}): name a file of text.") from error


def _write_page(path: Path, page: str) -> None:
    with atomic_write(path) as partial:
        partial.write_text(page, encoding="utf-8")


def _write_results(output: Path, results: list[dict[str, Any]], introduction: str) -> None:
    """The page, and its plots beside it."""
    from ..experiments.results import plots, render

    for name, picture in plots(results).items():
        (output.parent / name).parent.mkdir(parents=True, exist_ok=True)
        _write_page(output.parent / name, picture)
    _write_page(output, render(results, introduction))
