"""A task: how a recipe is shown in the report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from ..errors import InputError

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
