"""How good a student is, and how much of its teacher it has kept."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data.labelled import Labelled
from ..errors import InputError
from ..labeling.scorer import Scorer
from ..model.predictions import probabilities
from ..model.record import EvaluationRecord, Quality
from ..model.student_model import StudentModel
from .deferral import DeferralCurve

Labels = NDArray[np.int64] | NDArray[np.float32]

_ECE_BINS = 15
_LONG_ENOUGH = 0.5  # seconds of work that a rate is taken from, at least


@dataclass(frozen=True)
class Evaluation:
    """Students and their teacher on the same labelled texts.

    Attributes:
        texts: Number of texts.
        metric: What retention is of: ``"accuracy"``, or ``"macro_f1"`` for multi-label.
        threads: Threads that the students were timed on.
        coverage: Mean share of a text's tokens that the student's vocabulary knows.
        student: The student's quality.
        teacher: The teacher's quality, if it was measured.
        compact: The compact student's quality, if there is one.
        deferral: Student and teacher together, by the share of texts that the teacher scores.
    """

    texts: int
    metric: str
    threads: int
    coverage: float
    student: Quality
    teacher: Quality | None = None
    compact: Quality | None = None
    deferral: DeferralCurve | None = None

    def record(self, base: EvaluationRecord | None = None) -> EvaluationRecord:
        """The figures for ``config.json`` and the model card, added to those of `base`."""
        deferral = None if self.deferral is None else self.deferral.record()
        figures = {field.name: getattr(self, field.name) for field in fields(self)}
        return replace(base or EvaluationRecord(), **(figures | {"deferral": deferral}))


def evaluate(
    student: StudentModel,
    labelled: Labelled,
    teacher: Scorer | NDArray[np.float32] | None = None,
    *,
    compact: StudentModel | None = None,
    threads: int = 1,
) -> Evaluation:
    """Compare `student` with the right labels and with its teacher.

    Args:
        student: The student.
        labelled: n texts with labels, of the student's classes.
        teacher: A function that scores texts as the teacher does, or the teacher's logits (n, classes).
        compact: The student's compact form, to measure next to it.
        threads: Threads that the students are timed on. The default, 1, gives the rate per core.

    Raises:
        InputError: The classes are not the student's, or the teacher's logits have another shape.
    """
    if labelled.classes != student.classes:
        raise InputError(
            f"The labels are {', '.join(labelled.classes)} and the student's classes "
            f"{', '.join(student.classes)}: evaluate on the same classes in the same order."
        )
    metric = "macro_f1" if student.multi_label else "accuracy"
    predictions, seconds = _timed_student(student, labelled, threads)
    target = None
    deferral = None
    if teacher is not None:
        logits, rate = _timed_teacher(teacher, labelled)
        if logits.shape != predictions.logits.shape:
            raise InputError(
                f"The teacher's logits have shape {logits.shape}, not {predictions.logits.shape}: use a "
                "teacher with the student's classes."
            )
        target = _Target(logits, measure(logits, labelled.labels, rate), metric)
        deferral = DeferralCurve.of(
            predictions.logits, logits, labelled.labels, multi_label=labelled.multi_label
        )
    quality = _student_quality(student, predictions.logits, labelled, seconds, target)
    compact_quality = None
    if compact is not None:
        served, compact_seconds = _timed_student(compact, labelled, threads)
        compact_quality = _student_quality(compact, served.logits, labelled, compact_seconds, target)
    return Evaluation(
        texts=len(labelled),
        metric=metric,
        threads=threads,
        coverage=float(predictions.coverage.mean()),
        student=quality,
        teacher=None if target is None else target.quality,
        compact=compact_quality,
        deferral=deferral,
    )


@dataclass(frozen=True)
class _Target:
    """What students are compared with: the teacher's logits and quality."""

    logits: NDArray[np.float32]
    quality: Quality
    metric: str


def _student_quality(
    student: StudentModel,
    logits: NDArray[np.float32],
    labelled: Labelled,
    seconds: float,
    target: _Target | None,
) -> Quality:
    quality = measure(logits, labelled.labels, len(labelled) / seconds)
    quality = replace(quality, megabytes=student.nbytes / 1e6)
    if target is None:
        return quality
    kept, whole = getattr(quality, target.metric), getattr(target.quality, target.metric)
    same = decide(target.logits, labelled.multi_label) == decide(logits, labelled.multi_label)
    agreement = float(same.all(axis=1).mean() if labelled.multi_label else same.mean())
    return replace(quality, retention=kept / whole if whole else None, agreement=agreement)


