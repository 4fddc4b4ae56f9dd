"""Training of a student of several questions: on the soft targets of all teachers, then on all labels."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..._internal.progress import Progress, no_progress
from ...data.examples import Examples, examples_of
from ...data.identity import identities, not_held_out
from ...data.labelled import balanced_class_weights
from ...errors import InputError
from ...evaluation.calibration import calibrate
from ...labeling.joint_examples import JointExamples, JointTargets
from ...labeling.soft_targets import SoftTargets
from ...model.heads import Head
from ...model.weights import StudentWeights
from ...multi_head import MultiHeadStudent
from ...training.config import ClassWeights
from ...training.folding import check_foldable
from ...training.network import HeadShape, NetworkConfig, StudentNetwork
from ...training.scoring import score_texts
from ...vocabulary.vocabulary import Vocabulary
from ..config import DistillationConfig
from ..curves import TrainingCurve
from ..linear_part import LinearPart
from ..material import Material
from ..members import mean_weights, members_of
from ..student_training import (
    Phase,
    scale_of,
    served_weights,
    student_shape,
    train_phases,
    training_device,
)
from .linear_parts import add_linear_parts
from .material import JointMaterial, JointTexts

#: Share of the labelled texts among the examples of soft targets, if a head learns from labels alone. Reading
#: ease of 1,500 passages (CLEAR) among 8,000 film reviews, 800 steps: Spearman 0.658 without repetition,
#: 0.680 at 0.25 and 0.690 at 0.5; 0.692 alone. The head with a teacher did not lose at 0.5.
LABELLED_SHARE = 0.5


@dataclass(frozen=True)
class JointTraining:
    """What a student of several questions is trained on.

    Attributes:
        material: The labelled texts.
        labellings: The soft targets of the questions with a teacher.
        shapes: The outputs of each head, with the scale of the numbers of a regression and the weights of the
            classes.
        unscored: Heads whose soft targets are of the unlabelled texts alone.
    """

    material: JointMaterial
    labellings: Mapping[str, SoftTargets]
    shapes: tuple[HeadShape, ...]
    unscored: frozenset[str] = frozenset()

    @classmethod
    def of(
        cls,
        material: JointMaterial,
        labellings: Mapping[str, SoftTargets],
        class_weights: Mapping[str, ClassWeights] | None = None,
        unscored: Collection[str] = (),
    ) -> JointTraining:
        """Measure the scale of the heads, and the weights of their classes.

        Args:
            material: See the attributes.
            labellings: See there.
            class_weights: The weights of the classes of labels by question, if they are not 1.
            unscored: See there.

        Raises:
            InputError: A question has nothing to learn from, its teacher has other classes than its labels,
                all its numbers are the same, or the weights are not as many as the classes.
        """
        shapes = []
        for head in material.heads:
            targets, own = labellings.get(head.name), material.materials[head.name]
            if targets is None and own.train is None:
                raise InputError(f"{head.name} has nothing to learn from: give a teacher or labelled texts.")
            if targets is not None and targets.classes != head.classes:
                raise InputError(
                    f"The classes of the soft targets of {head.name} are {', '.join(targets.classes)} and "
                    f"those of the labels {', '.join(head.classes)}: use the same classes in the same order."
                )
            weights = _class_weights(head, own, (class_weights or {}).get(head.name))
            shapes.append(HeadShape(head.problem, len(head.classes), *scale_of(targets, own), weights))
        return cls(material, labellings, tuple(shapes), frozenset(unscored))

    def network_config(self, rows: int, config: DistillationConfig) -> NetworkConfig:
        """The shape of a network with `rows` n-grams."""
        return replace(
            student_shape(config.student),
            rows=rows,
            classes=sum(shape.classes for shape in self.shapes),
            heads=self.shapes,
            pair=self.material.pair,
            seed=config.training.seed,
        )

    def soft_examples(self) -> JointExamples | None:
        """The soft targets, and the labels where there are none; None without teachers."""
        if not self.labellings:
            return None
        material = self.material
        labelled = None if material.train is None else material.train.examples()
        return JointExamples(
            self.labellings, material.names, material.parts, material.held_out, labelled, self.unscored
        )

    def repeat_labels(self, soft: JointExamples) -> None:
        """Repeat the labelled texts among the soft targets if a head learns from labels alone."""
        if len(self.labellings) < len(self.material.heads):
            soft.repeat_last(LABELLED_SHARE)

    def validation(self, aside: Examples | None) -> Examples | None:
        """Held-out labels, and held-out soft targets of the questions that have no held-out labels."""
        held = self.material.validation
        if held is None or aside is None:
            return aside if held is None else held.examples()
        missing = ~held.targets.weights.any(axis=0)
        if not missing.any():
            return held.examples()
        soft = Examples(
            aside.texts,
            text_pair=aside.text_pair,
            logits=aside.targets,
            weights=aside.weights * missing.astype(np.float32),
        )
        return Examples.join([held.examples(), soft])

    def phases(self, config: DistillationConfig) -> JointPhases:
        """What each training run reads, with the soft targets that are held out."""
        material = self.material
        soft, aside = self.soft_examples(), None
        if soft is not None and not all(one.validation for one in material.materials.values()):
            aside = soft.set_aside(config.validation_share, config.seed)
        if soft is not None:
            self.repeat_labels(soft)
        held_out = self.validation(aside)
        assert held_out is not None  # noqa: S101 - each question has a teacher or labels
        return JointPhases(self, soft, aside, held_out)


@dataclass(frozen=True)
class JointPhases:
    """The training runs of a student of several questions.

    Attributes:
        training: What it is trained on.
        soft: The soft targets, and the labels where there are none.
        aside: The soft targets that are held out for heads without held-out labels.
        held_out: The validation data.
    """

    training: JointTraining
    soft: JointExamples | None
    aside: Examples | None
    held_out: Examples

    def runs(
        self, network: StudentNetwork, vocabulary: Vocabulary, config: DistillationConfig
    ) -> Iterator[Phase]:
        """The runs of a network; ask for the next one when it has been trained by the last."""
        material = self.training.material
        plain = without_class_weights(config)
        if self.soft is not None:
            yield Phase("distillation", "Distilling", self.soft, self.held_out, plain.training)
        if material.train is not None:
            last = plain.training if self.soft is None else plain.finetuning
            description = "Training on labels" if self.soft is None else "Fine-tuning"
            examples = self._labelled(material.train, network, vocabulary, config)
            yield Phase("labels", description, examples, self.held_out, last)

    def _labelled(
        self,
        labelled: JointTexts,
        network: StudentNetwork,
        vocabulary: Vocabulary,
        config: DistillationConfig,
    ) -> Examples:
        """The training texts with their labels, and where there are none with what the teachers say.

        Otherwise the answers to questions without labels would drift while the others are fine-tuned. For a
        teacher whose scores are in files, the student answers as it was distilled.
        """
        if self.soft is None:
            return labelled.examples()
        parts, unscored = self.training.material.parts, self.training.unscored
        targets = labelled.targets.or_else(self.soft.of_labelled(), parts)
        if unscored:
            logits = score_texts(
                network, vocabulary, labelled.texts, labelled.text_pair, threads=config.threads
            )
            known = [float(name in unscored) for name in self.training.material.names]
            own = JointTargets(logits, np.tile(np.array(known, np.float32), (len(logits), 1)))
            targets = targets.or_else(own, parts)
        examples = labelled.examples(targets)
        if self.aside is None:
            return examples
        held_out = identities(self.aside.texts, self.aside.text_pair)
        kept = not_held_out(labelled.texts, labelled.text_pair, held_out)
        return examples.take(kept) if len(kept) else examples


@dataclass(frozen=True)
class FittedHeads:
    """A trained student of several questions, and what is needed to train it again on more texts.

    Attributes:
        student: The student, calibrated.
        until: For each of its networks, the share of the steps of the last phase after which the validation
            data chose the weights; 0 if training did not improve on the initial ones.
        linear: The linear parts of its heads.
        curves: Its training runs, in their order.
    """

    student: MultiHeadStudent
    until: tuple[float, ...]
    linear: Mapping[str, LinearPart]
    curves: tuple[TrainingCurve, ...] = ()


def fit_joint_student(
    vocabulary: Vocabulary,
    training: JointTraining,
    config: DistillationConfig,
    *,
    checkpoint_dir: str | Path | None = None,
    progress: Progress = no_progress,
) -> FittedHeads:
    """Train a student of several questions, and calibrate each head.

    Args:
        vocabulary: The student's n-grams.
        training: What it is trained on.
        config: The settings.
        checkpoint_dir: Directory for checkpoints, from which an interrupted training resumes.
        progress: Shows the progress.

    Raises:
        InputError: The device or the table cannot be used, or the checkpoints belong to another training.
    """
    check_foldable(vocabulary)
    phases = training.phases(config)
    weights, until = [], []
    curves: list[TrainingCurve] = []
    for member in members_of(config, checkpoint_dir):
        network = joint_network(vocabulary, training, member.config)
        trained = train_phases(
            network,
            vocabulary,
            phases.runs(network, vocabulary, member.config),
            checkpoint_dir=member.folder,
            which=member.which,
            progress=progress,
        )
        assert trained is not None  # noqa: S101 - each question has a teacher or labels
        weights.append(served_weights(network, vocabulary))
        until.append(trained.share)
        curves += trained.curves
    together = mean_weights(weights, until, pair=training.material.pair)
    student = student_of_heads(together, vocabulary, training.material)
    student, linear = add_linear_parts(student, training.material, training.shapes, config)
    if config.calibrate:
        student = _calibrated(student, training.material, phases.aside, config)
    return FittedHeads(student, tuple(until), linear, tuple(curves))


def joint_network(
    vocabulary: Vocabulary, training: JointTraining, config: DistillationConfig
) -> StudentNetwork:
    """An untrained network for a vocabulary."""
    device = training_device(config.student.device)
    return StudentNetwork(training.network_config(len(vocabulary), config), device)


def student_of_heads(
    weights: StudentWeights, vocabulary: Vocabulary, material: JointMaterial
) -> MultiHeadStudent:
    """The student of trained weights."""
    return MultiHeadStudent(vocabulary, weights, material.heads, material.pair)


def _class_weights(head: Head, own: Material, given: ClassWeights | None) -> tuple[float, ...] | None:
    """The weight of each class of a head; None without weights.

    Raises:
        InputError: There are no labels, the weights are of numbers, or not as many as the classes.
    """
    if given is None:
        return None
    if own.train is None:
        raise InputError(f"{head.name} has class_weights and no labels, which they apply to: leave them out.")
    if head.problem == "regression":
        raise InputError(f"{head.name} has class_weights and predicts numbers: leave them out.")
    if isinstance(given, str):
        return balanced_class_weights(own.train.labels, len(head.classes))
    if len(given) != len(head.classes):
        raise InputError(
            f"{head.name} has {len(given)} class_weights and {len(head.classes)} classes: give one per class."
        )
    return given


def without_class_weights(config: DistillationConfig) -> DistillationConfig:
    """The settings of runs whose class weights are those of the heads."""
    training, finetuning = (
        replace(phase, class_weights=None) for phase in (config.training, config.finetuning)
    )
    return replace(config, training=training, finetuning=finetuning)


def _calibrated(
    student: MultiHeadStudent, material: JointMaterial, aside: Examples | None, config: DistillationConfig
) -> MultiHeadStudent:
    """The student with each head calibrated on its held-out labels, or else on held-out soft targets."""
    heads = {}
    for head, part in zip(material.heads, material.parts, strict=True):
        own, held = student.head(head.name), material.materials[head.name].validation
        examples = None if held is None else examples_of(held)
        if examples is None and aside is not None:
            examples = Examples(aside.texts, text_pair=aside.text_pair, logits=aside.targets[:, part])
        heads[head.name] = own if examples is None else calibrate(own, examples, threads=config.threads)
    return MultiHeadStudent.joined(heads)
