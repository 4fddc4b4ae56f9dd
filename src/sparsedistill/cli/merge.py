"""``sparsedistill merge``: put together what the parts of a job have made."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .._internal.files import reserved
from .._internal.ledger import Ledger
from .._internal.records import read_record
from ..data.corpus_record import CorpusRecord
from ..errors import InputError
from ..vocabulary.counts import COMMAND, merge_counts
from ..vocabulary.vocabulary import Vocabulary
from .options import Output, Threads
from .progress import console, progress_bars
from .vocab import CORPUS_FILE, vocabulary_summary


def merge(
    directory: Annotated[
        Path, typer.Argument(help="Directory of all parts of `vocab --part`.", show_default=False)
    ],
    output: Output,
    threads: Threads = None,
) -> None:
    """Merge the counts of all parts of a corpus to its vocabulary.

    The vocabulary is that of one process, to the byte. The corpus is read once more, as far as it takes to
    find the strings of the n-grams.

        sparsedistill merge counts -o vocabulary
    """
    with reserved(output):
        job = Ledger(directory).job()
        if job is not None and job.command != COMMAND:
            raise InputError(
                f"The parts of `{job.command}` need not be merged: {directory} is complete when all are done."
            )
        counted, tokenizer = merge_counts(directory, progress_bars)
        corpus = read_record(directory / CORPUS_FILE, CorpusRecord, "count the parts again").open()
        vocabulary = Vocabulary.from_counts(
            counted, tokenizer, corpus, threads=threads, progress=progress_bars
        )
        vocabulary.save(output)
    console.print(vocabulary_summary(vocabulary, output))
