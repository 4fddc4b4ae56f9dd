"""The file of a job's tuning, so that a job that is started again does not tune again."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

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
    *,
    own_validation: bool,
    progress: Progress = no_progress,
) -> tuple[DistillationConfig, TuningRecord | None]:
    """Choose the settings of a job, or read the choice from its ``tuning.json``.

    Args:
        targets: See :func:`~.tune.tune`, as for the other arguments.
        material: See there.
        corpus: See there.
        config: See there.
        output: Output directory of the job.
        own_validation: See there.
        progress: Shows the progress.

    Returns:
        The settings, and what was tried; None if nothing was left to choose.

    Raises:
        InputError: The file is damaged, or a trial fails.
    """
    path, job = output / TUNING_FILE, _digest(material, corpus, config)
    if path.exists():
        found = read_record(path, TuningFile, "delete it to choose the settings again")
        if found.job == job:
            return with_settings(config, found.tuning.trials[found.tuning.chosen].settings), found.tuning
    record = tune(
        targets,
        material,
        corpus,
        config,
        output / TUNING_FOLDER / job,
        own_validation=own_validation,
        progress=progress,
    )
    if record is None:
        return config, None
    write_record(path, TuningFile(job, record))
    return with_settings(config, record.trials[record.chosen].settings), record


def _digest(material: Material, corpus: Corpus, config: DistillationConfig) -> str:
    """Digest of what the choice depends on."""
    settings = as_json((replace(config, threads=None), corpus.fingerprint()))
    digest = hashlib.sha256(settings.encode())
    for part in (material.train, material.validation):
        if part is not None:
            digest.update(part.labels.tobytes())
    return digest.hexdigest()[:16]
