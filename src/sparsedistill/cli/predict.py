"""``sparsedistill predict``: classify text as a stream."""

from __future__ import annotations

import glob
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from .._internal.object_store import place
from .._internal.part import Part
from .._internal.progress import no_progress
from ..classifiers import load_model
from ..data.columns import Columns
from ..data.corpus import Corpus
from ..data.file_options import FileOptions
from ..data.outputs import check_output_files
from ..data.readers import is_known
from ..data.targets import is_folder
from ..errors import InputError
from ..prediction import PredictionConfig, predict_files, predict_stream
from .models import model_files
from .options import COLUMNS, FILES, HeadName, Pair, PartOption, StudentPath, Text, Threads, column_names
from .progress import console, progress_bars
from .tables import files_summary

KeepColumns = Annotated[
    str | None,
    typer.Option(
        help="Columns of the input to copy to the output, separated by commas, such as id,url.",
        rich_help_panel=COLUMNS,
        show_default=False,
    ),
]
LineBuffered = Annotated[
    bool | None,
    typer.Option(
        "--line-buffered/--block-buffered",
        help="Answer each line as soon as it arrives, instead of collecting lines [default: "
        "line-buffered from standard input to standard output].",
        show_default=False,
    ),
]


Inputs = Annotated[
    list[str] | None,
    typer.Argument(
        help="Text files, directories, quoted patterns or URLs of these (s3://, gs://, hf://); standard "
        "input by default.",
        show_default=False,
    ),
]
Output = Annotated[
    str,
    typer.Option(
        "--output",
        "-o",
        help="File or URL to write; - is standard output. A directory (existing, with a slash at the "
        "end, or for several files a name without a format) has a file for each input.",
    ),
]
OutputFormat = Annotated[
    str | None,
    typer.Option(
        help="Format of the output, if its name does not show it [default for standard output: tsv].",
        rich_help_panel=COLUMNS,
        show_default=False,
    ),
]
Probabilities = Annotated[bool, typer.Option(help="Add a column with each class's probability.")]
Coverage = Annotated[bool, typer.Option(help="Add a column with the share of tokens that the student knows.")]
WithText = Annotated[bool, typer.Option(help="Copy the text to the output.")]


def predict(
    student: StudentPath,
    inputs: Inputs = None,
    output: Output = "-",
    part: PartOption = "1/1",
    text: Text = "text",
    text_pair: Pair = None,
    files: FileOptions = FILES,
    output_format: OutputFormat = None,
    probabilities: Probabilities = False,
    coverage: Coverage = False,
    with_text: WithText = True,
    head: HeadName = None,
    keep_columns: KeepColumns = None,
    line_buffered: LineBuffered = None,
    threads: Threads = None,
) -> None:
    """Classify text as a stream: one row of output per row of input, in the same order.

    Standard input is read as txt, unless --format says otherwise.

    The columns are label and score; only score for numbers, and only labels for several labels per text. A
    student of several questions has the columns HEAD and HEAD_score for each head; only HEAD for numbers and
    for several labels.

    echo "What a film!" | sparsedistill predict student

    sparsedistill predict student 'crawl/*.jsonl.zst' -o labels.parquet --coverage --keep-columns id,url

    With a directory, the same command resumes after an interruption, and skips the files that are done.
    Several processes can work on one directory, also with --part on several machines.

    sparsedistill predict student crawl -o labels/ --part 3/16
    """
    loaded = load_model(student, head)
    if probabilities and all(head.problem == "regression" for head in loaded.heads):
        raise InputError(
            "The student predicts numbers, which have no probabilities: leave out --probabilities."
        )
    paths = inputs or ["-"]
    if "-" in paths and files.format is None:
        files = replace(files, format="txt")
    config = PredictionConfig(probabilities, coverage, with_text)
    divided = Part.parse(part)
    if _is_folder(output, output_format, paths):
        columns = Columns(text, text_pair, keep=column_names(keep_columns), files=files)
        done = predict_files(
            loaded,
            Corpus(paths, columns),
            output,
            config,
            format=output_format,
            part=divided,
            threads=threads,
            progress=progress_bars,
        )
        texts = sum(record.texts for record in done.records.values())
        console.print(files_summary(done, output, f"{texts:,} texts"))
        return
    if not divided.whole:
        raise InputError(f"A part is whole files, and {output} is one file: give a directory with -o.")
    if line_buffered is None:
        line_buffered = "-" in paths and output == "-"
    columns = Columns(
        text,
        text_pair,
        keep=column_names(keep_columns),
        files=replace(files, line_buffered=line_buffered),
    )
    corpus = Corpus(paths, columns)
    check_output_files([output], [*(source.path for source in corpus.sources), *model_files(student)])
    predict_stream(
        loaded,
        corpus,
        output,
        config,
        format="tsv" if output == "-" and output_format is None else output_format,
        line_buffered=line_buffered,
        threads=threads,
        progress=no_progress if output == "-" else progress_bars,
    )


def _is_folder(output: str, output_format: str | None, paths: list[str]) -> bool:
    """Whether each file is to have an output of its own: the output is a directory, or becomes one."""
    if output == "-" or is_folder(output):
        return output != "-"
    several = len(paths) > 1 or place(paths[0]).is_dir() or glob.has_magic(paths[0])
    return several and output_format is None and not is_known(Path(output))
