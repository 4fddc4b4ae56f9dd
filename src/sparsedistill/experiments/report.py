"""The report: runs recipes and leaves their results in folders."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from .._internal.files import locked
from .._internal.progress import Progress, no_progress
from ..errors import InputError
from ..pipeline.job import Job
from ..pipeline.prepare import prepare
from ..pipeline.recipe import override, read_recipe, recipe_job, report_settings
from .result import TaskFailure, TaskResult, has_result, write_result
from .run import TaskRun
from .task import Task
from .variants import run_ablations

logger = logging.getLogger(__package__)


def run_task(
    recipe: str | Path,
    folder: str | Path,
    *,
    data_dir: str | None = None,
    teacher: str | Path | None = None,
    remembered: Sequence[str | Path] = (),
    settings: Sequence[str] = (),
    ablations: bool = False,
    progress: Progress = no_progress,
) -> TaskResult:
    """Run a recipe and measure everything that its row shows. Finished parts are not run again.

    Args:
        recipe: The recipe, a TOML file.
        folder: Folder of the task. The result is also in its ``result.json``.
        data_dir: Folder of the local copies of data sets.
        teacher: A teacher that has been fine-tuned before, instead of the recipe's.
        remembered: Directories of soft targets that the same teacher has made before.
        settings: Settings that override the recipe's, as ``"student.dim=128"``.
        ablations: Also train students that each differ from the recipe's own in one setting. Their figures
            are in ``ablations.json``.
        progress: Shows the progress.

    Returns:
        The result, without ablations.

    Raises:
        InputError: The recipe or its data cannot be used, or it has no labelled texts or no test data, or no
            teacher although there are ablations.
    """
    folder = Path(folder)
    job, task = read_task(recipe, data_dir, settings)
    if teacher is not None:
        job = replace(job, teacher=teacher, encoder=None)
    job = replace(job, output=folder, remembered=(*job.remembered, *map(Path, remembered)))
    if ablations:
        task.check_ablations(job)
    run = TaskRun(folder, task, job, prepare(job, progress, check=task.check), progress)
    result = run.result(Path(recipe).stem)
    write_result(folder, result)
    if ablations:
        run_ablations(run)
    shutil.rmtree(folder / "checkpoints", ignore_errors=True)
    return result


def read_task(
    recipe: str | Path, data_dir: str | None = None, settings: Sequence[str] = ()
) -> tuple[Job, Task]:
    """The job that a recipe describes, and how it is measured. See :func:`run_task`.

    Raises:
        InputError: The recipe is missing or cannot be used.
    """
    tables = read_recipe(recipe)
    for setting in settings:
        override(tables, setting)
    if data_dir is not None:
        tables["data_dir"] = data_dir
    task = report_settings(tables, Task, Path(recipe).stem, str(recipe))
    return recipe_job(tables, str(recipe)), task


def run_or_record(
    recipe: Path,
    folder: Path,
    *,
    data_dir: str | None = None,
    teacher: str | Path | None = None,
    remembered: Sequence[str | Path] = (),
    settings: Sequence[str] = (),
    ablations: bool = False,
    progress: Progress = no_progress,
) -> bool:
    """Run a recipe as :func:`run_task` does; if it cannot be run, write the reason as its result.

    An earlier result is kept.

    Returns:
        Whether it was run.

    Raises:
        InputError: The reason cannot be written, or another process is running a recipe in `folder`.
    """
    with locked(folder):
        logger.info(f"Running {recipe}.")
        try:
            run_task(
                recipe,
                folder,
                data_dir=data_dir,
                teacher=teacher,
                remembered=remembered,
                settings=settings,
                ablations=ablations,
                progress=progress,
            )
        except InputError as error:
            logger.error(f"{recipe} was not run. {error}")
            if not has_result(folder):
                write_result(folder, TaskFailure(recipe.stem, str(error)))
            return False
    return True
