"""Training of a job's student: on soft targets, then on labels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from .._internal.progress import Progress, no_progress
from ..data.examples import Examples, Shards
from ..data.labelled import Labelled
from ..errors import InputError
from ..evaluation.calibration import calibrate
from ..labeling.soft_examples import SoftExamples
from ..labeling.soft_targets import SoftTargets
from ..model.weights import StudentWeights
from ..student import Student
from ..training.network import NetworkConfig, StudentNetwork
from ..training.trainer import TrainingConfig, train
from ..training.word_init import WordInit
from ..vocabulary.vocabulary import Vocabulary
from .config import DistillationConfig
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
    """Train a student on soft targets, then on labels; or on either alone (section 3.3 of the paper).

    The validation data of the last phase calibrate it: labels, or else held-out soft targets.

    Args:
        vocabulary: Its n-grams.
        targets: The soft targets, or None.
        material: The labelled texts.
        config: The settings.
        word_init: Initial rows; 0 by default.
        checkpoint_dir: Where an interrupted training is resumed from.
        progress: Shows the progress.

    Raises:
        InputError: There is nothing to train on, or the examples do not fit together.
    """
    if targets is None and material.train is None:
        raise InputError("There is nothing to train on: give a teacher, labelled texts, or both.")
    if targets is not None and targets.classes != material.classes:
        raise InputError(
            f"The classes of the soft targets are {', '.join(targets.classes)}, those of the labels "
            f"{', '.join(material.classes)}: use the same classes in the same order."
        )
    config = config.seeded()
    device = training_device(config.student.device)
    network = StudentNetwork(network_config(len(vocabulary), material, config), device)
    if word_init is not None:
        rows = torch.from_numpy(word_init.rows).to(network.device)
        embeddings = torch.from_numpy(word_init.embeddings(config.student.dim)).to(network.device)
        network.table.weight[rows] = embeddings
    validation = train_network(
        network, vocabulary, targets, material, config, checkpoint_dir=checkpoint_dir, progress=progress
    )
    arrays = {name: array.cpu().numpy() for name, array in network.arrays().items()}
    weights = StudentWeights.from_arrays(arrays)
    student = Student(vocabulary, weights, material.classes, material.multi_label, material.pair)
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
    """Train a network as :func:`train_student` does; return the validation data of the last phase."""
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


def network_config(rows: int, material: Material, config: DistillationConfig) -> NetworkConfig:
    """The shape of a student's network over `rows` n-grams."""
    shape = asdict(config.student)
    del shape["device"]
    return NetworkConfig(
        rows=rows,
        classes=len(material.classes),
        pair=material.pair,
        multi_label=material.multi_label,
        seed=config.seed,
        **shape,
    )


def training_device(name: str) -> torch.device:
    """The torch device that a :class:`~sparsedistill.StudentConfig` names.

    Raises:
        InputError: torch cannot use it on this machine.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        return torch.empty(0, device=name).device
    except (RuntimeError, AssertionError) as error:
        raise InputError(f"torch cannot use the device {name!r} here: use 'cpu' or 'auto'.") from error


@dataclass(frozen=True)
class _Phase:
    """One training run: on soft targets, or on labels."""

    name: str
    description: str
    examples: Shards
    validation: Examples
    config: TrainingConfig


def _phases(targets: SoftTargets | None, material: Material, config: DistillationConfig) -> Iterator[_Phase]:
    validation = None if material.validation is None else _examples(material.validation)
    if targets is not None:
        soft = SoftExamples(targets, material.held_out())
        held_out = validation or soft.set_aside(config.validation_share, config.seed)
        yield _Phase("distillation", "Distilling", soft, held_out, config.training)
    if material.train is not None and validation is not None:
        last = config.training if targets is None else config.finetuning
        description = "Training on labels" if targets is None else "Fine-tuning"
        yield _Phase("labels", description, _examples(material.train), validation, last)


def _examples(labelled: Labelled) -> Examples:
    return Examples(
        labelled.texts, text_pair=labelled.text_pair, labels=labelled.labels, weights=labelled.weights
    )
