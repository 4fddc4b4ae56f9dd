"""Training of a job's student: on soft targets, then on labels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from .._internal.progress import Progress, no_progress
from .._internal.scale import scale_of_numbers
from ..data.examples import Examples, Shards
from ..data.labelled import Labelled
from ..errors import InputError
from ..evaluation.calibration import calibrate
from ..labeling.soft_examples import SoftExamples
from ..labeling.soft_targets import SoftTargets
from ..model.weights import StudentWeights
from ..student import Student
from ..training.config import TrainingConfig
from ..training.folding import check_foldable, fold_characters
from ..training.network import NetworkConfig, StudentNetwork
from ..training.tables.registry import table_class
from ..training.trainer import train
from ..training.word_init import WordInit
from ..vocabulary.vocabulary import Vocabulary
from .config import DistillationConfig, StudentConfig
from .material import Material


def train_student(
    vocabulary: Vocabulary,
    targets: SoftTargets | None,
    material: Material,
    config: DistillationConfig,
    *,
    word_init: WordInit | None = None,
    checkpoint_dir: str | Path | None = None,
    progress: Progress = no_progress,
) -> Student:
    """Train a student on soft targets and then on labels, or on one of them (section 3.3 of the paper).

    The validation data of the last phase, which are labels or held-out soft targets, calibrate the student.

    Args:
        vocabulary: The student's n-grams.
        targets: The soft targets, if there are any.
        material: The labelled texts.
        config: The settings.
        word_init: Initial rows of words; all other rows start at 0.
        checkpoint_dir: Directory for checkpoints, from which an interrupted training resumes.
        progress: Shows the progress.

    Returns:
        The student.

    Raises:
        InputError: There is nothing to train on, the classes of soft targets and labels differ, the device or
            the table cannot be used, or the checkpoints belong to another training.
    """
    if targets is None and material.train is None:
        raise InputError("There is nothing to train on: give a teacher, labelled texts, or both.")
    if targets is not None and targets.classes != material.classes:
        raise InputError(
            f"The classes of the soft targets are {', '.join(targets.classes)} and those of the labels "
            f"{', '.join(material.classes)}: use the same classes in the same order."
        )
    check_foldable(vocabulary)
    config = config.seeded()
    device = training_device(config.student.device)
    scale = scale_of(targets, material)
    network = StudentNetwork(network_config(len(vocabulary), material, config, scale), device)
    if word_init is not None:
        rows = torch.from_numpy(word_init.rows).to(network.device)
        embeddings = torch.from_numpy(word_init.embeddings(config.student.dim)).to(network.device)
        network.table.weight[rows] = embeddings
    validation = train_network(
        network, vocabulary, targets, material, config, checkpoint_dir=checkpoint_dir, progress=progress
    )
    trained = network.served()
    trained["table"] = fold_characters(trained["table"], vocabulary)
    weights = StudentWeights.from_arrays({name: array.cpu().numpy() for name, array in trained.items()})
    student = Student(vocabulary, weights, material.classes, material.problem, material.pair)
    if not config.calibrate or validation is None:
        return student
    return calibrate(student, validation, threads=config.threads)


def train_network(
    network: StudentNetwork,
    vocabulary: Vocabulary,
    targets: SoftTargets | None,
    material: Material,
    config: DistillationConfig,
    *,
    checkpoint_dir: str | Path | None = None,
    progress: Progress = no_progress,
) -> Examples | None:
    """Train a network in the phases of :func:`train_student`.

    Args:
        network: The network; it is modified.
        vocabulary: See :func:`train_student`, as for the other arguments.
        targets: See there.
        material: See there.
        config: See there.
        checkpoint_dir: See there; each phase has its own directory in it.
        progress: See there.

    Returns:
        The validation data of the last phase; None if there was nothing to train on.

    Raises:
        InputError: As :func:`sparsedistill.training.trainer.train`.
    """
    validation = None
    for phase in _phases(targets, material, config.seeded()):
        validation = phase.validation
        train(
            network,
            vocabulary,
            phase.examples,
            phase.validation,
            phase.config,
            checkpoint_dir=None if checkpoint_dir is None else Path(checkpoint_dir) / phase.name,
            description=phase.description,
            progress=progress,
        )
    return validation


def scale_of(targets: SoftTargets | None, material: Material) -> tuple[float, float]:
    """Mean and standard deviation of the numbers that a regression is trained on first; 0 and 1 for classes.

    Raises:
        InputError: All numbers are the same.
    """
    if material.problem != "regression":
        return 0.0, 1.0
    if targets is not None:
        parts = [targets.logits(i) for i in range(len(targets.shards))]
        numbers, what = np.concatenate(parts), "scores of the teacher"
    else:
        assert material.train is not None  # noqa: S101 - without soft targets there are labels
        numbers, what = material.train.labels.astype(np.float32), "labels"
    return scale_of_numbers(numbers, what)


def network_config(
    rows: int, material: Material, config: DistillationConfig, scale: tuple[float, float] = (0.0, 1.0)
) -> NetworkConfig:
    """The shape of a student's network with `rows` n-grams.

    Args:
        rows: Number of n-grams.
        material: The labelled texts.
        config: The settings.
        scale: Mean and standard deviation of the numbers of a regression. See :func:`scale_of`.
    """
    return replace(
        _shape(config.student),
        rows=rows,
        classes=len(material.classes),
        pair=material.pair,
        problem=material.problem,
        mean=scale[0],
        deviation=scale[1],
        seed=config.seed,
    )


def training_device(name: str) -> torch.device:
    """Return the torch device for the ``device`` of a :class:`~sparsedistill.StudentConfig`.

    Raises:
        InputError: torch cannot use it on this machine.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        return torch.empty(0, device=name).device
    except (RuntimeError, AssertionError) as error:
        raise InputError(
            f"torch cannot use the device {name!r} on this machine: use 'cpu' or 'auto'."
        ) from error


def check_student(config: StudentConfig) -> None:
    """Check a student's settings without creating it, since a teacher may score for hours before that.

    Raises:
        InputError: A setting is out of range, or the device or the table cannot be used.
    """
    shape = _shape(config)
    table_class(shape.table, shape.dim, training_device(config.device))


def _shape(config: StudentConfig) -> NetworkConfig:
    """The settings of `config` in a network of one row and one class."""
    return NetworkConfig(
        rows=1,
        classes=1,
        dim=config.dim,
        hidden=config.hidden,
        dropout=config.dropout,
        row_dropout=config.row_dropout,
        table=config.table,
    )


@dataclass(frozen=True)
class _Phase:
    """One training run, on soft targets or on labels; `name` is that of its checkpoint directory."""

    name: str
    description: str
    examples: Shards
    validation: Examples
    config: TrainingConfig


def _phases(targets: SoftTargets | None, material: Material, config: DistillationConfig) -> Iterator[_Phase]:
    validation = None if material.validation is None else examples_of(material.validation)
    if targets is not None:
        soft = SoftExamples(targets, material.held_out())
        held_out = validation or soft.set_aside(config.validation_share, config.seed)
        yield _Phase("distillation", "Distilling", soft, held_out, config.training)
    if material.train is not None and validation is not None:
        last = config.training if targets is None else config.finetuning
        description = "Training on labels" if targets is None else "Fine-tuning"
        yield _Phase("labels", description, examples_of(material.train), validation, last)


def examples_of(labelled: Labelled) -> Examples:
    """Labelled texts as training examples."""
    return Examples(
        labelled.texts, text_pair=labelled.text_pair, labels=labelled.labels, weights=labelled.weights
    )
