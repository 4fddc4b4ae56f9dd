"""The file of a job's tuning, so that a job that is started again does not tune again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from ..._internal.progress import Progress, no_progress
from ..._internal.records import as_json, read_record, write_record
from ...data.corpus import Corpus
from ...labeling.soft_targets import SoftTargets
from ...model.tuning import TuningRecord
from ..config import DistillationConfig
from ..material import Material
from .settings import with_settings
from .tune import tune

#: File of the tuning in the output directory of a job, and directory of its trials.
TUNING_FILE, TUNING_FOLDER = "tuning.json", "tuning"


@dataclass(frozen=True)
class TuningFile:
    """``tuning.json``.

    Attributes:
        job: Digest of the texts and settings that were tuned for.
        tuning: What was tried.
    """

    job: str
    tuning: TuningRecord


def tuned_settings(
    targets: SoftTargets | None,
    material: Material,
    corpus: Corpus,
    config: DistillationConfig,
    output: Path,
    progress: Progress = no_progress,
) -> tuple[DistillationConfig, TuningRecord | None]:
    """Choose the settings of a job, or read the choice from its ``tuning.json``.

    Args:
        targets: See :func:`~.tune.tune`, as for the other arguments.
        material: See there.
        corpus: See there.
        config: See there.
        output: Output directory of the job.
        progress: Shows the progress.

    Returns:
        The settings, and what was tried; None if nothing was left to choose.

    Raises:
        InputError: The file is damaged, or a trial fails.
    """
    labels = [part.labels for part in (material.train, material.validation) if part is not None]

    def search(folder: Path) -> TuningRecord | None:
        return tune(targets, material, corpus, config, folder, progress)

    return found_settings(search, labels, corpus, config, output)


def found_settings(
    search: Callable[[Path], TuningRecord | None],
    labels: Sequence[NDArray[Any]],
    corpus: Corpus,
    config: DistillationConfig,
    output: Path,
) -> tuple[DistillationConfig, TuningRecord | None]:
    """The settings that a search finds, or found when the same job was started before.

    Args:
        search: Searches in a directory for its trials; returns None if nothing is left to choose.
        labels: Labels that the choice depends on.
        corpus: See :func:`tuned_settings`, as for the other arguments.
        config: See there.
        output: See there.

    Returns:
        As there.

    Raises:
        InputError: As there.
    """
    path, job = output / TUNING_FILE, _digest(labels, corpus, config)
    if path.exists():
        found = read_record(path, TuningFile, "delete it to choose the settings again")
        if found.job == job:
            return with_settings(config, found.tuning.trials[found.tuning.chosen].settings), found.tuning
    record = search(output / TUNING_FOLDER / job)
    if record is None:
        return config, None
    write_record(path, TuningFile(job, record))
    return with_settings(config, record.trials[record.chosen].settings), record


def _digest(labels: Sequence[NDArray[Any]], corpus: Corpus, config: DistillationConfig) -> str:
    """Digest of what the choice depends on."""
    settings = as_json((replace(config, threads=None), corpus.fingerprint()))
    digest = hashlib.sha256(settings.encode())
    for part in labels:
        digest.update(part.tobytes())
    return digest.hexdigest()[:16]
