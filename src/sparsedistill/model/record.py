"""What was measured of a student, as ``config.json`` and the model card hold it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Quality:
    """How good answers are on labelled texts.

    Attributes:
        accuracy: Share of texts with the right label; for multi-label, with exactly the right labels.
        macro_f1: Mean over the classes of F1; 0 for a class that is neither labelled nor predicted.
        log_loss: Mean negative log probability of the right label, in nats; for multi-label, the mean over
            the labels too.
        ece: Expected calibration error over 15 equal bins of confidence (Guo et al. 2017); for multi-label,
            of each label's probability.
        texts_per_second: Texts per second, if timed.
        megabytes: Size of all arrays in MB (10^6 bytes), for students.
        retention: The metric divided by the teacher's.
        agreement: Share of the texts with the teacher's label (multi-label: the same labels).
    """

    accuracy: float
    macro_f1: float
    log_loss: float
    ece: float
    texts_per_second: float | None = None
    megabytes: float | None = None
    retention: float | None = None
    agreement: float | None = None


@dataclass(frozen=True)
class CompressionStep:
    """Difference from the trained student after one step of compression.

    Attributes:
        step: What was done.
        agreement: Share of the texts with the same label (multi-label: the same labels).
        mean_change: Mean absolute change of a probability.
        max_change: Largest absolute change of a probability.
    """

    step: str
    agreement: float
    mean_change: float
    max_change: float


@dataclass(frozen=True)
class CompressionRecord:
    """What compression changed.

    Attributes:
        texts: Held-out texts that it was measured on.
        steps: One entry per step, in order; the last is the student as it is served.
    """

    texts: int
    steps: list[CompressionStep]


@dataclass(frozen=True)
class Calibration:
    """What the temperature changed on the texts that it was fitted to.

    Attributes:
        temperature: Divides the logits.
        texts: Held-out texts that it was fitted to.
        targets: What these had: ``"labels"`` or ``"soft targets"``.
        log_loss_before: Mean negative log probability of the targets, in nats, at temperature 1.
        log_loss_after: The same at the fitted temperature.
        ece_before: Expected calibration error at temperature 1, as in :class:`Quality`; for soft targets,
            against the teacher's probabilities.
        ece_after: The same at the fitted temperature.
    """

    temperature: float
    texts: int
    targets: str
    log_loss_before: float
    log_loss_after: float
    ece_before: float
    ece_after: float


@dataclass(frozen=True)
class DeferralRecord:
    """Quality of student and teacher together at round shares of deferred texts.

    Attributes:
        texts: Texts that it was measured on.
        metric: ``"accuracy"``, ``"macro_f1"`` (multi-label) or ``"agreement"`` (without labels).
        points: For each share ``deferred``, ``threshold``, the metric by its name, ``retention`` and
            ``agreement``.
        chosen: The point that a cascade uses, if one was chosen.
    """

    texts: int
    metric: str
    points: list[dict[str, float]]
    chosen: dict[str, float] | None = None


@dataclass(frozen=True)
class EvaluationRecord:
    """All that was measured of a student; None where it was not.

    Attributes:
        texts: Test texts.
        metric: What retention is of: ``"accuracy"``, or ``"macro_f1"`` for multi-label.
        threads: Threads that the students were timed on.
        teacher: The teacher's quality.
        student: The student's quality.
        compact: The compact student's quality.
        coverage: Mean share of a text's tokens that the vocabulary knows.
        left_out: Training texts that were left out because they occur in test or validation data.
        deferral: Student and teacher together.
        calibration: What calibration changed.
        compression: What compression changed.
    """

    texts: int | None = None
    metric: str | None = None
    threads: int | None = None
    teacher: Quality | None = None
    student: Quality | None = None
    compact: Quality | None = None
    coverage: float | None = None
    left_out: int | None = None
    deferral: DeferralRecord | None = None
    calibration: Calibration | None = None
    compression: CompressionRecord | None = None
