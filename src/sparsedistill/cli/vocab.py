"""``sparsedistill vocab``: build a vocabulary."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated

import typer

from .._internal.files import reserved
from .._internal.part import Part
from .._internal.records import write_record
from ..data.columns import Columns
from ..data.corpus import Corpus
from ..data.corpus_record import CorpusRecord
from ..data.file_job import reading_settings
from ..data.file_options import FileOptions
from ..vocabulary.config import CountingConfig, TokenizerConfig
from ..vocabulary.counts import count_part
from ..vocabulary.vocabulary import Vocabulary
from .options import FILES, Output, Pair, PartOption, Sources, Text, Threads
from .progress import console, progress_bars
from .units import parse_size

#: The corpus of a directory of counts.
CORPUS_FILE = "corpus.json"


def vocab(
    corpus: Sources,
    output: Output,
    text: Text = "text",
    text_pair: Pair = None,
    files: FileOptions = FILES,
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
    exact: Annotated[
        bool,
        typer.Option(
            "--exact/--approximate",
            help="Counts that exceed the memory go to disk, next to the output. Otherwise rare n-grams are "
            "dropped then, and the largest possible error of a count is printed.",
        ),
    ] = True,
    part: PartOption = "1/1",
    threads: Threads = None,
) -> None:
    """Build the n-gram vocabulary of a corpus: its most frequent n-grams.

        sparsedistill vocab 'reviews/*.jsonl.gz' -o vocabulary

    With --part, the output is a directory of counts that all parts share; `merge` makes the vocabulary of it.

        sparsedistill vocab 'reviews/*.jsonl.gz' -o counts --part 3/16
    """
    divided = Part.parse(part)
    source = Corpus(corpus, Columns(text, text_pair, files=files))
    tokenizer = TokenizerConfig(max_ngram, boundaries, min_characters, max_characters)
    counting = CountingConfig(max_rows, min_count, by_document, parse_size(memory), exact)
    if not divided.whole:
        _count(source, output, divided, tokenizer, counting, threads)
        return
    with reserved(output):
        vocabulary = Vocabulary.build(
            source,
            tokenizer,
            counting,
            threads=threads,
            progress=progress_bars,
            directory=output.parent,
        )
        vocabulary.save(output)
    console.print(vocabulary_summary(vocabulary, output))


def vocabulary_summary(vocabulary: Vocabulary, output: Path) -> str:
    """What is in a vocabulary that was just built."""
    assert vocabulary.counts is not None  # noqa: S101 - it was just counted
    exact = "" if vocabulary.error_bound else "; counts are exact"
    return (
        f"{len(vocabulary):,} n-grams; the rarest occurs {vocabulary.counts[-1]} times{exact}. "
        f"The vocabulary is in {output}."
    )


def _count(
    corpus: Corpus,
    output: Path,
    part: Part,
    tokenizer: TokenizerConfig,
    counting: CountingConfig,
    threads: int | None,
) -> None:
    """Count the n-grams of a part."""
    record = CorpusRecord.of(corpus)
    files = [(Path(name).name, size) for name, size in zip(record.files, record.sizes, strict=True)]
    settings = {
        **reading_settings(corpus.columns),
        "corpus": hashlib.sha256(repr(files).encode()).hexdigest(),
    }
    found = count_part(
        corpus.share(part),
        output,
        part,
        settings,
        tokenizer,
        counting,
        threads=threads,
        progress=progress_bars,
    )
    if not (output / CORPUS_FILE).exists():
        write_record(output / CORPUS_FILE, record)
    console.print(
        f"Part {part} has {found.ngrams:,} n-grams of {found.texts:,} texts. Its counts are in {output}."
    )
