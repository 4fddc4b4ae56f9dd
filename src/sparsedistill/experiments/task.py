"""A task: how a recipe is shown in the report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from ..errors import InputError
from ..pipeline.job import Job
from ..pipeline.material import Material
from ..teachers.precomputed import FileTeacher

#: The metric of a task: accuracy, or F1 or ROC AUC of the second of two classes.
Metric: TypeAlias = Literal["accuracy", "f1", "roc_auc"]

#: The students of a task, by what they are trained on: labels, soft targets, or soft targets and then labels.
LABELS_ONLY, DISTILLED, BOTH = "labels only", "KD", "KD + FT"
KINDS = (LABELS_ONLY, DISTILLED, BOTH)


@dataclass(frozen=True)
class Task:
    """The section ``[report]`` of a recipe.

    Attributes:
        title: Name of the row.
        metric: Metric of the row. ``"f1"`` and ``"roc_auc"`` need two classes; they tell models apart if
            nearly all texts are of one class.
        seeds: Students of each kind to train; more than one gives the spread of a small task.
        by: A column of the test data whose values are shown in a table, one row per value.
        note: A note for the reader.

    Raises:
        InputError: `seeds` is less than 1.
    """

    title: str
    metric: Metric = "accuracy"
    seeds: int = 1
    by: str | None = None
    note: str = ""

    def __post_init__(self) -> None:
        if self.seeds < 1:
            raise InputError(f"seeds of the report is {self.seeds}: it must be at least 1.")

    def check(self, material: Material) -> None:
        """Check that figures can be measured on labelled texts.

        Raises:
            InputError: There are no labelled texts or no test data, texts do not have exactly one class, or
                there are too many classes for the metric.
        """
        if material.test is None or material.train is None or material.validation is None:
            raise InputError(f"{self.title} has no labelled texts or no test data: name both in its recipe.")
        if material.problem != "single_label":
            raise InputError(
                f"{self.title} is {material.problem.replace('_', '-')}: a report needs exactly one class per "
                "text."
            )
        if self.metric != "accuracy" and len(material.classes) != 2:
            raise InputError(
                f"{self.title} has {len(material.classes)} classes and the metric {self.metric!r}, which "
                "needs two: set the metric of its [report] to 'accuracy'."
            )

    def check_ablations(self, job: Job) -> None:
        """Check that a job has what its ablations need.

        Raises:
            InputError: The job has no teacher that can score texts.
        """
        if job.encoder is None and (job.teacher is None or isinstance(job.teacher, FileTeacher)):
            raise InputError(
                f"{self.title} has no teacher that can score texts: leave out ablations, which need one."
            )
