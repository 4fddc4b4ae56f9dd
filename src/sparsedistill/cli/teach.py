"""``sparsedistill teach``: fine-tune a teacher."""

from __future__ import annotations

from typing import Annotated

import typer

from ..data.columns import Columns
from ..data.file_options import FileOptions
from ..data.identity import identities
from ..data.labelled import read_labelled
from ..labeling.soft_examples import without
from .options import (
    FILES,
    Label,
    LabelledFiles,
    Output,
    Pair,
    Regression,
    Seed,
    Separator,
    Text,
    TrainingLog,
    problem_asked,
)
from .progress import console, progress_bars

_Validation = Annotated[
    list[str] | None,
    typer.Option(
        help="Labelled files to select the best checkpoint with [default: a tenth of the others].",
        show_default=False,
    ),
]
_Steps = Annotated[
    int | None,
    typer.Option(
        help="Length of the training [default: two passes over the texts, but at least 1,500 steps; fewer "
        "for few or for long texts].",
        show_default=False,
    ),
]
_LearningRate = Annotated[
    float | None,
    typer.Option(help="Peak learning rate of AdamW [default: from the encoder's width].", show_default=False),
]
_MaxLength = Annotated[
    int | None,
    typer.Option(
        help="Maximum length of a text, in the encoder's tokens; longer ones are cut [default: 99.5 % of the "
        "texts are not cut, but at most 256].",
        show_default=False,
    ),
]
_Patience = Annotated[int, typer.Option(help="Stop after this many evaluations without a better result.")]


def teach(
    encoder: Annotated[
        str, typer.Argument(help="Encoder: a model directory or a Hub id.", show_default=False)
    ],
    labelled: LabelledFiles,
    output: Output,
    validation: _Validation = None,
    text: Text = "text",
    text_pair: Pair = None,
    label: Label = "label",
    label_separator: Separator = None,
    regression: Regression = False,
    files: FileOptions = FILES,
    steps: _Steps = None,
    learning_rate: _LearningRate = None,
    batch_size: Annotated[int, typer.Option(help="Texts per step.")] = 32,
    max_length: _MaxLength = None,
    keep: Annotated[str, typer.Option(help="Which end of a longer text to keep: start or end.")] = "start",
    evaluations: Annotated[int, typer.Option(help="Number of evaluations on validation texts.")] = 10,
    patience: _Patience = 4,
    seed: Seed = 0,
    log: TrainingLog = None,
) -> None:
    """Fine-tune an encoder on labelled text: the result is a teacher.

    The teacher is the checkpoint with the best accuracy (multi-label: macro F1; numbers: Spearman's
    correlation) on validation texts. Its figures are printed, and stored in finetuning.json. If the command
    is interrupted, the same command resumes from the last checkpoint.

        sparsedistill teach sentence-transformers/all-MiniLM-L6-v2 train.csv -o teacher
    """
    from ..pipeline.prepare import for_finetuning
    from ..teachers.finetuning import FinetuningConfig, finetune
    from ..training.logs import logging_to

    problem = problem_asked(regression=regression)
    columns = Columns(text, text_pair, label, None, label_separator, problem=problem, files=files)
    data = read_labelled(labelled, columns)
    held_out = None
    if validation:
        columns = columns.for_labels(data.problem)
        held_out = read_labelled(validation, columns, data.classes)
        data = without(data, identities(held_out.texts, held_out.text_pair))
    config = FinetuningConfig(
        steps=steps,
        learning_rate=learning_rate,
        batch_size=batch_size,
        max_length=max_length,
        keep=keep,
        evaluations=evaluations,
        patience=patience,
        seed=seed,
    )
    given = for_finetuning(data)
    with logging_to(log):
        finetune(
            encoder,
            given.texts,
            given.labels,
            data.classes,
            output,
            text_pair=given.text_pair,
            validation=None if held_out is None else for_finetuning(held_out),
            config=config,
            progress=progress_bars,
        )
    console.print(f"The teacher for {', '.join(data.classes)} is in {output}.")
