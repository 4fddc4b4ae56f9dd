"""Training of a job's student: on soft targets, then on labels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from .._internal.progress import Progress, no_progress
from .._internal.scale import scale_of_numbers
from ..data.examples import Examples, Shards, examples_of
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
from .curves import TrainingCurve
from .linear_part import LinearPart, choose_linear_part, with_linear_part
from .material import Material
from .members import mean_weights, members_of


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
    return fit_student(
        vocabulary,
        targets,
        material,
        config,
        word_init=word_init,
        checkpoint_dir=checkpoint_dir,
        progress=progress,
    ).student


@dataclass(frozen=True)
class FittedStudent:
    """A trained student, and what is needed to train it again on more texts.

    Attributes:
        student: The student, calibrated.
        until: For each of its networks, the share of the steps of the last phase after which the validation
            data chose the weights; 0 if training did not improve on the initial ones.
        scale: See :func:`scale_of`.
        linear: Its linear part, if it has one.
        curves: Its training runs, in their order.
    """

    student: Student
    until: tuple[float, ...]
    scale: tuple[float, float]
    linear: LinearPart | None = None
    curves: tuple[TrainingCurve, ...] = ()


def fit_student(
    vocabulary: Vocabulary,
    targets: SoftTargets | None,
    material: Material,
    config: DistillationConfig,
    *,
    word_init: WordInit | None = None,
    checkpoint_dir: str | Path | None = None,
    progress: Progress = no_progress,
) -> FittedStudent:
    """Train a student as :func:`train_student`, and return how it was trained too."""
    if targets is None and material.train is None:
        raise InputError("There is nothing to train on: give a teacher, labelled texts, or both.")
    if targets is not None and targets.classes != material.classes:
        raise InputError(
            f"The classes of the soft targets are {', '.join(targets.classes)} and those of the labels "
            f"{', '.join(material.classes)}: use the same classes in the same order."
        )
    check_foldable(vocabulary)
    scale = scale_of(targets, material)
    weights, until, validation = [], [], None
    curves: list[TrainingCurve] = []
    for member in members_of(config, checkpoint_dir):
        network = new_network(vocabulary, material, member.config, scale)
        if word_init is not None:
            rows = torch.from_numpy(word_init.rows).to(network.device)
            embeddings = torch.from_numpy(word_init.embeddings(config.student.dim)).to(network.device)
            network.table.weight[rows] = embeddings
        trained = train_phases(
            network,
            vocabulary,
            _phases(targets, material, member.config),
            checkpoint_dir=member.folder,
            which=member.which,
            progress=progress,
        )
        weights.append(served_weights(network, vocabulary))
        validation = None if trained is None else trained.validation
        until.append(0.0 if trained is None else trained.share)
        curves += () if trained is None else trained.curves
    student = student_of(mean_weights(weights, until, pair=material.pair), vocabulary, material)
    if validation is None:
        return FittedStudent(student, tuple(until), scale, curves=tuple(curves))
    linear = choose_linear_part(student, material, config, config.training.class_weights)
    if linear is not None:
        student = with_linear_part(student, *linear)
    if config.calibrate:
        student = calibrate(student, validation, threads=config.threads)
    part = None if linear is None else linear[0]
    return FittedStudent(student, tuple(until), scale, part, tuple(curves))


def new_network(
    vocabulary: Vocabulary, material: Material, config: DistillationConfig, scale: tuple[float, float]
) -> StudentNetwork:
    """An untrained network for a vocabulary. See :func:`network_config`."""
    device = training_device(config.student.device)
    return StudentNetwork(network_config(len(vocabulary), material, config, scale), device)


def student_of(weights: StudentWeights, vocabulary: Vocabulary, material: Material) -> Student:
    """The student of trained weights."""
    return Student(vocabulary, weights, material.classes, material.problem, material.pair)


def served_weights(network: StudentNetwork, vocabulary: Vocabulary) -> StudentWeights:
    """The weights of a trained network, with the characters folded into their words."""
    trained = network.served()
    trained["table"] = fold_characters(trained["table"], vocabulary)
    return StudentWeights.from_arrays({name: array.cpu().numpy() for name, array in trained.items()})


def train_network(
    network: StudentNetwork,
    vocabulary: Vocabulary,
    targets: SoftTargets | None,
    material: Material,
    config: DistillationConfig,
    *,
    checkpoint_dir: str | Path | None = None,
    progress: Progress = no_progress,
) -> TrainedPhases | None:
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
        How it was trained; None if there was nothing to train on.

    Raises:
        InputError: As :func:`sparsedistill.training.trainer.train`.
    """
    phases = _phases(targets, material, config.seeded())
    return train_phases(network, vocabulary, phases, checkpoint_dir=checkpoint_dir, progress=progress)


@dataclass(frozen=True)
class TrainedPhases:
    """How a network was trained.

    Attributes:
        validation: The validation data of the last phase.
        share: Share of the steps of the last phase after which they chose the weights.
        curves: The phases.
    """

    validation: Examples
    share: float
    curves: tuple[TrainingCurve, ...]


def train_phases(
    network: StudentNetwork,
    vocabulary: Vocabulary,
    phases: Iterable[Phase],
    *,
    checkpoint_dir: str | Path | None = None,
    which: str = "",
    progress: Progress = no_progress,
) -> TrainedPhases | None:
    """Train a network in phases, one after the other. See :func:`train_network`.

    `which` tells the network from others of the same student in progress bars.
    """
    last, curves = None, []
    for phase in phases:
        result = train(
            network,
            vocabulary,
            phase.examples,
            phase.validation,
            phase.config,
            checkpoint_dir=None if checkpoint_dir is None else Path(checkpoint_dir) / phase.name,
            description=phase.description + which,
            progress=progress,
        )
        name = phase.description + which
        curves.append(TrainingCurve(name, result.metric, result.best_step, result.history))
        share = result.best_step / phase.config.length(sum(phase.examples.sizes))
        last = TrainedPhases(phase.validation, share, tuple(curves))
    return last


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
        student_shape(config.student),
        rows=rows,
        classes=len(material.classes),
        pair=material.pair,
        problem=material.problem,
        mean=scale[0],
        deviation=scale[1],
        seed=config.training.seed,
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
    shape = student_shape(config)
    table_class(shape.table, shape.dim, training_device(config.device))


def student_shape(config: StudentConfig) -> NetworkConfig:
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
class Phase:
    """One training run, on soft targets or on labels; `name` is that of its checkpoint directory."""

    name: str
    description: str
    examples: Shards
    validation: Examples
    config: TrainingConfig


def _phases(targets: SoftTargets | None, material: Material, config: DistillationConfig) -> Iterator[Phase]:
    validation = None if material.validation is None else examples_of(material.validation)
    if targets is not None:
        soft = SoftExamples(targets, material.held_out())
        held_out = validation or soft.set_aside(config.validation_share, config.seed)
        yield Phase("distillation", "Distilling", soft, held_out, config.training)
    if material.train is not None and validation is not None:
        last = config.training if targets is None else config.finetuning
        description = "Training on labels" if targets is None else "Fine-tuning"
        yield Phase("labels", description, examples_of(material.train), validation, last)
