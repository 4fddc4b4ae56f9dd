"""The linear part of a student: a linear model on the same n-grams, in the same table."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .._internal.linear_models import RIDGE_STRENGTHS, LinearModel, rows_within
from ..data.examples import Examples, examples_of
from ..data.labelled import Labelled, balanced_class_weights
from ..model.record import LinearRecord
from ..model.weights import StudentWeights
from ..student import Student
from ..training.config import ClassWeights
from ..training.linear import LinearFit, ngram_features, served_columns
from ..vocabulary.vocabulary import Vocabulary
from .blend import Blend
from .config import DistillationConfig
from .material import Material

logger = logging.getLogger(__package__)

# Bounds of memory and time. The work of a fit is the number of feature values in the training data times the
# number of classifiers: 1e7 take about 4 s on one core. With more labelled texts the network needs no help.
_MOST_VALUES = 40_000_000
_MOST_WORK = 200_000_000
_MOST_WORK_TO_CHOOSE = 10_000_000
_MOST_PARAMETERS = 500_000_000  # of the table, which is copied
#: Inverse regularisation strengths of logistic regression to choose from. Features that are means are shorter
#: in long texts, and call for larger ones than unit vectors.
_STRENGTHS = (4.0, 16.0, 64.0, 256.0, 1024.0)
_FEW_COLUMNS = 32  # a linear part with one column for this many of the network costs next to nothing
_BEND = 0.1  # largest input of the hidden units that pass the linear model on, where tanh is nearly straight


@dataclass(frozen=True)
class LinearPart:
    """How a linear model joins a student.

    Attributes:
        fit: How it is fitted.
        blend: What its outputs and those of the network are multiplied by.
        largest: The largest of its scores on the validation texts, by magnitude and without the bias.
        record: What it changed.
    """

    fit: LinearFit
    blend: Blend
    largest: float
    record: LinearRecord

    def again(self, vocabulary: Vocabulary, labelled: Labelled, config: DistillationConfig) -> LinearModel:
        """Fit the model to all labelled texts, as the validation data chose before.

        Args:
            vocabulary: The n-grams of a student of the same settings.
            labelled: Labelled texts.
            config: The settings.
        """
        features = ngram_features(vocabulary, labelled.texts, threads=config.threads)
        examples, strength = examples_of(labelled), self.record.strength
        return _fitted(self.fit, features, examples, strength, _MOST_WORK, config.seed)

    def beside(
        self,
        weights: StudentWeights,
        model: LinearModel,
        vocabulary: Vocabulary,
        part: slice = slice(None),
    ) -> StudentWeights:
        """Weights whose hidden layer passes the scores of the model on to the outputs, or to some."""
        outputs = self.fit.outputs()
        return weights.beside(
            served_columns(model, vocabulary),
            self.blend.network,
            self.blend.linear * outputs.T,
            self.blend.linear * (model.bias @ outputs) + np.float32(self.blend.constant),
            np.float32(_BEND / self.largest),
            part,
        )


def choose_linear_part(
    student: Student,
    material: Material,
    config: DistillationConfig,
    class_weights: ClassWeights | None,
) -> tuple[LinearPart, LinearModel] | None:
    """Fit a linear model that joins a student, if that helps on the validation data.

    The regularisation and the shares of network and linear model in the answer are chosen on the validation
    data. It helps if it lowers the loss by more than one standard error, or, where its columns are few beside
    those of the network and cost little, by more than chance. (Ratings of drugs, three held-out parts: 0.527
    with the first rule alone, 0.536 with both. The texts that decide are 250.)

    Args:
        student: A trained student, not calibrated.
        material: The labelled texts.
        config: The settings.
        class_weights: The weights of the classes.

    Returns:
        How the model joins the student, and the model; None if there are no labels, the texts are pairs, the
        job forbids it, there is too much to fit, or it does not help.
    """
    train, validation = material.train, material.validation
    weights = student.weights
    if train is None or validation is None or not _fits(student, config):
        return None
    examples, held = examples_of(train), examples_of(validation)
    if isinstance(class_weights, str):
        class_weights = balanced_class_weights(examples.targets, len(student.classes))
    fit = LinearFit(student.problem, len(student.classes), class_weights)
    features = ngram_features(student.vocabulary, train.texts, _MOST_VALUES, config.threads)
    held_features = ngram_features(student.vocabulary, validation.texts, _MOST_VALUES, config.threads)
    if features is None or held_features is None or features.nnz * fit.columns > _MOST_WORK:
        return None
    network = student.score(validation.texts, threads=config.threads).logits

    def tried(strength: float, most: int) -> tuple[LinearModel, Blend]:
        model = _fitted(fit, features, examples, strength, most, config.seed)
        outputs = model.scores(held_features) @ fit.outputs()
        return model, Blend.of(network, outputs, held, fit.weights(held), student.problem)

    strengths = RIDGE_STRENGTHS if student.problem == "regression" else _STRENGTHS
    best: tuple[float, LinearModel, Blend] | None = None
    for each in strengths:
        model, blend = tried(each, _MOST_WORK_TO_CHOOSE)
        if best is None or blend.loss < best[2].loss:
            best = each, model, blend
    assert best is not None  # noqa: S101 - there are strengths
    strength, model, blend = best
    if features.nnz * fit.columns > _MOST_WORK_TO_CHOOSE:
        model, blend = tried(strength, _MOST_WORK)
    # A useless model gains about 1 / n by chance: its share is fitted to the n texts that measure it.
    few = fit.columns * _FEW_COLUMNS <= weights.dim
    if blend.gain <= max(0.0 if few else blend.gain_error, 1 / len(held)):
        logger.info("A linear model on the same n-grams does not help the student.")
        return None
    before = blend.loss + blend.gain
    logger.info(
        f"Adding a linear model on the same n-grams: the loss on {len(held):,} validation texts falls from "
        f"{before:.4f} to {blend.loss:.4f}."
    )
    record = LinearRecord(strength, blend.network, blend.linear, len(held), before, blend.loss)
    largest = float(np.abs(held_features @ model.weights).max(initial=1e-6))
    return LinearPart(fit, blend, largest, record), model


def with_linear_part(student: Student, part: LinearPart, model: LinearModel) -> Student:
    """A student and a linear model that joins it."""
    weights = student.weights
    assert isinstance(weights, StudentWeights)  # noqa: S101 - see _fits
    joined = part.beside(weights, model, student.vocabulary)
    return replace(student, weights=joined, evaluation=replace(student.evaluation, linear=part.record))


def _fits(student: Student, config: DistillationConfig) -> bool:
    """Whether the job allows a linear part, and the table is small enough to be copied."""
    weights = student.weights
    if not config.student.linear or student.pair or not isinstance(weights, StudentWeights):
        return False
    return len(weights.table) * (weights.dim + len(student.classes)) <= _MOST_PARAMETERS


def _fitted(
    fit: LinearFit, features: Any, examples: Examples, strength: float, most: int, seed: int
) -> LinearModel:
    """A model that is fitted to a random part of the examples, if all are too much work."""
    used = rows_within(len(examples), features.nnz * fit.columns, most, seed)
    if len(used) < len(examples):
        features, examples = features[used], examples.take(used)
    return fit.fit(features, examples, strength)
