"""``sparsedistill report``: run recipes and write a page of results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .._internal.files import atomic_write
from ..data.outputs import check_output_files
from ..errors import InputError
from .options import DataDir
from .progress import console, progress_bars
from .results import Json, print_json

if TYPE_CHECKING:
    from ..experiments.result import TaskOutcome


RecipesOption = Annotated[
    list[Path] | None,
    typer.Argument(help="Recipes; by default all in ./recipes.", show_default=False),
]
Work = Annotated[Path, typer.Option("--work", "-w", help="Directory for teachers, students and figures.")]
Output = Annotated[Path, typer.Option("--output", "-o", help="Page to write.")]
Teachers = Annotated[
    Path | None,
    typer.Option(
        help="Directory of fine-tuned teachers, named like the recipes, to use instead of the recipes' own.",
        show_default=False,
    ),
]
SoftTargets = Annotated[
    Path | None,
    typer.Option(
        help="Directory of soft targets that these teachers have made, named like the recipes.",
        show_default=False,
    ),
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", help="Setting for all recipes, such as teacher.encoder=MODEL.", show_default=False),
]
Preamble = Annotated[
    Path | None,
    typer.Option(
        help="Markdown file for the beginning of the page: the machine, the teachers.",
        show_default=False,
    ),
]
Ablations = Annotated[
    bool,
    typer.Option(
        "--ablations",
        help="Also train students that each differ from the recipe's own in one setting, and plot their "
        "figures: longest n-gram, rows, dimensions, share of the unlabelled texts, pooling, training "
        "data.",
    ),
]
OnlyRender = Annotated[
    bool, typer.Option("--only-render", help="Run nothing; write the page from existing figures.")
]


def report(
    recipes: RecipesOption = None,
    work: Work = Path("report"),
    output: Output = Path("docs/results.md"),
    data_dir: DataDir = None,
    teachers: Teachers = None,
    soft_targets: SoftTargets = None,
    settings: Settings = None,
    preamble: Preamble = None,
    ablations: Ablations = False,
    only_render: OnlyRender = False,
    as_json: Json = False,
) -> None:
    """Run recipes and write a page of results, with one row per task: teacher, students, baselines.

    An interrupted command resumes when it is run again; finished parts are not repeated. The page shows all
    ablations in the work directory, including those of earlier runs.

        sparsedistill report recipes/trec.toml --data-dir data --ablations
    """
    from ..experiments.page import results_of

    chosen = recipes or sorted(Path("recipes").glob("*.toml"))
    if not chosen:
        raise InputError("There are no recipes in ./recipes: name at least one.")
    introduction = "" if preamble is None else _read_text(preamble)
    check_output_files([output], [*chosen, *([] if preamble is None else [preamble])])
    if not only_render:
        _check(chosen, data_dir, settings or [], {"--teachers": teachers, "--soft-targets": soft_targets})
    failed: list[str] = []
    for recipe in [] if only_render else chosen:
        from ..experiments.report import run_or_record

        teacher = None if teachers is None else teachers / recipe.stem
        known = [] if soft_targets is None else sorted((soft_targets / recipe.stem).glob("*/manifest.json"))
        if not run_or_record(
            recipe,
            work / recipe.stem,
            data_dir=data_dir,
            teacher=teacher if teacher is not None and teacher.is_dir() else None,
            remembered=[manifest.parent for manifest in known],
            settings=settings or [],
            ablations=ablations,
            progress=progress_bars,
        ):
            failed.append(str(recipe))
        _write_page(output, results_of(chosen, work), introduction)
    outcomes = results_of(chosen, work)
    _write_page(output, outcomes, introduction)
    console.print(f"The results are in {output}.")
    if as_json:
        print_json(outcomes)
    if failed:
        raise InputError(f"{', '.join(failed)} could not be run: the page has the reasons.")


def _check(
    recipes: Sequence[Path],
    data_dir: str | None,
    settings: Sequence[str],
    folders: Mapping[str, Path | None],
) -> None:
    """Check what the report is made of, before work starts.

    Raises:
        InputError: A recipe or a directory is missing, a recipe cannot be used, or two have the same name.
    """
    from ..experiments.report import read_task

    for option, folder in folders.items():
        if folder is not None and not folder.is_dir():
            raise InputError(f"{option}: {folder} is not a directory: check the path.")
    names = [recipe.stem for recipe in recipes]
    for recipe in recipes:
        if names.count(recipe.stem) > 1:
            raise InputError(f"Two recipes are named {recipe.stem}: give each once, and rename one of two.")
        read_task(recipe, data_dir, settings)


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read ({error}): name a text file.") from error


def _write_page(output: Path, outcomes: Sequence[TaskOutcome], introduction: str) -> None:
    """Write the page, and the plots next to it."""
    from ..experiments.page import plots, render

    for name, picture in plots(outcomes).items():
        _write_text(output.parent / name, picture)
    _write_text(output, render(outcomes, introduction))


def _write_text(path: Path, text: str) -> None:
    with atomic_write(path) as partial:
        partial.write_text(text, encoding="utf-8")
