"""Results of tasks: what ``result.json`` and ``ablations.json`` hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeAlias, TypeVar

from .._internal.records import read_record, write_record
from ..errors import InputError
from .task import Metric

#: Metrics of one group of test texts by column of the report: ``teacher`` and the kinds of students, each the
#: mean over the seeds; and ``texts``, the number of texts.
GroupFigures: TypeAlias = dict[str, float]

_Record = TypeVar("_Record")

_RESULT, _ABLATIONS = "result.json", "ablations.json"


@dataclass(frozen=True, kw_only=True)
class Figures:
    """Quality on the test data.

    Attributes:
        accuracy: As in :class:`~sparsedistill.model.record.Quality`, like the next three; None for numbers.
        macro_f1: Mean of F1 over the classes.
        log_loss: In nats.
        ece: Expected calibration error.
        f1: F1 of the second class, if there are two.
        roc_auc: ROC AUC of the second class, if it is the task's metric.
        spearman: Spearman's correlation with the labels, for numbers.
        agreement: Share of the texts with the teacher's label, or for numbers Spearman's correlation with
            those of the teacher, if there is one.
        error: Standard error of the task's metric on the test texts.
    """

    accuracy: float | None = None
    macro_f1: float | None = None
    log_loss: float | None = None
    ece: float | None = None
    f1: float | None = None
    roc_auc: float | None = None
    spearman: float | None = None
    agreement: float | None = None
    error: float | None = None


@dataclass(frozen=True, kw_only=True)
class TeacherFigures(Figures):
    """Quality of the teacher.

    Attributes:
        name: Last part of its directory or Hub id; empty if only its soft targets are there.
        parameters: Number of its parameters, if it is a transformer.
    """

    name: str
    parameters: int | None = None


@dataclass(frozen=True, kw_only=True)
class StudentFigures(Figures):
    """Quality and size of one student.

    Attributes:
        validation: The task's metric on the validation data, which settings may be selected by.
        parameters: Number of its parameters.
        ngrams: Size of its vocabulary.
    """

    validation: float
    parameters: int
    ngrams: int


@dataclass(frozen=True, kw_only=True)
class BaselineFigures:
    """Quality of a baseline with the settings that did best on the validation data; or why there is none.

    Attributes:
        accuracy: As in :class:`Figures`, like the next eight; None after a failure.
        macro_f1: Mean of F1 over the classes.
        log_loss: In nats.
        ece: Expected calibration error.
        f1: F1 of the second class.
        roc_auc: ROC AUC of the second class.
        spearman: Spearman's correlation with the labels.
        agreement: Agreement with the teacher.
        error: Standard error of the task's metric.
        settings: The selected settings.
        failure: Why the baseline could not be run.

    Raises:
        ValueError: There are neither figures nor a failure.
    """

    accuracy: float | None = None
    macro_f1: float | None = None
    log_loss: float | None = None
    ece: float | None = None
    f1: float | None = None
    roc_auc: float | None = None
    spearman: float | None = None
    agreement: float | None = None
    error: float | None = None
    settings: dict[str, int | float] | None = None
    failure: str | None = None

    def __post_init__(self) -> None:
        classes = self.accuracy, self.macro_f1, self.log_loss, self.ece
        missing = self.settings is None or (None in classes and self.spearman is None)
        if self.failure is None and missing:
            raise ValueError("a baseline has neither all figures nor a failure")


@dataclass(frozen=True, kw_only=True)
class SpeedFigures:
    """Rates of teacher and student, on one thread each, timed alternately.

    Attributes:
        teacher: Texts per second, median of the rounds.
        student: The same of the student.
        ratio: Median over the rounds of the student's rate divided by the teacher's.
        lowest: Lowest such ratio.
        highest: Highest such ratio.
        texts: Number of different texts.
        rounds: Number of rounds.
    """

    teacher: float
    student: float
    ratio: float
    lowest: float
    highest: float
    texts: int
    rounds: int


@dataclass(frozen=True, kw_only=True)
class VariantResult:
    """Students of one variant of an ablation.

    Attributes:
        label: The value of what is varied.
        own: The variant is the recipe's own student.
        students: One per seed; empty if none has been trained yet.
    """

    label: str
    own: bool
    students: list[StudentFigures] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class AblationResult:
    """Result of one ablation.

    Attributes:
        name: Its name in file names.
        title: Its name on the page.
        ordered: The variants have an order, so that a line can be drawn through them.
        variants: The variants.
    """

    name: str
    title: str
    ordered: bool
    variants: list[VariantResult]


@dataclass(frozen=True, kw_only=True)
class TaskResult:
    """Everything that the page shows of a task.

    Attributes:
        recipe: Name of the recipe, without ``.toml``.
        title: As in :class:`~.task.Task`, like the next four.
        metric: Metric of the row.
        seeds: Students of each kind.
        by: Column of the groups.
        note: A note for the reader.
        classes: Class names.
        pair: The texts are pairs.
        labelled: Number of training texts.
        validation: Number of validation texts.
        test: Number of test texts.
        corpus: Number of texts with soft targets; without a teacher, of training texts.
        left_out: Number of texts, ``labelled`` and ``unlabelled``, that were left out because they occur in
            validation or test data.
        tokenizer: Length of the n-grams and other settings of the tokenizer.
        ngrams: Size of the vocabulary.
        dim: Dimensions of an embedding.
        teacher: The teacher, if there is one.
        students: Students of each kind, one per seed.
        baselines: Baselines by name.
        groups: Groups of test texts by value of the column `by`.
        speed: Rates of teacher and student, if there is a teacher to time.
        ablations: Ablations, which are kept in ``ablations.json``; None if they were not run.
    """

    recipe: str
    title: str
    metric: Metric
    seeds: int
    by: str | None = None
    note: str
    classes: list[str]
    pair: bool
    labelled: int
    validation: int
    test: int
    corpus: int
    left_out: dict[str, int]
    tokenizer: str
    ngrams: int
    dim: int
    teacher: TeacherFigures | None = None
    students: dict[str, list[StudentFigures]]
    baselines: dict[str, BaselineFigures]
    groups: dict[str, GroupFigures]
    speed: SpeedFigures | None = None
    ablations: list[AblationResult] | None = None


@dataclass(frozen=True)
class TaskFailure:
    """A task that could not be run.

    Attributes:
        recipe: Name of the recipe, without ``.toml``.
        failure: The reason, a sentence.
    """

    recipe: str
    failure: str


#: The result of a task, or why there is none.
TaskOutcome: TypeAlias = TaskResult | TaskFailure


@dataclass(frozen=True)
class _Head:
    """The part of ``result.json`` that tells a result from a failure."""

    recipe: str
    failure: str | None = None


@dataclass(frozen=True)
class _Ablations:
    """The contents of ``ablations.json``."""

    ablations: list[AblationResult]


def metric_of(figures: Figures | BaselineFigures, metric: Metric) -> float:
    """The value of a metric in `figures`.

    Raises:
        InputError: It was not measured.
    """
    value: float | None = getattr(figures, metric)
    if value is None:
        raise InputError(
            f"{metric} was not measured: delete the folder of the task and run the recipe again."
        )
    return value


def has_result(folder: Path) -> bool:
    """Whether the folder of a task holds a result or a failure."""
    return (folder / _RESULT).exists()


def read_result(folder: Path) -> TaskOutcome:
    """Read the result in the folder of a task, without ablations.

    Raises:
        InputError: There is none, or another version wrote it.
    """
    path = folder / _RESULT
    head = read_figures(path, _Head, folder)
    if head.failure is not None:
        return TaskFailure(head.recipe, head.failure)
    return read_figures(path, TaskResult, folder)


def write_result(folder: Path, result: TaskOutcome) -> None:
    """Write the result to the folder of a task, without ablations.

    Raises:
        InputError: The file cannot be written.
    """
    if isinstance(result, TaskResult):
        result = replace(result, ablations=None)
    write_record(folder / _RESULT, result, indent=1)


def read_ablations(folder: Path) -> list[AblationResult] | None:
    """Read the ablations in the folder of a task; None if there are none.

    Raises:
        InputError: Another version wrote them.
    """
    path = folder / _ABLATIONS
    return read_figures(path, _Ablations, folder).ablations if path.exists() else None


def write_ablations(folder: Path, ablations: Sequence[AblationResult]) -> None:
    """Write ablations to the folder of a task.

    Raises:
        InputError: The file cannot be written.
    """
    write_record(folder / _ABLATIONS, _Ablations(list(ablations)), indent=1)


def read_figures(path: Path, kind: type[_Record], folder: Path) -> _Record:
    """Read a JSON file in the folder of a task as `kind`.

    Raises:
        InputError: The file is missing, or lacks a field that `kind` requires.
    """
    return read_record(path, kind, advice(folder))


def advice(folder: Path) -> str:
    """What to do if a file in the folder of a task cannot be used; the second half of an error message."""
    return f"delete the folder {folder} and run the recipe again"
