"""The labelling run: it writes one shard after the other, and can be interrupted, resumed and divided."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from .._internal.background import read_ahead
from .._internal.files import clean_partials, discard
from .._internal.ledger import LEDGER, Ledger
from .._internal.part import Part
from .._internal.progress import Progress, no_progress
from ..data.corpus import Corpus
from ..errors import InputError
from ..teachers.base import Teacher
from ..teachers.precomputed import FileTeacher
from .counted_corpus import count_corpus, known_corpus
from .manifest import (
    MANIFEST,
    Manifest,
    check_same_job,
    check_shards,
    new_manifest,
    read_manifest,
    shard_name,
    write_manifest,
)
from .plan import ShardPlan, ShardReader
from .shard import label_shard
from .soft_targets import SoftTargets

logger = logging.getLogger(__package__)


@dataclass(frozen=True)
class LabelledPart:
    """A part of a labelling that is done.

    Attributes:
        texts: Number of texts of the part.
        complete: Whether all other parts are done, too.
    """

    texts: int
    complete: bool


def label(
    teacher: Teacher | FileTeacher,
    corpus: Corpus,
    output: str | Path,
    *,
    shard_size: int = 20_000,
    progress: Progress = no_progress,
) -> SoftTargets:
    """Score a corpus with a teacher, and write texts and logits as shards to a directory.

    A run that was killed at any moment resumes after its last finished shard if it is started again with the
    same arguments, and ends with the same files as an uninterrupted run.

    Args:
        teacher: The teacher. A :class:`FileTeacher` takes the scores in the columns `scores` of the corpus.
        corpus: The texts. Their labels and weights are ignored.
        output: Directory to create or to resume.
        shard_size: Texts per shard.
        progress: Receives the progress.

    Returns:
        The finished soft targets.

    Raises:
        InputError: The corpus cannot be read, or has no scores for a :class:`FileTeacher`; `output` contains
            other files, a labelling of another teacher or corpus, or a damaged shard, or is being written by
            another process; the teacher's scores are not finite; or the disk is full.
    """
    label_part(teacher, corpus, output, Part(), shard_size=shard_size, progress=progress)
    return SoftTargets.open(output)


def label_part(
    teacher: Teacher | FileTeacher,
    corpus: Corpus,
    output: str | Path,
    part: Part,
    *,
    shard_size: int = 20_000,
    progress: Progress = no_progress,
) -> LabelledPart:
    """Label a part of the shards. Processes that label all parts to one directory make one labelling.

    A part is consecutive shards. The process that finishes the last missing shard completes the directory,
    which then has the files that one process writes.

    Args:
        teacher: As in :func:`label`, as the other arguments.
        corpus: All texts, also those of other parts.
        output: The directory that all parts share.
        part: Which part to label.
        shard_size: Texts per shard.
        progress: Receives the progress.

    Raises:
        InputError: As for :func:`label`.
    """
    if shard_size < 1:
        raise InputError(f"shard_size is {shard_size}: it must be at least 1.")
    corpus = corpus.unlabelled()
    if isinstance(teacher, FileTeacher) and corpus.columns.scores is None:
        raise InputError("The corpus has no scores: name the columns that hold the teacher's scores.")
    folder = Path(output)
    with _begun(folder, part) as ledger:
        manifest, plan = _begin(ledger, teacher, corpus, shard_size, progress)
        numbers = part.span(plan.shards)
        finished = {shard.name: shard for shard in manifest.shards}
        own = [finished[name] for number in numbers if (name := shard_name(number)) in finished]
        check_shards(folder, own)
        if not manifest.complete:
            missing = [number for number in numbers if shard_name(number) not in finished]
            _label_rest(ledger, teacher, corpus, plan, missing, sum(shard.rows for shard in own), progress)
            _complete(ledger)
    found = read_manifest(folder)
    return LabelledPart(sum(map(plan.size, numbers)), found is not None and found.complete)


@contextmanager
def _begun(folder: Path, part: Part) -> Iterator[Ledger]:
    """Create the directory, and lock the part; if nothing was begun at the end, it is removed again."""
    ledger = Ledger(folder)
    if folder.exists() and not folder.is_dir():
        raise InputError(f"The directory {folder} cannot be created: it is a file. Name another one.")
    manifest = folder / MANIFEST
    # Looked for twice: another part may have written it in between.
    if not manifest.exists() and ledger.is_used() and not manifest.exists():
        raise InputError(f"{folder} contains other files: name an empty or a new output directory.")
    try:
        with ledger.locked(part.name) as mine:
            if not mine:
                what = f"{folder} is" if part.whole else f"Part {part} of {folder} is"
                raise InputError(
                    f"{what} being written by another process: wait until it ends, or name another output "
                    "directory."
                )
            yield ledger
    finally:
        if not manifest.exists() and not ledger.running():
            discard(folder / LEDGER)
            with suppress(OSError):
                folder.rmdir()


def _begin(
    ledger: Ledger, teacher: Teacher | FileTeacher, corpus: Corpus, shard_size: int, progress: Progress
) -> tuple[Manifest, ShardPlan]:
    """The manifest of an interrupted run of the same job, or a new one; and how the corpus is cut."""
    folder = ledger.directory
    manifest = read_manifest(folder)
    counted = known_corpus(ledger, corpus)
    # With a manifest, the hashes say first whether the job is the same; else they come with the counts.
    if counted is None and manifest is None:
        counted = count_corpus(ledger, corpus, progress)
    contents = corpus.fingerprint() if counted is None else [file.content for file in counted.files]
    job = new_manifest(teacher, corpus, contents, shard_size)
    if manifest is not None:
        check_same_job(folder, manifest, job)
        if manifest.complete:
            discard(folder / LEDGER)  # of a run that was killed at its end
            return manifest, ShardPlan(shard_size, [manifest.texts])
    if counted is None:
        counted = count_corpus(ledger, corpus, progress)
    plan = ShardPlan(shard_size, [file.rows for file in counted.files])
    if manifest is None:
        manifest = replace(job, texts=plan.texts)
        write_manifest(folder, manifest)
        read_manifest(folder)  # one that cannot be read must fail now, not after hours of scoring
    return manifest, plan


def _label_rest(
    ledger: Ledger,
    teacher: Teacher | FileTeacher,
    corpus: Corpus,
    plan: ShardPlan,
    missing: Sequence[int],
    done: int,
    progress: Progress,
) -> None:
    """Write the missing shards of a part, one after the other."""
    texts = done + sum(map(plan.size, missing))
    if done:
        logger.info(f"Resuming {ledger.directory}: {done:,} of {texts:,} texts are labelled.")
    reader = ShardReader(corpus, plan)
    with progress("Labelling", texts, "texts", done) as advance:
        for number in missing:
            shard = label_shard(
                ledger.directory / shard_name(number),
                teacher,
                read_ahead(reader.read(number)),
                rows=plan.size(number),
                pair=corpus.columns.text_pair is not None,
                advance=advance,
            )
            ledger.finish(shard.name, shard)


def _complete(ledger: Ledger) -> None:
    """Complete the directory if no shard is missing."""
    folder = ledger.directory
    manifest = read_manifest(folder)
    assert manifest is not None  # noqa: S101 - it was written
    if manifest.done != manifest.texts:
        return
    for written in (MANIFEST, "shard-*.parquet"):
        clean_partials(folder, written)
    write_manifest(folder, replace(manifest, complete=True))
    discard(folder / LEDGER)
