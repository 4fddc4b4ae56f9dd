"""``sparsedistill vocab``: build a vocabulary."""

from __future__ import annotations

from typing import Annotated

import typer

from ..data.columns import Columns
from ..data.corpus import Corpus
from ..errors import InputError
from ..vocabulary.config import CountingConfig, TokenizerConfig
from ..vocabulary.vocabulary import Vocabulary
from .options import Format, Output, Pair, Sources, Text, Threads
from .progress import console, progress_bars

_UNITS = {"": 1, "B": 1, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "KB": 10**3, "MB": 10**6, "GB": 10**9}


def vocab(
    corpus: Sources,
    output: Output,
    text: Text = "text",
    text_pair: Pair = None,
    format: Format = None,  # noqa: A002
    max_ngram: Annotated[int, typer.Option(help="Maximum length of an n-gram, in tokens.")] = 4,
    max_rows: Annotated[int, typer.Option(help="Maximum number of n-grams.")] = 1_000_000,
    min_count: Annotated[int, typer.Option(help="Minimum count of an n-gram.")] = 2,
    by_document: Annotated[
        bool, typer.Option(help="Count the texts with an n-gram instead of its occurrences.")
    ] = False,
    boundaries: Annotated[bool, typer.Option(help="Make the begin and end of a text tokens.")] = False,
    min_characters: Annotated[int, typer.Option(help="Minimum length of character n-grams.")] = 2,
    max_characters: Annotated[
        int,
        typer.Option(
            help="Maximum length of character n-grams, which give unknown words a meaning; 0 for none."
        ),
    ] = 0,
    memory: Annotated[str, typer.Option(help="Memory for counting, such as 512MiB or 4GB.")] = "1GiB",
    threads: Threads = None,
) -> None:
    """Build the n-gram vocabulary of a corpus: its most frequent n-grams.

    If the corpus does not fit into the memory, rare n-grams are dropped during counting, and the largest
    possible error of a count is printed.

        sparsedistill vocab 'reviews/*.jsonl.gz' -o vocabulary
    """
    source = Corpus(corpus, Columns(text, text_pair), format=format)
    tokenizer = TokenizerConfig(max_ngram, boundaries, min_characters, max_characters)
    counting = CountingConfig(max_rows, min_count, by_document, _bytes(memory))
    vocabulary = Vocabulary.build(source, tokenizer, counting, threads=threads, progress=progress_bars)
    vocabulary.save(output)
    assert vocabulary.counts is not None  # noqa: S101 - it was just counted
    exact = "" if vocabulary.error_bound else "; counts are exact"
    console.print(
        f"{len(vocabulary):,} n-grams; the rarest occurs {vocabulary.counts[-1]} times{exact}. "
        f"The vocabulary is in {output}."
    )


def _bytes(size: str) -> int:
    number = size.strip().rstrip("BbGgIiKkMm ")
    unit = size.strip()[len(number) :].strip().upper()
    try:
        return int(float(number) * _UNITS[unit])
    except (ValueError, KeyError, OverflowError):
        raise InputError(f"{size!r} is not a size: write it as 512MiB or 4GB.") from None
