"""``sparsedistill compress``: the compact form of a student."""

from __future__ import annotations

from typing import Annotated

import typer

from .._internal.files import refuse_existing
from ..data.columns import Columns
from ..data.corpus import Corpus
from ..student import Student
from .models import first_texts
from .options import (
    Format,
    Output,
    Pair,
    StudentPath,
    Text,
    Threads,
)
from .progress import console


def compress(
    student: StudentPath,
    texts: Annotated[
        list[str],
        typer.Argument(
            help="Files of text of the kind it reads, some thousands, without labels.", show_default=False
        ),
    ],
    output: Output,
    dims: Annotated[
        int | None,
        typer.Option(
            help="Dimensions to cut the table to; by default the fewest that do.", show_default=False
        ),
    ] = None,
    agreement: Annotated[
        float, typer.Option(help="Least share of held-out texts with the same label.")
    ] = 0.999,
    change: Annotated[float, typer.Option(help="Largest mean change of a probability.")] = 0.001,
    count: Annotated[int, typer.Option(help="Texts to read, at most.")] = 20_000,
    text: Text = "text",
    text_pair: Pair = None,
    format: Format = None,  # noqa: A002
    threads: Threads = None,
) -> None:
    """Make a trained student small and fast: the same answers from a few bytes an n-gram.

    Half of the texts fit the compact form, the other half measures it; one that answers too differently
    is not written.

    sparsedistill compress distilled/student more.txt -o compact
    """
    from ..compression.compress import Floor

    refuse_existing(output)
    loaded = Student.from_pretrained(student)
    sample, pairs = first_texts(Corpus(texts, Columns(text, text_pair), format=format), count)
    compact = loaded.compress(sample, pairs, dims=dims, floor=Floor(agreement, change), threads=threads)
    compact.save_pretrained(output)
    megabytes = (output / "model.safetensors").stat().st_size / 1e6
    console.print(f"The compact student is in {output}: {megabytes:,.1f} MB.")
