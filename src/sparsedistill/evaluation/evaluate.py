"""How good a student is, how much of its teacher's quality it retains, and what simpler models reach."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from ..data.labelled import Labelled
from ..errors import InputError
from ..labeling.scorer import Scorer
from ..model.predictions import Predictions
from ..model.record import BaselineRecord, EvaluationRecord, GroupRecord, Quality, ReliabilityBin
from ..model.student_model import StudentModel
from .advice import group_warnings, warnings_of
from .baselines import FittedBaseline, constant_of
from .comparison import Answers
from .deferral import DeferralCurve
from .groups import groups_below, measure_groups
from .metrics import METRICS
from .reliability import reliability

logger = logging.getLogger(__package__)

_MIN_SECONDS = 0.5  # a student is timed on repeated calls until they have taken this long

#: The name of a student that is trained on the labels alone, among the baselines.
LABELS_ALONE = "labels_alone"
_LINEAR = "tfidf"
_CONSTANT = ("majority", "mean")


@dataclass(frozen=True)
class Evaluation:
    """Quality of a student, its compact form, its teacher and baselines on the same labelled texts.

    Attributes:
        texts: Number of texts.
        metric: What retention is of: ``"accuracy"``, ``"macro_f1"`` for multi-label, or ``"spearman"``.
        threads: Threads that the students were timed on.
        coverage: Mean share of a text's tokens that the student's vocabulary knows.
        student: The student's quality.
        teacher: The teacher's quality, if it was measured.
        compact: The compact student's quality, if there is one.
        deferral: Quality of student and teacher together, if the teacher was measured.
        baselines: The baselines by name, in the order of tables.
        warnings: What is wrong with these figures and what to do, one sentence each.
        by: Column of the groups, if there are groups.
        groups: The groups of texts, worst first.
        threshold: Labels of at least this number were to be found.
        reliability: The student's answers by their confidence; None for a regression.
    """

    texts: int
    metric: str
    threads: int
    coverage: float
    student: Quality
    teacher: Quality | None = None
    compact: Quality | None = None
    deferral: DeferralCurve | None = None
    baselines: dict[str, BaselineRecord] | None = None
    warnings: list[str] | None = None
    by: str | None = None
    groups: list[GroupRecord] | None = None
    threshold: float | None = None
    reliability: list[ReliabilityBin] | None = None

    def record(self, base: EvaluationRecord | None = None) -> EvaluationRecord:
        """The figures as ``config.json`` and the model card hold them.

        Args:
            base: Supplies what an evaluation does not measure (calibration, compression, left-out texts). Its
                other figures are replaced, also where this evaluation has none: they are of other texts.
        """
        figures = {field.name: getattr(self, field.name) for field in fields(self)}
        deferral = None if self.deferral is None else self.deferral.record()
        return replace(base or EvaluationRecord(), **(figures | {"deferral": deferral}))


def evaluate(
    student: StudentModel,
    labelled: Labelled,
    teacher: Scorer | NDArray[np.float32] | None = None,
    *,
    compact: StudentModel | None = None,
    baselines: Sequence[FittedBaseline] = (),
    by: str = "group",
    threads: int = 1,
    threshold: float | None = None,
) -> Evaluation:
    """Compare `student` with the labels, with its teacher and with baselines.

    The warnings of the evaluation are logged too.

    Args:
        student: The student.
        labelled: n texts with labels. The classes are those of the student. With groups, each is measured.
        teacher: A function that returns the teacher's logits for texts, or its logits of these texts,
            float32 (n, classes).
        compact: The compact form of the student, to be measured too.
        baselines: Baselines, fitted to other texts: see :func:`~sparsedistill.evaluation.fit_baselines`.
            Without a majority class (or a mean) among them, that of `labelled` is shown.
        by: What the groups of `labelled` are, such as ``"language"``.
        threads: Threads that the students are timed on. The default, 1, gives the rate per core.
        threshold: For a regression: also measure how well texts with a label of at least this number are
            found (ROC AUC, and F1 of the texts with a number of at least it).

    Raises:
        InputError: The classes of the data or of `compact` differ from the student's, or the teacher's
            logits have the wrong shape.
    """
    _check_classes(student, labelled, compact)
    if threshold is not None and student.problem != "regression":
        raise InputError("The student predicts classes and a threshold was given: leave it out.")
    if all(baseline.name not in _CONSTANT for baseline in baselines):
        baselines = [constant_of(labelled), *baselines]
    predictions, rate = _timed(student, labelled, threads)
    answers = {
        baseline.name: Answers.of(baseline.title, baseline.predict(labelled), labelled, threshold=threshold)
        for baseline in baselines
    }
    deferral = None
    if teacher is not None:
        logits, teacher_rate = _teacher_logits(teacher, labelled, predictions.logits.shape)
        answers["teacher"] = Answers.of("teacher", logits, labelled, teacher_rate, threshold)
        if student.problem != "regression" or threshold is not None:
            deferral = DeferralCurve.of(
                predictions.logits, logits, labelled.labels, problem=labelled.problem, decision=threshold
            )
    answers["student"] = Answers.of("student", predictions.logits, labelled, rate, threshold)
    if compact is not None:
        served, compact_rate = _timed(compact, labelled, threads)
        answers["compact"] = Answers.of("compact", served.logits, labelled, compact_rate, threshold)
    qualities = _compared(answers, {"student": student, "compact": compact})
    groups, warnings = _groups(answers, labelled, predictions.coverage, by)
    warnings = [*warnings_of(answers, labelled), *warnings]
    for warning in warnings:
        logger.warning(warning)
    return Evaluation(
        texts=len(labelled),
        metric=METRICS[labelled.problem],
        threads=threads,
        coverage=float(predictions.coverage.mean()),
        student=qualities["student"],
        teacher=qualities.get("teacher"),
        compact=qualities.get("compact"),
        deferral=deferral,
        baselines={
            one.name: BaselineRecord(one.title, qualities[one.name], one.settings, one.note)
            for one in baselines
        },
        warnings=warnings or None,
        by=None if groups is None else by,
        groups=groups,
        threshold=threshold,
        reliability=reliability(predictions.logits, labelled),
    )


def _compared(
    answers: Mapping[str, Answers], students: Mapping[str, StudentModel | None]
) -> dict[str, Quality]:
    """The figures of all classifiers, those of students compared with the teacher.

    Args:
        answers: Answers by name.
        students: Students by name, for their sizes.
    """
    qualities = {name: one.quality for name, one in answers.items()}
    teacher, linear = answers.get("teacher"), answers.get(_LINEAR)
    for name in (LABELS_ALONE, *students):
        if name in answers:
            qualities[name] = answers[name].compared(teacher, linear).quality
    for name, student in students.items():
        if student is not None:
            qualities[name] = replace(qualities[name], megabytes=student.nbytes / 1e6)
    return qualities


def _groups(
    answers: Mapping[str, Answers], labelled: Labelled, coverage: NDArray[np.float32], by: str
) -> tuple[list[GroupRecord] | None, list[str]]:
    """The groups of the texts, if they have any, and warnings about them."""
    if labelled.groups is None:
        return None, []
    groups = measure_groups(labelled.groups, answers, coverage)
    linear = answers.get(_LINEAR)
    if linear is None:
        return groups, []
    below = groups_below(labelled.groups, answers["student"], linear)
    return groups, group_warnings(groups, below, by, linear.title)


def _check_classes(student: StudentModel, labelled: Labelled, compact: StudentModel | None) -> None:
    if labelled.problem != student.problem:
        raise InputError(
            f"The labels are of {labelled.problem} and the student's problem is {student.problem}: read the "
            "labels for the student."
        )
    if labelled.classes != student.classes:
        raise InputError(
            f"The data has the classes {', '.join(labelled.classes)}, but the student has "
            f"{', '.join(student.classes)}: use the same classes in the same order."
        )
    if compact is not None and compact.classes != student.classes:
        raise InputError(
            f"The compact student has the classes {', '.join(compact.classes)}, but the student has "
            f"{', '.join(student.classes)}: pass the compact form of this student."
        )


def _timed(student: StudentModel, labelled: Labelled, threads: int) -> tuple[Predictions, float]:
    """The student's predictions, and its texts per second: the median over repeated calls."""
    times: list[float] = []
    while not times or sum(times) < _MIN_SECONDS:
        started = perf_counter()
        predictions = student.score(labelled.texts, labelled.text_pair, threads=threads)
        times.append(perf_counter() - started)
    return predictions, len(labelled) / float(np.median(times))


def _teacher_logits(
    teacher: Scorer | NDArray[np.float32], labelled: Labelled, shape: tuple[int, ...]
) -> tuple[NDArray[np.float32], float | None]:
    """The teacher's logits, of the given shape, and its texts per second; None if they were passed in."""
    logits, rate = teacher, None
    if not isinstance(logits, np.ndarray):
        started = perf_counter()
        logits = logits(labelled.texts, labelled.text_pair)
        rate = len(labelled) / (perf_counter() - started)
    if logits.shape != shape:
        raise InputError(
            f"The teacher's logits have shape {logits.shape}, not {shape}: use a teacher with the student's "
            "classes."
        )
    return logits, rate
