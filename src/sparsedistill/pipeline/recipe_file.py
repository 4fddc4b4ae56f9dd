"""The recipe that repeats a finished job with the settings that were chosen."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomli_w

from .._internal.files import atomic_write
from ..model.tuning import TuningRecord
from .job import Job
from .recipe import COLUMNS, PLACES
from .tuning.settings import given_settings, value_of


def write_recipe(path: Path, job: Job, tuning: TuningRecord | None) -> None:
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


def _described(job: Job) -> dict[str, Any]:
    """A recipe of a job that was described in Python: its files, and settings that are not the defaults."""
    places = {name: getattr(job, name) for name in PLACES}
    columns = {name: getattr(job.columns, name) for name in COLUMNS}
    recipe: dict[str, Any] = {"output": str(job.output), "seed": job.config.seed}
    recipe["data"] = {name: str(place) for name, place in places.items() if isinstance(place, str | Path)}
    recipe["data"] |= {name: column for name, column in columns.items() if column is not None}
    named = {"model": job.teacher, "revision": job.revision, "encoder": job.encoder}
    recipe["teacher"] = {key: str(value) for key, value in named.items() if isinstance(value, str | Path)}
    for name in sorted(given_settings(job.config)):
        section, _, key = name.partition(".")
        value = value_of(job.config, name)
        if value is not None:
            recipe.setdefault(section, {})[key] = value
    return recipe


def _copied(recipe: Mapping[str, Any]) -> dict[str, Any]:
    return {key: dict(value) if isinstance(value, Mapping) else value for key, value in recipe.items()}


def _ordered(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """Plain values before tables, and no empty tables."""
    plain = {key: value for key, value in recipe.items() if not isinstance(value, Mapping)}
    return plain | {key: value for key, value in recipe.items() if isinstance(value, Mapping) and value}