def decide(logits: NDArray[np.float32], multi_label: bool) -> NDArray[Any]:
    """Class indices int64 (n,), or for multi-label bool (n, classes)."""
    return logits >= 0 if multi_label else logits.argmax(axis=1)


def measure(logits: NDArray[np.float32], labels: Labels, texts_per_second: float | None) -> Quality:
    """Quality of n answers.

    Args:
        logits: (n, classes).
        labels: int64 (n,) of class indices, or float32 (n, classes) of 0 and 1 for multi-label.
        texts_per_second: The rate at which they were given, if they were timed.
    """
    multi_label = labels.ndim == 2
    shares = probabilities(logits, multi_label=multi_label).astype(np.float64)
    right = labels.astype(bool) if multi_label else np.eye(shares.shape[1], dtype=bool)[labels.astype(int)]
    decided = decide(logits, multi_label)
    chosen = decided if multi_label else np.eye(shares.shape[1], dtype=bool)[decided]
    return Quality(
        accuracy=float((chosen == right).all(axis=1).mean()),
        macro_f1=_macro_f1(chosen, right),
        log_loss=_log_loss(shares, right, multi_label),
        ece=calibration_error(*_confidences(shares, chosen, right, multi_label)),
        texts_per_second=texts_per_second,
    )


def _timed_student(student: StudentModel, labelled: Labelled, threads: int) -> tuple[Any, float]:
    """The student's predictions and the seconds that they take, from as many rounds as tell."""
    times: list[float] = []
    while not times or sum(times) < _LONG_ENOUGH:
        started = perf_counter()
        predictions = student.score(labelled.texts, labelled.text_pair, threads=threads)
        times.append(perf_counter() - started)
    return predictions, float(np.median(times))


def _timed_teacher(
    teacher: Scorer | NDArray[np.float32], labelled: Labelled
) -> tuple[NDArray[np.float32], float | None]:
    """The teacher's logits and its texts a second; None where it has spoken before."""
    if isinstance(teacher, np.ndarray):
        return teacher, None
    started = perf_counter()
    logits = teacher(labelled.texts, labelled.text_pair)
    return logits, len(labelled) / (perf_counter() - started)


def _macro_f1(chosen: NDArray[np.bool_], right: NDArray[np.bool_]) -> float:
    both = (chosen & right).sum(axis=0)
    either = chosen.sum(axis=0) + right.sum(axis=0)
    return float(np.mean(2 * both / np.maximum(either, 1)))


def _log_loss(shares: NDArray[np.float64], right: NDArray[np.bool_], multi_label: bool) -> float:
    least = np.finfo(np.float32).tiny
    if multi_label:
        return float(-np.log(np.maximum(np.where(right, shares, 1 - shares), least)).mean())
    return float(-np.log(np.maximum(shares[right], least)).mean())


def _confidences(
    shares: NDArray[np.float64], chosen: NDArray[np.bool_], right: NDArray[np.bool_], multi_label: bool
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """What was believed of each answer, and whether it came true."""
    if multi_label:
        return shares.ravel(), right.ravel()
    return shares[chosen], right[chosen]


def calibration_error(
    confidence: NDArray[np.float64], true: NDArray[Any], weights: NDArray[Any] | None = None
) -> float:
    """Expected calibration error over 15 equal bins: the mean gap between belief and truth.

    Args:
        confidence: (n,), what was believed of each answer, from 0 to 1.
        true: (n,), whether it came true, or the probability that it did.
        weights: (n,), how much each counts; 1 by default.
    """
    weights = np.ones(len(confidence)) if weights is None else weights.astype(np.float64)
    bins = np.minimum((confidence * _ECE_BINS).astype(int), _ECE_BINS - 1)
    believed = np.bincount(bins, confidence * weights, _ECE_BINS)
    came_true = np.bincount(bins, true * weights, _ECE_BINS)
    return float(np.abs(believed - came_true).sum() / weights.sum())
