"""The labelling run: it writes one shard after the other, and can be interrupted and resumed."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

from .._internal.files import PARTIAL_SUFFIX, locked
from .._internal.progress import Progress, no_progress
from ..data.corpus import Corpus
from ..errors import InputError
from ..teachers.base import Teacher
from ..teachers.precomputed import FileTeacher
from .manifest import (
    MANIFEST,
    Manifest,
    check_same_job,
    check_shards,
    new_manifest,
    read_manifest,
    write_manifest,
)
from .plan import next_shard, parts_of
from .shard import shard_path, write_shard
from .soft_targets import SoftTargets

logger = logging.getLogger(__package__)


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
    if shard_size < 1:
        raise InputError(f"shard_size is {shard_size}: it must be at least 1.")
    corpus = corpus.unlabelled()
    if isinstance(teacher, FileTeacher) and corpus.columns.scores is None:
        raise InputError("The corpus has no scores: name the columns that hold the teacher's scores.")
    folder = Path(output)
    with locked(folder):
        manifest = _begin(folder, teacher, corpus, shard_size, progress)
        if not manifest.complete:
            _label_rest(folder, teacher, corpus, manifest, progress)
    return SoftTargets.open(folder)


def _begin(
    folder: Path, teacher: Teacher | FileTeacher, corpus: Corpus, shard_size: int, progress: Progress
) -> Manifest:
    """Return the manifest of an interrupted run of the same job, or a new one."""
    for written in (MANIFEST, "shard-*.parquet"):  # files that a killed run was writing
        for leftover in folder.glob(f".{written}.*{PARTIAL_SUFFIX}"):
            leftover.unlink()
    job = new_manifest(teacher, corpus, shard_size)
    manifest = read_manifest(folder)
    if manifest is not None:
        check_same_job(folder, manifest, job)
        check_shards(folder, manifest)
        return manifest
    if any(folder.iterdir()):
        raise InputError(f"{folder} contains other files: name an empty or a new output directory.")
    manifest = replace(job, texts=_count_texts(corpus, progress))
    write_manifest(folder, manifest)
    read_manifest(folder)  # a manifest that cannot be read must fail now, not after hours of scoring
    return manifest


def _count_texts(corpus: Corpus, progress: Progress) -> int:
    """Count the texts. This reads, and so checks, all of them before hours go into scoring."""
    texts = 0
    with progress("Reading the corpus", None, "texts") as advance:
        for rows in corpus.rows():
            texts += len(rows.table)
            advance(len(rows.table))
    return texts


def _label_rest(
    folder: Path, teacher: Teacher | FileTeacher, corpus: Corpus, manifest: Manifest, progress: Progress
) -> None:
    """Write the missing shards, one after the other."""
    finished = len(manifest.shards)
    if finished:
        logger.info(f"Resuming {folder}: {manifest.done:,} of {manifest.texts:,} texts are labelled.")
    parts = (part for part in parts_of(corpus, manifest.shard_size) if part.shard >= finished)
    with progress("Labelling", manifest.texts, "texts", manifest.done) as advance:
        while manifest.done < manifest.texts:
            shard = write_shard(
                shard_path(folder, len(manifest.shards)),
                teacher,
                next_shard(parts),
                rows=min(manifest.shard_size, manifest.texts - manifest.done),
                pair=manifest.pair,
                advance=advance,
            )
            manifest = manifest.with_shard(shard)
            write_manifest(folder, manifest)
