"""How good a student is, and how much of its teacher it has kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from ..data.corpus import Labelled
from ..errors import InputError
from ..labeling.soft_targets import Scorer
from ..model.predictions import probabilities
from ..student import Student
from .deferral import DeferralCurve

Labels = NDArray[np.int64] | NDArray[np.float32]

_ECE_BINS = 15
_LONG_ENOUGH = 0.5  # seconds of work that a rate is taken from, at least


@dataclass(frozen=True)
class Quality:
    """What was measured of one classifier on labelled texts.

    Attributes:
        accuracy: Share of the texts that are labelled right; for multi-label all labels of a text.
        macro_f1: Mean over the classes of the harmonic mean of precision and recall; 0 for a class that is
            neither labelled nor predicted.
        log_loss: Mean negative log probability of the right label, in nats; for multi-label the mean over
            the labels too.
        ece: Expected calibration error over 15 equal bins of confidence (Guo et al. 2017); for multi-label,
            of each label's probability.
        texts_per_second: Raw text to scores; None where the scores were there already.
    """

    accuracy: float
    macro_f1: float
    log_loss: float
    ece: float
    texts_per_second: float | None


@dataclass(frozen=True)
class Evaluation:
    """A student beside its teacher.

    Attributes:
        texts: How many texts were labelled.
        metric: What retention is taken of: ``"accuracy"``, for multi-label ``"macro_f1"``.
        student: The student's quality.
        teacher: The teacher's; None if it was not at hand.
        retention: Student metric / teacher metric.
        agreement: Share of the texts that both give the same label (multi-label: the same labels).
        coverage: Mean share of a text's tokens that the student's vocabulary knows.
        threads: Threads that the student ran on.
        deferral: What the two are together, by the share of texts that goes to the teacher.
    """

    texts: int
    metric: str
    student: Quality
    teacher: Quality | None
    retention: float | None
    agreement: float | None
    coverage: float
    threads: int
    deferral: DeferralCurve | None = None

    def as_json(self) -> dict[str, Any]:
        """All of it, for JSON and the model card; what was not measured is left out."""
        figures = {name: value for name, value in vars(self).items() if value is not None}
        for name in ("student", "teacher"):
            if name in figures:
                quality = asdict(figures[name])
                figures[name] = {key: value for key, value in quality.items() if value is not None}
        if self.deferral is not None:
            figures["deferral"] = self.deferral.as_json()
        return figures

    def as_table(self, title: str) -> Table:
        """All of it, for the terminal."""
        table = Table(title=title, title_justify="left")
        table.add_column("")
        if self.teacher is not None:
            table.add_column("teacher", justify="right")
        table.add_column("student", justify="right")
        columns = [asdict(quality) for quality in (self.teacher, self.student) if quality is not None]
        for name, as_text in _FORMATS.items():
            figures = ("" if column[name] is None else as_text(column[name]) for column in columns)
            table.add_row(name.replace("_", " "), *figures)
        if self.teacher is not None and self.retention is not None and self.agreement is not None:
            table.add_section()
            table.add_row(f"retention of {self.metric.replace('_', ' ')}", "", _percent(self.retention))
            table.add_row("agreement", "", _percent(self.agreement))
            if self.student.texts_per_second and self.teacher.texts_per_second:
                speedup = self.student.texts_per_second / self.teacher.texts_per_second
                table.add_row("speed-up", "", f"{speedup:,.0f}x")
        table.add_row("coverage", *[""] * (len(columns) - 1), _percent(self.coverage))
        return table


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"


_FORMATS: dict[str, Callable[[float], str]] = {
    "accuracy": _percent,
    "macro_f1": _percent,
    "log_loss": "{:.4f}".format,
    "ece": _percent,
    "texts_per_second": "{:,.0f}".format,
}


def evaluate(
    student: Student,
    labelled: Labelled,
    teacher: Scorer | NDArray[np.float32] | None = None,
    *,
    threads: int = 1,
) -> Evaluation:
    """Compare `student` with the right labels and with its teacher.

    Args:
        student: The student.
        labelled: n texts with labels, of the student's classes.
        teacher: Scores texts as the teacher does; or its logits of these texts, (n, classes).
        threads: Threads that the student is timed on. One by default: its rate per core.

    Raises:
        InputError: The classes are not the student's, or the teacher answers with other sizes.
    """
    if labelled.classes != student.classes:
        raise InputError(
            f"The labels are {', '.join(labelled.classes)} and the student's classes "
            f"{', '.join(student.classes)}: evaluate on the same classes in the same order."
        )
    predictions, seconds = _timed_student(student, labelled, threads)
    quality = measure(predictions.logits, labelled.labels, len(labelled) / seconds)
    metric = "macro_f1" if student.multi_label else "accuracy"
    teacher_quality = retention = agreement = deferral = None
    if teacher is not None:
        logits, rate = _timed_teacher(teacher, labelled)
        if logits.shape != predictions.logits.shape:
            raise InputError(
                f"The teacher answers with an array of {logits.shape}, where {predictions.logits.shape} "
                "is needed: it has other classes."
            )
        teacher_quality = measure(logits, labelled.labels, rate)
        kept, whole = getattr(quality, metric), getattr(teacher_quality, metric)
        retention = kept / whole if whole else None
        same = decide(logits, labelled.multi_label) == decide(predictions.logits, labelled.multi_label)
        agreement = float(same.all(axis=1).mean() if labelled.multi_label else same.mean())
        deferral = DeferralCurve.of(
            predictions.logits, logits, labelled.labels, multi_label=labelled.multi_label
        )
    return Evaluation(
        texts=len(labelled),
        metric=metric,
        student=quality,
        teacher=teacher_quality,
        retention=retention,
        agreement=agreement,
        coverage=float(predictions.coverage.mean()),
        threads=threads,
        deferral=deferral,
    )


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


def _timed_student(student: Student, labelled: Labelled, threads: int) -> tuple[Any, float]:
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
