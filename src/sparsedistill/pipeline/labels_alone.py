"""The student that the labels alone make: what a teacher and unlabelled text are compared with."""

from __future__ import annotations

from pathlib import Path

from .._internal.progress import Progress, no_progress
from ..data.inputs import write_texts
from ..errors import InputError
from ..student import Student
from .config import DistillationConfig
from .job_vocabulary import make_vocabulary
from .material import Material
from .refit import refit, refits
from .student_training import fit_student


def train_on_labels_alone(
    material: Material,
    config: DistillationConfig,
    folder: Path,
    *,
    checkpoint_dir: Path | None = None,
    progress: Progress = no_progress,
) -> Student:
    """Train a student as a job without a teacher and without unlabelled text does, with the same settings.

    Its vocabulary is counted in the training texts only: n-grams that are in no labelled text would only add
    noise.

    Args:
        material: The labelled texts; there must be training texts.
        config: The settings.
        folder: Directory to write the training texts and the vocabulary to.
        checkpoint_dir: Directory for checkpoints, from which an interrupted training resumes.
        progress: Shows the progress.

    Raises:
        InputError: There are no training texts, or they have no frequent n-grams; or as
            :func:`~.student_training.fit_student`.
    """
    train = material.train
    if train is None:
        raise InputError("There are no labelled texts to train on: give some.")
    corpus = write_texts(folder / "data" / "train.parquet", train.texts, train.text_pair)
    vocabulary = make_vocabulary(corpus, folder / "vocabulary-labelled", config, progress)
    fitted = fit_student(vocabulary, None, material, config, checkpoint_dir=checkpoint_dir, progress=progress)
    if not refits(material, config):
        return fitted.student
    return refit(fitted, material, corpus, config, folder, checkpoint_dir, progress)
