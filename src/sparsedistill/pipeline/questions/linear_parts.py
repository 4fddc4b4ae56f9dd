"""The linear parts of a student of several questions: one per head with labels that it helps."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace

from ..._internal.linear_models import LinearModel
from ...model.record import EvaluationRecord
from ...model.weights import StudentWeights
from ...multi_head import MultiHeadStudent
from ...training.network import HeadShape
from ..config import DistillationConfig
from ..linear_part import LinearPart, choose_linear_part
from .material import JointMaterial

logger = logging.getLogger(__package__)


def add_linear_parts(
    student: MultiHeadStudent,
    material: JointMaterial,
    shapes: Sequence[HeadShape],
    config: DistillationConfig,
) -> tuple[MultiHeadStudent, dict[str, LinearPart]]:
    """Add a linear model to each head that it helps, and return these heads' parts by name.

    See :func:`sparsedistill.pipeline.linear_part.choose_linear_part`.
    """
    found = {}
    for head, shape in zip(student.heads, shapes, strict=True):
        own = student.head(head.name)
        part = choose_linear_part(own, material.materials[head.name], config, shape.class_weights)
        if part is not None:
            logger.info(f"{head.name} has a linear part.")
            found[head.name] = part
    return _joined(student, material, found), {name: part for name, (part, _) in found.items()}


def add_again(
    student: MultiHeadStudent,
    material: JointMaterial,
    parts: Mapping[str, LinearPart],
    config: DistillationConfig,
) -> MultiHeadStudent:
    """Add linear models that are fitted to all labelled texts, as the validation data chose before."""
    models = {}
    for name, part in parts.items():
        labelled = material.materials[name].all_labelled()
        models[name] = part, part.again(student.vocabulary, labelled, config)
    return _joined(student, material, models)


def _joined(
    student: MultiHeadStudent,
    material: JointMaterial,
    models: Mapping[str, tuple[LinearPart, LinearModel]],
) -> MultiHeadStudent:
    weights, evaluations = student.weights, dict(student.evaluations)
    for head, outputs in zip(material.heads, material.parts, strict=True):
        if head.name not in models:
            continue
        part, model = models[head.name]
        assert isinstance(weights, StudentWeights)  # noqa: S101 - choose_linear_part has checked it
        weights = part.beside(weights, model, student.vocabulary, outputs)
        measured = evaluations.get(head.name, EvaluationRecord())
        evaluations[head.name] = replace(measured, linear=part.record)
    return replace(student, weights=weights, evaluations=evaluations)
