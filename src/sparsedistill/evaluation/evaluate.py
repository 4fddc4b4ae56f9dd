"""How good a student is, and how much of its teacher's quality it retains."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from ..data.labelled import Labelled
from ..errors import InputError
from ..labeling.scorer import Scorer
from ..model.predictions import Predictions
from ..model.record import EvaluationRecord, Quality
from ..model.student_model import StudentModel
from .deferral import DeferralCurve
from .metrics import decide, measure

_MIN_SECONDS = 0.5  # a student is timed on repeated calls until they have taken this long


@dataclass(frozen=True)
class Evaluation:
    """Quality of a student, its compact form and its teacher on the same labelled texts.

    Attributes:
        texts: Number of texts.
        metric: What retention is of: ``"accuracy"``, or ``"macro_f1"`` for multi-label.
        threads: Threads that the students were timed on.
        coverage: Mean share of a text's tokens that the student's vocabulary knows.
        student: The student's quality.
        teacher: The teacher's quality, if it was measured.
        compact: The compact student's quality, if there is one.
        deferral: Quality of student and teacher together, if the teacher was measured.
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
    threads: int = 1,
) -> Evaluation:
    """Compare `student` with the labels and with its teacher.

    Args:
        student: The student.
        labelled: n texts with labels. The classes are those of the student.
        teacher: A function that returns the teacher's logits for texts, or its logits of these texts,
            float32 (n, classes).
        compact: The compact form of the student, to be measured too.
        threads: Threads that the students are timed on. The default, 1, gives the rate per core.

    Raises:
        InputError: The classes of the data or of `compact` differ from the student's, or the teacher's
            logits have the wrong shape.
    """
    _check_classes(student, labelled, compact)
    predictions, seconds = _timed(student, labelled, threads)
    reference = None
    deferral = None
    if teacher is not None:
        logits, rate = _teacher_logits(teacher, labelled)
        if logits.shape != predictions.logits.shape:
            raise InputError(
                f"The teacher's logits have shape {logits.shape}, not {predictions.logits.shape}: use a "
                "teacher with the student's classes."
            )
        reference = _Reference(logits, measure(logits, labelled.labels, rate))
        deferral = DeferralCurve.of(
            predictions.logits, logits, labelled.labels, multi_label=labelled.multi_label
        )
    metric = "macro_f1" if student.multi_label else "accuracy"
    quality = _student_quality(student, predictions.logits, labelled, seconds, reference, metric)
    compact_quality = None
    if compact is not None:
        served, compact_seconds = _timed(compact, labelled, threads)
        compact_quality = _student_quality(
            compact, served.logits, labelled, compact_seconds, reference, metric
        )
    return Evaluation(
        texts=len(labelled),
        metric=metric,
        threads=threads,
        coverage=float(predictions.coverage.mean()),
        student=quality,
        teacher=None if reference is None else reference.quality,
        compact=compact_quality,
        deferral=deferral,
    )


@dataclass(frozen=True)
class _Reference:
    """The teacher's logits and quality, which students are compared with."""

    logits: NDArray[np.float32]
    quality: Quality


def _check_classes(student: StudentModel, labelled: Labelled, compact: StudentModel | None) -> None:
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


def _student_quality(
    student: StudentModel,
    logits: NDArray[np.float32],
    labelled: Labelled,
    seconds: float,
    reference: _Reference | None,
    metric: str,
) -> Quality:
    quality = measure(logits, labelled.labels, len(labelled) / seconds)
    quality = replace(quality, megabytes=student.nbytes / 1e6)
    if reference is None:
        return quality
    own, teachers = getattr(quality, metric), getattr(reference.quality, metric)
    same = decide(reference.logits, labelled.multi_label) == decide(logits, labelled.multi_label)
    agreement = float(same.all(axis=1).mean() if labelled.multi_label else same.mean())
    return replace(quality, retention=own / teachers if teachers else None, agreement=agreement)


def _timed(student: StudentModel, labelled: Labelled, threads: int) -> tuple[Predictions, float]:
    """The student's predictions, and the median of the seconds that a call takes."""
    times: list[float] = []
    while not times or sum(times) < _MIN_SECONDS:
        started = perf_counter()
        predictions = student.score(labelled.texts, labelled.text_pair, threads=threads)
        times.append(perf_counter() - started)
    return predictions, float(np.median(times))


def _teacher_logits(
    teacher: Scorer | NDArray[np.float32], labelled: Labelled
) -> tuple[NDArray[np.float32], float | None]:
    """The teacher's logits, and its texts per second; None if the logits were passed in."""
    if isinstance(teacher, np.ndarray):
        return teacher, None
    started = perf_counter()
    logits = teacher(labelled.texts, labelled.text_pair)
    return logits, len(labelled) / (perf_counter() - started)
