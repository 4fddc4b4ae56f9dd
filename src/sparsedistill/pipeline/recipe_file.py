"""The recipe that repeats a finished job with the settings that were chosen."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomli_w

from .._internal.files import atomic_write
from ..model.tuning import TuningRecord
from ..problem import SCORE
from ..teachers.precomputed import FileTeacher
from .job import Job
from .questions.job import MultiHeadJob, Question
from .recipe import COLUMNS, FILES, PLACES, QUESTIONS
from .tuning.settings import given_settings, value_of


def write_recipe(path: Path, job: Job | MultiHeadJob, tuning: TuningRecord | None) -> None:
    """Write a recipe with the settings of a job and those that the tuner chose.

    A job that was given texts in memory has a recipe without data: give these again.

    Args:
        path: The file.
        job: The job.
        tuning: What the tuner tried, if it ran.

    Raises:
        InputError: `path` cannot be written.
    """
    recipe = _copied(job.recipe) if job.recipe is not None else _described(job)
    recipe["tune"] = False
    recipe.pop("tune_minutes", None)
    if tuning is not None:
        for name, value in tuning.trials[tuning.chosen].settings.items():
            section, _, key = name.partition(".")
            recipe.setdefault(section, {})[key] = value
    with atomic_write(path) as partial:
        partial.write_text(tomli_w.dumps(_ordered(recipe)), encoding="utf-8")


def _described(job: Job | MultiHeadJob) -> dict[str, Any]:
    """A recipe of a job that was described in Python: its files, and settings that are not the defaults."""
    columns = {name: getattr(job.columns, name) for name in COLUMNS}
    recipe: dict[str, Any] = {"output": str(job.output), "seed": job.config.seed}
    recipe["data"] = _named(job, {name: name for name in PLACES})
    recipe["data"] |= {name: column for name, column in columns.items() if column is not None}
    options = {name: getattr(job.columns.files, name) for name in FILES}
    recipe["data"] |= {name: value for name, value in options.items() if value not in (None, False)}
    if isinstance(job, MultiHeadJob):
        recipe[QUESTIONS] = [_of_question(name, question) for name, question in job.questions.items()]
    else:
        recipe["teacher"] = _named(job, _TEACHER)
    for name in sorted(given_settings(job.config)):
        section, _, key = name.partition(".")
        value = value_of(job.config, name)
        if value is not None:
            recipe.setdefault(section, {})[key] = value
    return recipe


_TEACHER = {"model": "teacher", "revision": "revision", "encoder": "encoder"}


def _named(given: Job | MultiHeadJob | Question, attributes: Mapping[str, str]) -> dict[str, Any]:
    """Attributes that are names of files or models, by their names in recipes."""
    values = {key: getattr(given, attribute) for key, attribute in attributes.items()}
    return {key: str(value) for key, value in values.items() if isinstance(value, str | Path)}


def _of_question(name: str, question: Question) -> dict[str, Any]:
    """The table of a question."""
    plain = ("label", "label_separator", "problem", "labelled", "validation", "test")
    table = {"name": name, **_named(question, _TEACHER | {key: key for key in plain})}
    if question.classes is not None:
        table["classes"] = list(question.classes)
    teacher = question.teacher
    if isinstance(teacher, FileTeacher):
        numbers = teacher.classes == SCORE
        table |= {"problem": "regression"} if numbers else {"classes": list(teacher.classes)}
        table["outputs"] = teacher.outputs
        if teacher.multi_label:
            table.setdefault("label_separator", ",")
    for key in ("scores", "class_weights"):
        if (value := getattr(question, key)) is not None:
            table[key] = value if isinstance(value, str) else list(value)
    return table


def _copied(recipe: Mapping[str, Any]) -> dict[str, Any]:
    return {key: dict(value) if isinstance(value, Mapping) else value for key, value in recipe.items()}


def _ordered(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """Plain values before tables, and no empty tables."""
    plain = {key: value for key, value in recipe.items() if not isinstance(value, Mapping)}
    return plain | {key: value for key, value in recipe.items() if isinstance(value, Mapping) and value}
