"""A task: how a recipe is shown in the report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from ..errors import InputError
from ..pipeline.job import Job
from ..pipeline.material import Material
from ..teachers.precomputed import FileTeacher

#: The metric of a task: accuracy, or F1 or ROC AUC of the second of two classes; for numbers Spearman's
#: correlation.
Metric: TypeAlias = Literal["accuracy", "f1", "roc_auc", "spearman"]

#: The students of a task, by what they are trained on: labels, soft targets, or soft targets and then labels.
LABELS_ONLY, DISTILLED, BOTH = "labels only", "KD", "KD + FT"
KINDS = (LABELS_ONLY, DISTILLED, BOTH)


@dataclass(frozen=True)
class Task:
    """The section ``[report]`` of a recipe.

    Attributes:
        title: Name of the row.
        metric: Metric of the row. ``"f1"`` and ``"roc_auc"`` need two classes; they tell models apart if
            nearly all texts are of one class. By default accuracy, or for numbers Spearman's correlation,
            which is their only metric.
        seeds: Students of each kind to train; more than one gives the spread of a small task.
        by: A column of the test data whose values are shown in a table, one row per value.
        note: A note for the reader.

    Raises:
        InputError: `seeds` is less than 1.
    """

    title: str
    metric: Metric | None = None
    seeds: int = 1
    by: str | None = None
    note: str = ""

    def __post_init__(self) -> None:
        if self.seeds < 1:
            raise InputError(f"seeds of the report is {self.seeds}: it must be at least 1.")

    def check(self, material: Material) -> None:
        """Check that figures can be measured on labelled texts.

        Raises:
            InputError: There are no labelled texts or no test data, texts have neither exactly one class nor
                a number, or the metric does not fit.
        """
        if material.test is None or material.train is None or material.validation is None:
            raise InputError(f"{self.title} has no labelled texts or no test data: name both in its recipe.")
        if material.problem == "multi_label":
            raise InputError(
                f"{self.title} is multi-label: a report needs exactly one class or a number per text."
            )
        metric, numbers = self.metric_of(material), material.problem == "regression"
        if numbers != (metric == "spearman"):
            has, wanted = ("numbers", "spearman") if numbers else ("classes", "accuracy")
            raise InputError(
                f"{self.title} has {has} and the metric {metric!r}: set the metric of its [report] to "
                f"{wanted!r}."
            )
        if metric in ("f1", "roc_auc") and len(material.classes) != 2:
            raise InputError(
                f"{self.title} has {len(material.classes)} classes and the metric {metric!r}, which needs "
                "two: set the metric of its [report] to 'accuracy'."
            )

    def metric_of(self, material: Material) -> Metric:
        """The metric of the row, for labelled texts."""
        return self.metric or ("spearman" if material.problem == "regression" else "accuracy")

    def check_ablations(self, job: Job) -> None:
        """Check that a job has what its ablations need.

        Raises:
            InputError: The job has no teacher that can score texts.
        """
        if job.encoder is None and (job.teacher is None or isinstance(job.teacher, FileTeacher)):
            raise InputError(
                f"{self.title} has no teacher that can score texts: leave out ablations, which need one."
            )
