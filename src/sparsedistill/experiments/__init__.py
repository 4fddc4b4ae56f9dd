"""Experiments: recipes that are run, measured and compared on one page of results.

:func:`run_task` and :func:`run_or_record` need the extra ``report``; reading and rendering results do not.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .page import plots, render, results_of
from .result import TaskFailure, TaskOutcome, TaskResult
from .task import Task

if TYPE_CHECKING:
    from .report import run_or_record, run_task

#: Names that need torch, which is imported when one of them is first used.
_LATER = {"run_or_record", "run_task"}

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


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(".report", __name__), name)


def __dir__() -> list[str]:
    return __all__
