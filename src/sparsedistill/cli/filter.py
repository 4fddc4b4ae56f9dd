"""``sparsedistill filter``: keep the texts that a student scores well."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .._internal.ledger import check_names
from .._internal.object_store import place
from .._internal.part import Part
from .._internal.progress import no_progress
from .._internal.records import write_record
from ..classifiers import load_model
from ..data.columns import Columns
from ..data.corpus import Corpus
from ..data.file_options import FileOptions
from ..data.outputs import check_output_files, refuse_same
from ..errors import InputError
from ..filtering.config import FilterConfig
from ..filtering.filtering import filter_corpus
from .filter_tables import filter_report
from .models import model_files
from .options import COLUMNS, FILES, HeadName, Pair, PartOption, Seed, Sources, StudentPath, Text, Threads
from .progress import console, progress_bars
from .results import Json, print_json
from .terminal import Terminal

#: The panel of ``--help`` for what is written.
WRITTEN = "What is written"

FilterOutput = Annotated[
    str,
    typer.Option(
        "--output",
        "-o",
        help="File or URL for the kept texts, in the format of the input; - is standard output. For several "
        "files a directory to make.",
        show_default=False,
    ),
]
Keep = Annotated[
    str | None,
    typer.Option(
        help="Keep the texts for which this is true: comparisons of score, label or a class, such as "
        "'score >= 3', 'positive >= 0.9' or 'label == \"toxic\"', joined by and, or, not and parentheses. "
        "Quote names with spaces. For several questions: HEAD, HEAD.CLASS and HEAD.score.",
        show_default=False,
    ),
]
KeepShare = Annotated[
    str | None,
    typer.Option(
        help="Instead: keep this share of the texts, such as 10%: those with the highest score. Reads twice.",
        show_default=False,
    ),
]
Ranking = Annotated[
    str | None,
    typer.Option(
        help="Score that --keep-share ranks by and the report shows: a name as in --keep. By default the "
        "number of a student of numbers, or else the first score in --keep.",
        show_default=False,
    ),
]
Sample = Annotated[
    int | None,
    typer.Option(
        help="Find the threshold of --keep-share in this number of texts, drawn at random, and not in all.",
        show_default=False,
    ),
]
Excluded = Annotated[
    str | None,
    typer.Option(
        help="File (or directory) for the texts that are not kept.",
        rich_help_panel=WRITTEN,
        show_default=False,
    ),
]
AddScores = Annotated[
    bool | None,
    typer.Option(
        "--scores/--no-scores",
        help="Add the scores to the texts; by default to all but txt.",
        rich_help_panel=WRITTEN,
        show_default=False,
    ),
]
Probabilities = Annotated[
    bool,
    typer.Option(
        help="Add the probability of each class, and not only of those in --keep and --by.",
        rich_help_panel=WRITTEN,
    ),
]
Prefix = Annotated[
    str, typer.Option(help="What the names of added columns start with.", rich_help_panel=WRITTEN)
]
Report = Annotated[
    str | None,
    typer.Option(
        help="Write the report to this file or URL as JSON.", rich_help_panel=WRITTEN, show_default=False
    ),
]
BySource = Annotated[
    str | None,
    typer.Option(
        help="Column of the sources of the texts, which the report shows one by one.",
        rich_help_panel=COLUMNS,
        show_default=False,
    ),
]


def filter(  # noqa: A001 - the name of the command
    student: StudentPath,
    inputs: Sources,
    output: FilterOutput,
    keep: Keep = None,
    keep_share: KeepShare = None,
    by: Ranking = None,
    sample: Sample = None,
    seed: Seed = 0,
    excluded: Excluded = None,
    scores: AddScores = None,
    probabilities: Probabilities = False,
    prefix: Prefix = "",
    report: Report = None,
    part: PartOption = "1/1",
    by_source: BySource = None,
    head: HeadName = None,
    text: Text = "text",
    text_pair: Pair = None,
    files: FileOptions = FILES,
    threads: Threads = None,
    as_json: Json = False,
) -> None:
    """Keep the texts that a student scores well, with all their columns, and report what was kept.

    Kept rows stay as they are, to the byte, and the scores are added to them.

        sparsedistill filter student 'crawl/*.jsonl.gz' -o kept --keep 'score >= 3' --by-source domain

        sparsedistill filter student crawl.parquet -o kept.parquet --keep-share 10% --by positive

    With a directory, the same command resumes after an interruption, and skips the files that are done.
    Several processes can work on one directory, also with --part on several machines.

    A student of several questions answers all of them in one pass; --head takes one question alone.

        sparsedistill filter student crawl.csv -o kept.csv --keep 'edu >= 3 and topic.science >= 0.5'
    """
    if as_json and output == "-":
        raise InputError("--json and -o - both write to standard output: name an output file.")
    share = None if keep_share is None else _share(keep_share)
    config = FilterConfig(keep, share, by, sample, seed, scores, probabilities, prefix, by_source)
    corpus = Corpus(inputs, Columns(text, text_pair, files=files))
    read: list[str | Path] = [*(source.path for source in corpus.sources), *model_files(student)]
    refuse_same([path for path in (output, excluded, report) if path is not None], read)
    if report is not None or as_json:
        check_names(source.path for source in corpus.sources)
    if report is not None:
        check_output_files([report], read)
    found = filter_corpus(
        load_model(student, head),
        corpus,
        output,
        config,
        excluded=excluded,
        part=Part.parse(part),
        threads=threads,
        progress=no_progress if output == "-" else progress_bars,
    )
    if report is not None:
        write_record(place(report), found)
    if as_json:
        print_json(found)
    else:
        (console if output == "-" else Terminal(highlight=False)).print(filter_report(found))


def _share(given: str) -> float:
    """A share, as a number or with a percent sign."""
    try:
        return float(given[:-1]) / 100 if given.endswith("%") else float(given)
    except ValueError:
        raise InputError(f"The share {given!r} is not a number: give one such as 10% or 0.1.") from None
