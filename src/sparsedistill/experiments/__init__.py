"""Experiments: recipes that are run, measured and compared on one page of results.

:func:`run_task` and :func:`run_or_record` need the extra ``report``; reading and rendering results do not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._internal.lazy import lazy_names
from .page import plots, render, results_of
from .result import TaskFailure, TaskOutcome, TaskResult
from .task import Task

if TYPE_CHECKING:
    from .report import run_or_record, run_task

#: Names that need torch, with their modules. They are imported on first use.
_LATER = {"run_or_record": "report", "run_task": "report"}

__all__ = [
    "Task",
    "TaskFailure",
    "TaskOutcome",
    "TaskResult",
    "plots",
    "render",
    "results_of",
    "run_or_record",
    "run_task",
]

__getattr__, __dir__ = lazy_names(__name__, _LATER, __all__)
