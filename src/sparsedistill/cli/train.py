"""``sparsedistill train``: train a student."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ..data.columns import Columns
from ..errors import InputError
from ..vocabulary.vocabulary import Vocabulary
from .options import (
    Label,
    Output,
    Pair,
    Seed,
    Separator,
    Text,
    Threads,
    Weight,
)
from .progress import console, progress_bars


def train(
    vocabulary: Annotated[Path, typer.Argument(help="What `vocab` has made.", show_default=False)],
    output: Output,
    soft_targets: Annotated[
        Path | None, typer.Option("--soft-targets", help="What `label` has made.", show_default=False)
    ] = None,
    labelled: Annotated[
        list[str] | None, typer.Option(help="Labelled files, to fine-tune on.", show_default=False)
    ] = None,
    validation: Annotated[
        list[str] | None,
        typer.Option(
            help="Labelled files to choose the best by; else a part of the others.", show_default=False
        ),
    ] = None,
    text: Text = "text",
    text_pair: Pair = None,
    label: Label = "label",
    weight: Weight = None,
    label_separator: Separator = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="A setting of a recipe, as training.epochs=3.", show_default=False),
    ] = None,
    seed: Seed = 0,
    threads: Threads = None,
) -> None:
    """Train a student on soft targets, then on labels; or on either alone.

    Interrupted, the same command goes on from the last checkpoint, to the same result.

        sparsedistill train vocabulary --soft-targets labels --labelled train.csv -o student
    """
    import shutil

    from ..data.inputs import as_labelled
    from ..labeling.soft_targets import SoftTargets
    from ..pipeline.material import gather
    from ..pipeline.recipe import override, recipe_config
    from ..pipeline.student_training import train_student

    if output.exists():
        raise InputError(f"{output} exists already: name another output directory, or delete it.")
    recipe: dict[str, Any] = {"seed": seed} | ({} if threads is None else {"threads": threads})
    for setting in settings or []:
        override(recipe, setting)
    config = recipe_config(recipe, "--set")
    targets = None if soft_targets is None else SoftTargets.open(soft_targets)
    columns = Columns(text, text_pair, label, weight, label_separator)
    classes = None if targets is None else targets.classes
    train_texts = None if labelled is None else as_labelled(_files(labelled), columns, classes)
    classes = classes if train_texts is None else train_texts.classes
    validation_texts = None if validation is None else as_labelled(_files(validation), columns, classes)
    material = gather(
        train_texts,
        validation_texts,
        None,
        classes=classes,
        columns=columns,
        validation_share=config.validation_share,
        seed=config.seed,
    )
    checkpoints = output.with_name(output.name + ".checkpoints")
    student = train_student(
        Vocabulary.load(vocabulary),
        targets,
        material,
        config,
        checkpoint_dir=checkpoints,
        progress=progress_bars,
    )
    student.save_pretrained(output)
    shutil.rmtree(checkpoints)
    console.print(f"The student is in {output}.")


def _files(given: list[str]) -> list[Path]:
    return [Path(name) for name in given]
