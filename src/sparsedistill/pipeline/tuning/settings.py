"""Settings of a job by their names in recipes, such as ``vocabulary.max_ngram``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import TypeAlias

from ..config import DistillationConfig

#: The value of a setting that the tuner chooses.
Value: TypeAlias = bool | int | float | str

#: Values of settings by their names in recipes.
Settings: TypeAlias = Mapping[str, Value]

#: Fields of :class:`~sparsedistill.DistillationConfig` that hold the settings of a section of a recipe.
_FIELDS = {"vocabulary": ("tokenizer", "counting"), "student": ("student",), "training": ("training",)}


def with_settings(config: DistillationConfig, settings: Settings) -> DistillationConfig:
    """Return a copy of `config` with other values of some settings."""
    for name, value in settings.items():
        section, _, key = name.partition(".")
        field = next(field for field in _FIELDS[section] if hasattr(getattr(config, field), key))
        config = replace(config, **{field: replace(getattr(config, field), **{key: value})})
    return config


def value_of(config: DistillationConfig, name: str) -> Value | None:
    """The value of a setting; None if the job leaves it to a default that depends on the data."""
    section, _, key = name.partition(".")
    parts = (getattr(config, field) for field in _FIELDS[section])
    found: Value | None = next(getattr(part, key) for part in parts if hasattr(part, key))
    return found


def given_settings(config: DistillationConfig) -> frozenset[str]:
    """Names of the settings that the user chose: those in a recipe, and those that are not the defaults."""
    default = DistillationConfig()
    differing = {
        f"{section}.{entry.name}"
        for section, names in _FIELDS.items()
        for name in names
        for entry in fields(getattr(config, name))
        if getattr(getattr(config, name), entry.name) != getattr(getattr(default, name), entry.name)
    }
    return frozenset(differing) | frozenset(config.given)
