"""What was measured of a student, as ``config.json`` and the model card hold it."""

from __future__ import annotations

from dataclasses import dataclass

from .tuning import TuningRecord


@dataclass(frozen=True)
class StandardErrors:
    """Standard errors of the metrics of a :class:`Quality`: how far chance in the test texts moves them.

    Attributes:
        accuracy: ``sqrt(accuracy * (1 - accuracy) / texts)``.
        macro_f1: By the jackknife, as for `ece`.
        log_loss: In nats.
        ece: Of the expected calibration error.
        spearman: By the influence of each text, as for the other metrics of a regression.
        pearson: Of Pearson's correlation.
        rmse: Of the root mean squared error.
        r2: Of the coefficient of determination.
        auc: Of the ROC AUC (DeLong et al. 1988).
        f1: By the jackknife.
    """

    accuracy: float | None = None
    macro_f1: float | None = None
    log_loss: float | None = None
    ece: float | None = None
    spearman: float | None = None
    pearson: float | None = None
    rmse: float | None = None
    r2: float | None = None
    auc: float | None = None
    f1: float | None = None


@dataclass(frozen=True)
class Quality:
    """How good answers are on labelled texts.

    The first four metrics are of classes, the last six of a regression; the others are None.

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
        agreement: Share of the texts with the teacher's label (multi-label: the same labels); for a
            regression, Spearman's correlation with the teacher's numbers.
        lead_kept: Share of the teacher's lead over the linear baseline that is kept: ``(metric - baseline) /
            (teacher - baseline)``. None if the teacher does not lead by more than one standard error.
        errors: Standard errors of the metrics.
        spearman: Spearman's rank correlation with the labels; 0 if all answers are the same.
        pearson: Pearson's correlation with the labels; 0 if all answers are the same.
        rmse: Root mean squared error, in the unit of the labels.
        r2: Coefficient of determination: 1 - mean squared error / variance of the labels.
        auc: Area under the ROC curve, if texts with a label of at least a threshold are to be found.
        f1: F1 of the texts with a number of at least this threshold.
    """

    accuracy: float | None = None
    macro_f1: float | None = None
    log_loss: float | None = None
    ece: float | None = None
    texts_per_second: float | None = None
    megabytes: float | None = None
    retention: float | None = None
    agreement: float | None = None
    lead_kept: float | None = None
    errors: StandardErrors | None = None
    spearman: float | None = None
    pearson: float | None = None
    rmse: float | None = None
    r2: float | None = None
    auc: float | None = None
    f1: float | None = None


@dataclass(frozen=True)
class BaselineRecord:
    """A classifier that the student is compared with.

    Attributes:
        title: Its name in tables.
        quality: Its quality on the test data.
        settings: The settings that were chosen on the validation data.
        note: What a reader of its figures must know, a part of a sentence.
    """

    title: str
    quality: Quality
    settings: dict[str, int | float]
    note: str | None = None


@dataclass(frozen=True)
class GroupAccuracy:
    """Accuracy on the texts of one group.

    Attributes:
        accuracy: Share of texts with the right label; for multi-label, with exactly the right labels; for a
            regression, Spearman's correlation.
        error: Its standard error.
    """

    accuracy: float
    error: float


@dataclass(frozen=True)
class GroupRecord:
    """The test texts with one value of a column, such as one language.

    Attributes:
        name: The value.
        texts: Number of texts.
        coverage: Mean share of a text's tokens that the vocabulary knows.
        accuracy: Accuracy of ``"student"``, ``"compact"``, ``"teacher"``, and of the baselines by name.
    """

    name: str
    texts: int
    coverage: float
    accuracy: dict[str, GroupAccuracy]


@dataclass(frozen=True)
class CompressionStep:
    """Difference from the trained student after one step of compression.

    Attributes:
        step: What was done.
        agreement: Share of the texts with the same label (multi-label: the same labels); for a regression,
            Spearman's correlation of the numbers.
        mean_change: Mean absolute change of a probability, or of a number divided by the standard deviation
            of the trained student's numbers.
        max_change: The largest of these changes.
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
class ReliabilityBin:
    """Test answers of about the same confidence.

    Attributes:
        confidence: Their mean confidence.
        correct: Share of them that is right.
        texts: Their number; for multi-label, each class of a text is an answer.
    """

    confidence: float
    correct: float
    texts: int


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
class LinearCalibration:
    """What the line of a regression changed on the texts that it was fitted to.

    Attributes:
        slope: Multiplies the numbers.
        intercept: Is added to them.
        texts: Held-out texts that it was fitted to.
        targets: What these had: ``"labels"`` or ``"soft targets"``.
        rmse_before: Root mean squared error without the line.
        rmse_after: The same with the line.
    """

    slope: float
    intercept: float
    texts: int
    targets: str
    rmse_before: float
    rmse_after: float


@dataclass(frozen=True)
class LinearRecord:
    """What a linear model on the same n-grams changed on the texts that its share was fitted to.

    Attributes:
        strength: Inverse strength of its regularisation; for a regression, the strength of the ridge.
        network: What the outputs of the network are multiplied by.
        linear: What the outputs of the linear model are multiplied by.
        texts: Held-out texts.
        loss_before: Log loss in nats with the best multiple of the network alone; for a regression, the mean
            squared error in units of the variance of the labels.
        loss_after: The same with the linear model.
    """

    strength: float
    network: float
    linear: float
    texts: int
    loss_before: float
    loss_after: float


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
        metric: What retention is of: ``"accuracy"``, ``"macro_f1"`` for multi-label, or ``"spearman"`` for a
            regression.
        threads: Threads that the students were timed on.
        teacher: The teacher's quality.
        student: The student's quality.
        compact: The compact student's quality.
        coverage: Mean share of a text's tokens that the vocabulary knows.
        left_out: Training texts that were left out because they occur in test or validation data.
        deferral: Student and teacher together.
        calibration: What the temperature changed.
        line: What the line of a regression changed.
        compression: What compression changed.
        linear: What a linear model on the same n-grams changed, if the student has one.
        threshold: Labels of at least this number are to be found (``auc`` and ``f1`` of a regression).
        baselines: Models that the student is compared with, by name: ``"majority"``, or ``"mean"`` for a
            regression, ``"tfidf"``, ``"fasttext"`` and ``"labels_alone"`` (a student trained on the
            labels alone).
        warnings: What is wrong with these figures and what to do, one sentence each.
        by: Column of the groups.
        groups: Groups of test texts, worst first.
        tuning: What the tuner tried.
        reliability: The test answers of the student by their confidence, in the bins of its calibration
            error, without empty ones; None for a regression.
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
    line: LinearCalibration | None = None
    linear: LinearRecord | None = None
    threshold: float | None = None
    baselines: dict[str, BaselineRecord] | None = None
    warnings: list[str] | None = None
    by: str | None = None
    groups: list[GroupRecord] | None = None
    tuning: TuningRecord | None = None
    reliability: list[ReliabilityBin] | None = None

    def rows(self) -> list[tuple[str, Quality]]:
        """Titles and figures of all classifiers that were measured, in the order of tables."""
        baselines = [(baseline.title, baseline.quality) for baseline in (self.baselines or {}).values()]
        own = (("teacher", self.teacher), ("student", self.student), ("compact", self.compact))
        return [*baselines, *((title, quality) for title, quality in own if quality is not None)]
