"""The output directory of a job: the students in it, and what is left there when a job ends."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias, TypeVar

import pyarrow as pa

from .._internal.files import discard
from .._internal.progress import Progress
from ..errors import InputError
from ..multi_head import MultiHeadStudent
from ..student import Student
from .config import DistillationConfig
from .tuning.file import TUNING_FOLDER

logger = logging.getLogger(__package__)

#: Maximum number of texts to compress a student with.
COMPRESSION_TEXTS = 20_000

#: The checkpoints of a job's trainings, in its output directory.
CHECKPOINTS = "checkpoints"

#: Texts to compress a student with, and the second texts of pairs.
CompressionTexts: TypeAlias = tuple[pa.Array, pa.Array | None]

_Student = TypeVar("_Student", Student, MultiHeadStudent)


def refuse_finished(folder: Path) -> None:
    """Check that no finished job has written to a directory.

    Raises:
        InputError: One has.
    """
    if (folder / "student").exists() and not (folder / CHECKPOINTS).exists():
        raise InputError(f"{folder / 'student'} exists already: use another output, or delete it.")


def save_students(
    student: _Student,
    folder: Path,
    sample: Callable[[], CompressionTexts],
    config: DistillationConfig,
    progress: Progress,
) -> _Student | None:
    """Save a student and its compact form. Those of this job before it was interrupted are replaced.

    Args:
        student: The student.
        folder: Output directory of the job.
        sample: Gives the texts to compress it with.
        config: The settings.
        progress: Shows the progress.

    Returns:
        The compact student; None if it was not requested, its answers would differ too much, or there are too
        few texts.
    """
    for earlier in ("student", "compact"):
        shutil.rmtree(folder / earlier, ignore_errors=True)
    (folder / "evaluation.json").unlink(missing_ok=True)
    student.save_pretrained(folder / "student")
    if not config.compact:
        return None
    logger.info("Compressing the student.")
    texts, text_pair = sample()
    try:
        compact = student.compress(texts, text_pair, threads=config.threads, progress=progress)
    except InputError as error:
        logger.warning(f"No compact student was written. {error}")
        return None
    compact.save_pretrained(folder / "compact")
    return compact


def finish(folder: Path, compact: Student | MultiHeadStudent | None) -> None:
    """Delete what a finished job does not need any more, and log where its students are."""
    for finished in (CHECKPOINTS, TUNING_FOLDER):
        discard(folder / finished)
    logger.info(f"The student is in {folder / 'student'}.")
    if compact is not None:
        logger.info(f"The compact student is in {folder / 'compact'}: {compact.nbytes / 1e6:,.1f} MB.")
