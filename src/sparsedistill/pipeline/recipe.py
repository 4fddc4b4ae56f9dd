"""Recipes: a :class:`~sparsedistill.pipeline.job.Job` as a TOML file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

from .._internal.settings import (
    Config,
    as_tuple,
    check_names,
    check_types,
    fits,
    made,
    names_of,
    read_toml,
    table_of,
    toml_value,
)
from ..data.columns import Columns
from ..data.file_options import FileOptions
from ..data.hub import HubDataset
from ..data.sources import DataSource, data_folder
from ..errors import InputError
from ..teachers.finetuning import FinetuningConfig
from ..training.config import FINE_TUNING, TrainingConfig
from ..vocabulary.config import CountingConfig, TokenizerConfig
from .config import DistillationConfig, StudentConfig
from .job import Job

#: A parsed TOML file, not checked yet: settings and tables of settings by name.
Recipe: TypeAlias = dict[str, Any]

#: Keys of ``[data]``: where the texts are, and the fields of :class:`~sparsedistill.Columns`.
PLACES = ("labelled", "unlabelled", "validation", "test")
COLUMNS = ("text", "text_pair", "label", "weight", "label_separator", "group", "split_by", "problem")
#: Keys of ``[data]`` that are fields of :class:`~sparsedistill.FileOptions`.
FILES = ("format", "delimiter", "encoding", "quoting", "skip_damaged")
#: Top-level settings that are fields of :class:`DistillationConfig`, and those that are not.
_CONFIG = (
    "seed",
    "threads",
    "shard_size",
    "validation_share",
    "refit",
    "augment",
    "calibrate",
    "compact",
    "baselines",
    "tune",
    "tune_minutes",
)
_PATHS = ("output", "data_dir")
#: Settings of ``[teacher]`` that name the teacher; the others say how an encoder is fine-tuned.
TEACHER = ("model", "revision", "encoder", "soft_targets")
#: The table of each question of a job of several.
QUESTIONS = "teachers"
#: Sections whose settings the tuner chooses if they are not given.
_TUNED_SECTIONS = ("vocabulary", "student", "training")
_SECTIONS = ("data", "teacher", "vocabulary", "student", "training", "finetuning", "report")


def read_recipe(path: str | Path) -> Recipe:
    """Parse a recipe; its settings are checked by :func:`recipe_job`.

    Raises:
        InputError: The file is missing or is not TOML.
    """
    return read_toml(path, "a recipe")


def override(recipe: Recipe, setting: str) -> None:
    """Set one setting of a recipe, in place.

    Args:
        recipe: The recipe.
        setting: ``key=value`` or ``section.key=value``. The value is parsed as TOML; if it is not TOML, it is
            a string.

    Raises:
        InputError: `setting` has another form, or its section is not a table.
    """
    key, equals, text = setting.partition("=")
    *sections, name = key.strip().split(".")
    if not equals or not name or len(sections) > 1 or "\n" in text:
        raise InputError(f"--set {setting} does not have the form section.key=value: write it like that.")
    value = toml_value(text)
    table = recipe.setdefault(sections[0], {}) if sections else recipe
    if not isinstance(table, dict):
        raise InputError(f"--set {setting}: {sections[0]} is not a table: write {sections[0]}=value.")
    table[name] = value


def recipe_job(recipe: Recipe, name: str = "The recipe") -> Job:
    """The job that a recipe describes.

    ``[report]`` is not read: see :func:`report_settings`.

    Args:
        recipe: The recipe.
        name: The recipe's name in errors.

    Raises:
        InputError: A table or a setting is unknown, a value has the wrong type, or the parts of the job
            exclude each other.
    """
    if QUESTIONS in recipe:
        raise InputError(f"{name} has [[{QUESTIONS}]]: run it with `sparsedistill distill`.")
    config = recipe_config(recipe, name)
    data, teacher = table_of(recipe, "data", name), table_of(recipe, "teacher", name)
    check_names(data, (*PLACES, *COLUMNS, *FILES, "classes"), f"{name} [data]")
    classes = data.get("classes")
    if classes is not None and not fits(classes, tuple[str, ...]):
        raise InputError(f"{name} [data]: classes is {classes!r}: give a list of names.")
    soft_targets = teacher.get("soft_targets", [])
    if not fits(soft_targets, tuple[str, ...]):
        raise InputError(f"{name} [teacher]: soft_targets is {soft_targets!r}: give a list of directories.")
    if "revision" in teacher and "model" not in teacher:
        raise InputError(f"{name} [teacher]: revision is of a model: name it too, or leave out revision.")
    folder = data_folder(string_of(recipe, "data_dir", name))
    places = {key: place_of(data[key], f"{name} [data] {key}", folder) for key in PLACES if key in data}
    output = string_of(recipe, "output", name)
    return Job(
        teacher=string_of(teacher, "model", f"{name} [teacher]"),
        revision=string_of(teacher, "revision", f"{name} [teacher]"),
        encoder=string_of(teacher, "encoder", f"{name} [teacher]"),
        remembered=tuple(map(Path, soft_targets)),
        output=Path("distilled" if output is None else output),
        columns=columns_of(data, f"{name} [data]"),
        classes=None if classes is None else tuple(classes),
        config=config,
        recipe=recipe,
        **places,
    )


def columns_of(data: Mapping[str, Any], name: str) -> Columns:
    """The columns in ``[data]``, and how files are read."""
    files = made(FileOptions, {key: data[key] for key in FILES if key in data}, name)
    return replace(made(Columns, {key: data[key] for key in COLUMNS if key in data}, name), files=files)


def recipe_config(recipe: Recipe, name: str = "The recipe") -> DistillationConfig:
    """The settings in a recipe, without its data and teacher.

    Args:
        recipe: The recipe.
        name: The recipe's name in errors.

    Raises:
        InputError: A table or a setting is unknown, or a value has the wrong type.
    """
    check_names(recipe, (*_PATHS, *_CONFIG, *_SECTIONS, QUESTIONS), name)
    tables = {section: table_of(recipe, section, name) for section in _SECTIONS}
    vocabulary = tables["vocabulary"]
    tokenizer = {key: vocabulary[key] for key in vocabulary if key in names_of(TokenizerConfig)}
    counting = {key: vocabulary[key] for key in vocabulary if key not in tokenizer}
    check_names(counting, (*names_of(TokenizerConfig), *names_of(CountingConfig)), f"{name} [vocabulary]")
    teacher = {key: value for key, value in tables["teacher"].items() if key not in TEACHER}
    check_names(teacher, (*TEACHER, *names_of(FinetuningConfig)), f"{name} [teacher]")
    top = {key: recipe[key] for key in _CONFIG if key in recipe}
    check_types(top, DistillationConfig, name)
    return DistillationConfig(
        teacher=made(FinetuningConfig, teacher, f"{name} [teacher]"),
        tokenizer=made(TokenizerConfig, tokenizer, f"{name} [vocabulary]"),
        counting=made(CountingConfig, counting, f"{name} [vocabulary]"),
        student=made(StudentConfig, tables["student"], f"{name} [student]"),
        training=made(TrainingConfig, tables["training"], f"{name} [training]"),
        finetuning=made(TrainingConfig, tables["finetuning"], f"{name} [finetuning]", FINE_TUNING),
        given=tuple(f"{section}.{key}" for section in _TUNED_SECTIONS for key in tables[section]),
        **top,
    )


def report_settings(recipe: Recipe, kind: type[Config], title: str, name: str) -> Config:
    """The settings in a recipe's ``[report]``.

    Args:
        recipe: The recipe.
        kind: The dataclass to return; it has a field ``title``.
        title: The title, if the recipe gives none.
        name: The recipe's name in errors.

    Raises:
        InputError: A setting is unknown, or a value has the wrong type.
    """
    return made(kind, {"title": title, **table_of(recipe, "report", name)}, f"{name} [report]")


def string_of(table: Mapping[str, Any], key: str, name: str) -> str | None:
    """A setting that is a string; None if it is missing.

    Raises:
        InputError: It is of another type.
    """
    value = table.get(key)
    if value is not None and not isinstance(value, str):
        raise InputError(f"{name}: {key} is {value!r}: give a string.")
    if value is not None and "\0" in value:
        raise InputError(f"{name}: {key} is {value!r}: leave out the NUL character.")
    return value


def place_of(given: Any, name: str, folder: str | None) -> str | list[Path] | list[DataSource]:
    """Files, or data sources with local copies in `folder`.

    Raises:
        InputError: `given` is something else.
    """
    if isinstance(given, str):
        return given
    entries = [given] if isinstance(given, Mapping) else given
    if isinstance(entries, list) and entries:
        if all(isinstance(entry, str) for entry in entries):
            return [Path(entry) for entry in entries]
        if all(isinstance(entry, Mapping) for entry in entries):
            return [_source(entry, name, folder) for entry in entries]
    raise InputError(
        f"{name} is {given!r}: give the name of a file, a table with a path or a dataset, or a list of these."
    )


def _source(given: Mapping[str, Any], name: str, folder: str | None) -> DataSource:
    settings = dict(given)
    check_names(settings, [key for key in names_of(DataSource) if key != "folder"], name)
    where = settings.pop("where", {})
    dataset = settings.pop("dataset", None)
    if not isinstance(where, Mapping) or not all(fits(values, tuple[str, ...]) for values in where.values()):
        raise InputError(
            f"{name}: where is {where!r}: give a table of columns and the list of their values to keep."
        )
    if dataset is not None and not (isinstance(dataset, Mapping) and "id" in dataset):
        raise InputError(
            f'{name}: dataset is {dataset!r}: give a table with its id, such as {{ id = "imdb" }}.'
        )
    check_types(settings, DataSource, name)
    return DataSource(
        **{key: as_tuple(value) for key, value in settings.items()},
        dataset=None if dataset is None else made(HubDataset, dataset, f"{name} dataset"),
        where={column: tuple(values) for column, values in where.items()},
        folder=folder,
    )
