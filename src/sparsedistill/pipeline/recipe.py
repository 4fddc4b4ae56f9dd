"""Recipes: a :class:`~sparsedistill.pipeline.job.Job` as a TOML file."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import fields
from difflib import get_close_matches
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, TypeAlias, TypeVar, Union, get_args, get_origin, get_type_hints

from ..data.columns import Columns
from ..data.hub import HubDataset
from ..data.sources import DataSource, data_folder
from ..errors import InputError
from ..teachers.finetuning import FinetuningConfig
from ..training.config import FINE_TUNING, TrainingConfig
from ..vocabulary.config import CountingConfig, TokenizerConfig
from .config import DistillationConfig, StudentConfig
from .job import Job

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

#: A parsed TOML file, not checked yet: settings and tables of settings by name.
Recipe: TypeAlias = dict[str, Any]

Config = TypeVar("Config")

#: Keys of ``[data]``: where the texts are, and the fields of :class:`~sparsedistill.Columns`.
PLACES = ("labelled", "unlabelled", "validation", "test")
COLUMNS = ("text", "text_pair", "label", "weight", "label_separator", "group", "split_by", "problem")
#: Top-level settings that are fields of :class:`DistillationConfig`, and those that are not.
_CONFIG = (
    "seed",
    "threads",
    "shard_size",
    "validation_share",
    "calibrate",
    "compact",
    "baselines",
    "tune",
    "tune_minutes",
)
_PATHS = ("output", "data_dir")
#: Settings of ``[teacher]`` that name the teacher; the others say how an encoder is fine-tuned.
_TEACHER = ("model", "revision", "encoder", "soft_targets")
#: Sections whose settings the tuner chooses if they are not given.
_TUNED_SECTIONS = ("vocabulary", "student", "training")
_SECTIONS = ("data", "teacher", "vocabulary", "student", "training", "finetuning", "report")


def read_recipe(path: str | Path) -> Recipe:
    """Parse a recipe; its settings are checked by :func:`recipe_job`.

    Raises:
        InputError: The file is missing or is not TOML.
    """
    try:
        recipe: Recipe = tomllib.loads(Path(path).read_text(encoding="utf-8-sig"))  # Notepad writes a mark
    except FileNotFoundError:
        raise InputError(f"{path} does not exist: name a recipe, which is a TOML file.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read ({error}): name a recipe, which is a TOML file.") from error
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{path} is not TOML ({error}): fix that line.") from error
    except RecursionError as error:
        raise InputError(f"{path} nests values too deeply: write a recipe of plain tables.") from error
    return recipe


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
    if not equals or not name or len(sections) > 1:
        raise InputError(f"--set {setting} does not have the form section.key=value: write it like that.")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text.strip()
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
    config = recipe_config(recipe, name)
    data, teacher = _table(recipe, "data", name), _table(recipe, "teacher", name)
    _check_names(data, (*PLACES, *COLUMNS, "classes"), f"{name} [data]")
    classes = data.get("classes")
    if classes is not None and not _fits(classes, tuple[str, ...]):
        raise InputError(f"{name} [data]: classes is {classes!r}: give a list of names.")
    soft_targets = teacher.get("soft_targets", [])
    if not _fits(soft_targets, tuple[str, ...]):
        raise InputError(f"{name} [teacher]: soft_targets is {soft_targets!r}: give a list of directories.")
    folder = data_folder(_string(recipe, "data_dir", name))
    places = {key: _place(data[key], f"{name} [data] {key}", folder) for key in PLACES if key in data}
    output = _string(recipe, "output", name)
    return Job(
        teacher=_string(teacher, "model", f"{name} [teacher]"),
        revision=_string(teacher, "revision", f"{name} [teacher]"),
        encoder=_string(teacher, "encoder", f"{name} [teacher]"),
        remembered=tuple(map(Path, soft_targets)),
        output=Path("distilled" if output is None else output),
        columns=_made(Columns, {key: data[key] for key in COLUMNS if key in data}, f"{name} [data]"),
        classes=None if classes is None else tuple(classes),
        config=config,
        recipe=recipe,
        **places,
    )


def recipe_config(recipe: Recipe, name: str = "The recipe") -> DistillationConfig:
    """The settings in a recipe, without its data and teacher.

    Args:
        recipe: The recipe.
        name: The recipe's name in errors.

    Raises:
        InputError: A table or a setting is unknown, or a value has the wrong type.
    """
    _check_names(recipe, (*_PATHS, *_CONFIG, *_SECTIONS), name)
    tables = {section: _table(recipe, section, name) for section in _SECTIONS}
    vocabulary = tables["vocabulary"]
    tokenizer = {key: vocabulary[key] for key in vocabulary if key in _names(TokenizerConfig)}
    counting = {key: vocabulary[key] for key in vocabulary if key not in tokenizer}
    _check_names(counting, (*_names(TokenizerConfig), *_names(CountingConfig)), f"{name} [vocabulary]")
    teacher = {key: value for key, value in tables["teacher"].items() if key not in _TEACHER}
    _check_names(teacher, (*_TEACHER, *_names(FinetuningConfig)), f"{name} [teacher]")
    top = {key: recipe[key] for key in _CONFIG if key in recipe}
    _check_types(top, DistillationConfig, name)
    return DistillationConfig(
        teacher=_made(FinetuningConfig, teacher, f"{name} [teacher]"),
        tokenizer=_made(TokenizerConfig, tokenizer, f"{name} [vocabulary]"),
        counting=_made(CountingConfig, counting, f"{name} [vocabulary]"),
        student=_made(StudentConfig, tables["student"], f"{name} [student]"),
        training=_made(TrainingConfig, tables["training"], f"{name} [training]"),
        finetuning=_made(TrainingConfig, tables["finetuning"], f"{name} [finetuning]", FINE_TUNING),
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
    return _made(kind, {"title": title, **_table(recipe, "report", name)}, f"{name} [report]")


def _table(recipe: Mapping[str, Any], section: str, name: str) -> Mapping[str, Any]:
    table = recipe.get(section, {})
    if not isinstance(table, Mapping):
        raise InputError(f"{name}: {section} is not a table: write [{section}] above its settings.")
    return table


def _string(table: Mapping[str, Any], key: str, name: str) -> str | None:
    value = table.get(key)
    if value is not None and not isinstance(value, str):
        raise InputError(f"{name}: {key} is {value!r}: give a string.")
    return value


def _place(given: Any, name: str, folder: str | None) -> str | list[Path] | list[DataSource]:
    """Files, or data sources with local copies in `folder`."""
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
    _check_names(settings, [key for key in _names(DataSource) if key != "folder"], name)
    where = settings.pop("where", {})
    dataset = settings.pop("dataset", None)
    if not isinstance(where, Mapping) or not all(_fits(values, tuple[str, ...]) for values in where.values()):
        raise InputError(
            f"{name}: where is {where!r}: give a table of columns and the list of their values to keep."
        )
    if dataset is not None and not (isinstance(dataset, Mapping) and "id" in dataset):
        raise InputError(
            f'{name}: dataset is {dataset!r}: give a table with its id, such as {{ id = "imdb" }}.'
        )
    _check_types(settings, DataSource, name)
    return DataSource(
        **{key: _tuples(value) for key, value in settings.items()},
        dataset=None if dataset is None else _made(HubDataset, dataset, f"{name} dataset"),
        where={column: tuple(values) for column, values in where.items()},
        folder=folder,
    )


def _made(kind: type[Config], settings: Mapping[str, Any], name: str, base: Config | None = None) -> Config:
    """A `kind` with `settings`; other fields are those of `base`, or the defaults."""
    _check_names(settings, _names(kind), name)
    _check_types(settings, kind, name)
    given = {key: _tuples(value) for key, value in settings.items()}
    return kind(**({} if base is None else dict(vars(base))) | given)


def _tuples(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _names(kind: type) -> tuple[str, ...]:
    return tuple(entry.name for entry in fields(kind))


def _check_names(settings: Mapping[str, Any], known: Sequence[str], name: str) -> None:
    for key in settings:
        if key not in known:
            close = get_close_matches(key, known, 1)
            advice = f"did you mean {close[0]!r}?" if close else f"known settings are {', '.join(known)}."
            raise InputError(f"{name} has no setting {key!r}: {advice}")


def _check_types(settings: Mapping[str, Any], kind: type, name: str) -> None:
    hints = get_type_hints(kind)
    for key, value in settings.items():
        if not _fits(value, hints[key]):
            expected = str(hints[key]).removeprefix("<class '").removesuffix("'>").replace("typing.", "")
            raise InputError(f"{name}: {key} is {value!r}: give a value of type {expected}.")


def _fits(value: Any, hint: Any) -> bool:
    """Whether a TOML value can be the value of a field with this type hint."""
    origin = get_origin(hint)
    if origin in (Union, UnionType):
        return any(_fits(value, option) for option in get_args(hint) if option is not NoneType)
    if origin is Literal:
        return value in get_args(hint)
    if origin is tuple:
        return isinstance(value, list) and all(_fits(item, get_args(hint)[0]) for item in value)
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return type(value) is hint
