"""Counts of parts of a corpus, which are added up to those of all of it.

Each part is a file of counts, sorted by key, in one directory. See docs/format.md.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from .. import _core
from .._internal.digests import file_digest
from .._internal.files import atomic_write, disk_errors
from .._internal.ledger import JobRecord, Ledger, new_job
from .._internal.part import Part
from .._internal.progress import Progress, no_progress
from .._internal.threads import all_threads
from ..errors import InputError
from .build import CorpusLike, NgramCounts, count_all, selected
from .config import CountingConfig, TokenizerConfig, TokenizerRecord

logger = logging.getLogger(__package__)

#: The command of a directory of counts.
COMMAND = "vocab --part"


@dataclass(frozen=True)
class CountsRecord:
    """The record of a part.

    Attributes:
        tokenizer: How texts became n-grams.
        counting: How n-grams were counted, and which of them are kept.
        texts: Number of texts, both of a pair.
        ngrams: Number of distinct n-grams.
        digest: Digest of the file.
    """

    tokenizer: TokenizerRecord
    counting: CountingConfig
    texts: int
    ngrams: int
    digest: str


def count_shard(
    corpus: CorpusLike,
    path: str | Path,
    tokenizer: TokenizerConfig,
    counting: CountingConfig,
    *,
    threads: int | None = None,
    progress: Progress = no_progress,
) -> CountsRecord:
    """Count the n-grams of some texts, and write the counts to a file, which appears when it is complete.

    The file depends on the texts and on how they become n-grams only.

    Args:
        corpus: The texts.
        path: The file to write. Counts that do not fit into memory go to its directory, too.
        tokenizer: How texts become n-grams.
        counting: How n-grams are counted; which of them are kept is decided when counts are merged.
        threads: Number of threads; by default, one per core.
        progress: Receives the progress.

    Raises:
        InputError: The counts would not be exact, `corpus` cannot be read, or the file cannot be written.
    """
    if not counting.exact:
        raise InputError("Only exact counts can be added up: count parts without approximation.")
    with atomic_write(path) as partial:
        counter = count_all(corpus, tokenizer, counting, all_threads(threads), progress, partial.parent)
        ngrams = counter.write(str(partial))
        return CountsRecord(tokenizer.record(), counting, counter.texts, ngrams, file_digest(partial))


def count_part(
    corpus: CorpusLike,
    folder: str | Path,
    part: Part,
    settings: dict[str, str],
    tokenizer: TokenizerConfig,
    counting: CountingConfig,
    *,
    threads: int | None = None,
    progress: Progress = no_progress,
) -> CountsRecord:
    """Count the n-grams of a part of a corpus to a directory that all parts share. What is done is skipped.

    Args:
        corpus: The texts of the part.
        folder: The directory, to create or to add to.
        part: Which part it is.
        settings: What else must be the same in all parts, by what messages call it.
        tokenizer: As in :func:`count_shard`, as the next three.
        counting: How n-grams are counted, and which of them are kept in the end.
        threads: Number of threads; by default, one per core.
        progress: Receives the progress.

    Raises:
        InputError: The directory has other files, or counts with other settings; another process counts this
            part; or as :func:`count_shard`.
    """
    ledger = Ledger(folder)
    ledger.begin(_job(part, settings, tokenizer, counting))
    path = ledger.directory / f"{part.name}.counts"
    with ledger.locked(part.name) as mine:
        if not mine:
            raise InputError(
                f"Part {part} of {folder} is being counted by another process: wait until it ends, or count "
                "another part."
            )
        found = ledger.read(part.name, CountsRecord)
        if found is not None and path.is_file() and file_digest(path) == found.digest:
            logger.info(f"Part {part} of {folder} is done already.")
            return found
        ledger.forget(part.name)
        found = count_shard(corpus, path, tokenizer, counting, threads=threads, progress=progress)
        ledger.finish(part.name, found)
        return found


def merge_counts(folder: str | Path, progress: Progress = no_progress) -> tuple[NgramCounts, TokenizerConfig]:
    """Add up the counts of all parts, and choose the n-grams that a vocabulary keeps.

    Returns:
        The n-grams, those of one process that counts the whole corpus; and how texts become n-grams.

    Raises:
        InputError: A part is missing or damaged, or the disk is full.
    """
    ledger = Ledger(folder)
    job = ledger.job()
    if job is None or job.command != COMMAND:
        raise InputError(f"{folder} has no counts: make them with `sparsedistill vocab --part`.")
    records = {name: ledger.read(name, CountsRecord) for name in job.units}
    found = {name: record for name, record in records.items() if record is not None}
    missing = [name for name in job.units if name not in found]
    if missing:
        raise InputError(
            f"{folder} lacks {len(missing):,} of {len(job.units):,} parts ({missing[0]} is the first): run "
            "`sparsedistill vocab --part` for them."
        )
    counts = _core.MergedCounts(str(ledger.directory))
    with disk_errors(ledger.directory / "counts"):
        with progress("Merging counts", len(found), "parts") as advance:
            for name, record in found.items():
                _add(counts, ledger.directory / f"{name}.counts", record)
                advance()
        try:
            record = found[job.units[0]]
            return selected(counts, record.counting, 0), record.tokenizer.config()
        except ValueError as error:
            raise InputError(
                f"The counts in {folder} are damaged ({error}): count the parts again."
            ) from error


def _add(counts: _core.MergedCounts, path: Path, record: CountsRecord) -> None:
    if not path.is_file():
        raise InputError(f"{path} is missing: restore it, or run that part of `sparsedistill vocab` again.")
    if file_digest(path) != record.digest:
        raise InputError(
            f"{path} is damaged (its digest differs): run that part of `sparsedistill vocab` again."
        )
    counts.add(str(path))


def _job(
    part: Part, settings: dict[str, str], tokenizer: TokenizerConfig, counting: CountingConfig
) -> JobRecord:
    found = {
        "number of parts": str(part.of),
        "tokenizer": str(tokenizer.record()),
        "largest number of n-grams": str(counting.max_rows),
        "least count": str(counting.min_count),
        "way of counting": "by text" if counting.by_document else "by occurrence",
        **settings,
    }
    units = tuple(Part(number, part.of).name for number in range(1, part.of + 1))
    return new_job(COMMAND, found, units, "part")
