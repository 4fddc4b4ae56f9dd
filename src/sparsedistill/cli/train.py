"""``sparsedistill train``: train a student."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .._internal.files import discard, locked
from ..data.columns import Columns
from ..data.file_options import FileOptions
from ..data.inputs import as_labelled
from ..errors import InputError
from ..labeling.soft_targets import SoftTargets
from ..problem import problem_of
from ..vocabulary.vocabulary import Vocabulary
from .options import (
    FILES,
    Label,
    Output,
    Pair,
    Regression,
    Seed,
    Separator,
    Settings,
    Text,
    Threads,
    TrainingLog,
    Weight,
    problem_asked,
)
from .progress import console, progress_bars

if TYPE_CHECKING:
    from ..pipeline.config import DistillationConfig
    from ..pipeline.material import Material


VocabularyOption = Annotated[
    Path, typer.Argument(help="A vocabulary that `vocab` built.", show_default=False)
]
SoftTargetsOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--soft-targets",
        help="Soft targets from `label`; can be repeated for those of several corpora.",
        show_default=False,
    ),
]
LabelledOption = Annotated[
    list[str] | None, typer.Option(help="Labelled files to fine-tune on.", show_default=False)
]
Validation = Annotated[
    list[str] | None,
    typer.Option(
        help="Labelled files to select the best student with; by default a part of --labelled.",
        show_default=False,
    ),
]


def train(
    vocabulary: VocabularyOption,
    output: Output,
    soft_targets: SoftTargetsOption = None,
    labelled: LabelledOption = None,
    validation: Validation = None,
    text: Text = "text",
    text_pair: Pair = None,
    label: Label = "label",
    weight: Weight = None,
    label_separator: Separator = None,
    regression: Regression = False,
    files: FileOptions = FILES,
    settings: Settings = None,
    seed: Seed = 0,
    threads: Threads = None,
    log: TrainingLog = None,
) -> None:
    """Train a student on soft targets, then on labels; or on either alone.

    If it is interrupted, the same command resumes from the last checkpoint and ends with the same student.

        sparsedistill train vocabulary --soft-targets labels --labelled train.csv -o student
    """
    from ..pipeline.recipe import override, recipe_config
    from ..pipeline.student_training import train_student
    from ..training.logs import logging_to

    recipe: dict[str, Any] = {"seed": seed} | ({} if threads is None else {"threads": threads})
    for setting in settings or []:
        override(recipe, setting)
    config = recipe_config(recipe, "--set")
    problem = problem_asked(regression=regression)
    columns = Columns(text, text_pair, label, weight, label_separator, problem=problem, files=files)
    output = output if output.name else output.absolute()
    checkpoints = output.with_name(output.name + ".checkpoints")
    with logging_to(log), locked(checkpoints):
        if output.exists():
            raise InputError(f"{output} exists already: name another output directory, or delete it.")
        targets = None if not soft_targets else SoftTargets.open_all(soft_targets)
        material = _material(labelled, validation, columns, targets, config)
        student = train_student(
            Vocabulary.load(vocabulary, verify=True),
            targets,
            material,
            config,
            checkpoint_dir=checkpoints,
            progress=progress_bars,
        )
        student.save_pretrained(output)
        discard(checkpoints)
    console.print(f"The student is in {output}.")


def _material(
    labelled: list[str] | None,
    validation: list[str] | None,
    columns: Columns,
    targets: SoftTargets | None,
    config: DistillationConfig,
) -> Material:
    """Read the labelled files."""
    from ..pipeline.material import gather

    classes = None if targets is None else targets.classes
    if targets is not None and targets.problem == "regression":
        columns = columns.for_labels(targets.problem)
    train = None if labelled is None else as_labelled(_paths(labelled), columns, classes)
    if train is not None:
        classes, columns = train.classes, columns.for_labels(train.problem)
    return gather(
        train,
        None if validation is None else as_labelled(_paths(validation), columns, classes),
        None,
        classes=classes,
        columns=columns,
        problem=problem_of(classes or (), multi_label=columns.multi_label),
        validation_share=config.validation_share,
        seed=config.seed,
    )


def _paths(names: list[str]) -> list[Path]:
    return [Path(name) for name in names]
