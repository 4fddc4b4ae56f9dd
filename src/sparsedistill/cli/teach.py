"""``sparsedistill teach``: fine-tune a teacher."""

from __future__ import annotations

from typing import Annotated

import typer

from ..data.columns import Columns
from ..data.labelled import read_labelled
from .options import Format, Label, LabelledFiles, Output, Pair, Seed, Separator, Text
from .progress import console, progress_bars


def teach(
    encoder: Annotated[
        str, typer.Argument(help="Encoder: a model directory or a Hub id.", show_default=False)
    ],
    labelled: LabelledFiles,
    output: Output,
    text: Text = "text",
    text_pair: Pair = None,
    label: Label = "label",
    label_separator: Separator = None,
    format: Format = None,  # noqa: A002
    epochs: Annotated[float, typer.Option(help="Passes over the labelled texts.")] = 2.0,
    learning_rate: Annotated[float, typer.Option(help="Peak learning rate of AdamW.")] = 5e-5,
    batch_size: Annotated[int, typer.Option(help="Texts per step.")] = 32,
    max_length: Annotated[
        int, typer.Option(help="Maximum length of a text, in the encoder's tokens; longer ones are cut.")
    ] = 256,
    keep: Annotated[str, typer.Option(help="Which end of a longer text to keep: start or end.")] = "start",
    seed: Seed = 0,
) -> None:
    """Fine-tune an encoder on labelled text: the result is a teacher.

    If it is interrupted, the same command resumes from the last checkpoint.

        sparsedistill teach sentence-transformers/all-MiniLM-L6-v2 train.csv -o teacher
    """
    from ..teachers.finetuning import FinetuningConfig, finetune

    columns = Columns(text, text_pair, label, None, label_separator)
    data = read_labelled(labelled, columns, format=format)
    config = FinetuningConfig(epochs, learning_rate, batch_size, max_length, keep, seed=seed)
    finetune(
        encoder,
        data.texts.to_pylist(),
        data.labels,
        data.classes,
        output,
        text_pair=None if data.text_pair is None else data.text_pair.to_pylist(),
        config=config,
        progress=progress_bars,
    )
    console.print(f"The teacher for {', '.join(data.classes)} is in {output}.")
