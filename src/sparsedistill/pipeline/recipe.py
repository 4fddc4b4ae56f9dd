"""A job in a TOML file: what :func:`~sparsedistill.pipeline.distill` is called with."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import fields
from difflib import get_close_matches
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

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

Config = TypeVar("Config")

_PLACES = ("labelled", "unlabelled", "validation", "test")
_COLUMNS = ("text", "text_pair", "label", "weight", "label_separator")
_TOP = ("output", "seed", "threads", "shard_size", "validation_share", "calibrate", "compact")
#: What of ``[teacher]`` names the teacher; the rest is how an encoder is fine-tuned.
_TEACHER = ("model", "encoder", "soft_targets")
_SECTIONS = ("data", "teacher", "vocabulary", "student", "training", "finetuning", "report")


def read_recipe(path: str | Path) -> dict[str, Any]:
    """The tables of a recipe.

    Raises:
        InputError: The file is missing or is not TOML.
    """
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path} does not exist: name a recipe, a file in TOML.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read ({error}): name a recipe, a file in TOML.") from error
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{path} is not TOML ({error}): mend that line.") from error


def override(recipe: dict[str, Any], setting: str) -> None:
    """Put ``section.key=value`` into a recipe; the value is TOML, or else a string.

    Raises:
        InputError: `setting` has no key or no value.
    """
    key, equals, text = setting.partition("=")
    *sections, name = key.strip().split(".")
    if not equals or not name or len(sections) > 1:
        raise InputError(f"--set {setting} is not of the form section.key=value: write it so.")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text.strip()
    (recipe.setdefault(sections[0], {}) if sections else recipe)[name] = value


def recipe_job(recipe: Mapping[str, Any], name: str = "The recipe") -> Job:
    """The job that a recipe describes.

    ``[report]`` is for :mod:`sparsedistill.experiments` and is not read here.

    Args:
        recipe: The tables.
        name: The recipe's name in errors.

    Raises:
        InputError: A table or a key is not known, a value has the wrong type, or the parts of the job exclude
            each other.
    """
    data, teacher = _table(recipe, "data", name), _table(recipe, "teacher", name)
    _known(data, (*_PLACES, *_COLUMNS, "classes"), f"{name} [data]")
    remembered = teacher.get("soft_targets", [])
    if not isinstance(remembered, list) or not all(isinstance(folder, str) for folder in remembered):
        raise InputError(f"{name} [teacher] soft_targets is {remembered!r}: give a list of directories.")
    folder = data_folder(recipe.get("data_dir"))
    columns = {key: data[key] for key in _COLUMNS if key in data}
    classes = data.get("classes")
    if classes is not None and not _fits(classes, tuple[str, ...]):
        raise InputError(f"{name} [data] classes is {classes!r}: give a list of names.")
    return Job(
        teacher=teacher.get("model"),
        encoder=teacher.get("encoder"),
        remembered=tuple(map(Path, remembered)),
        output=Path(recipe.get("output", "distilled")),
        columns=_made(Columns, columns, f"{name} [data]"),
        classes=None if classes is None else tuple(classes),
        config=recipe_config(recipe, name),
        **{key: _place(data[key], f"{name} [data] {key}", folder) for key in _PLACES if key in data},
    )


def recipe_config(recipe: Mapping[str, Any], name: str = "The recipe") -> DistillationConfig:
    """The settings in a recipe, without its data and teacher.

    Args:
        recipe: The tables.
        name: The recipe's name in errors.

    Raises:
        InputError: A table or a key is not known, or a value has the wrong type.
    """
    _known(recipe, (*_TOP, "data_dir", *_SECTIONS), name)
    tables = {section: _table(recipe, section, name) for section in _SECTIONS}
    vocabulary = tables["vocabulary"]
    tokenizer = {key: vocabulary[key] for key in vocabulary if key in _names(TokenizerConfig)}
    counting = {key: vocabulary[key] for key in vocabulary if key not in tokenizer}
    teacher = {key: value for key, value in tables["teacher"].items() if key not in _TEACHER}
    top = {key: recipe[key] for key in _TOP if key in recipe and key != "output"}
    _check(top, DistillationConfig, name)
    return DistillationConfig(
        teacher=_made(FinetuningConfig, teacher, f"{name} [teacher]"),
        tokenizer=_made(TokenizerConfig, tokenizer, f"{name} [vocabulary]"),
        counting=_made(CountingConfig, counting, f"{name} [vocabulary]"),
        student=_made(StudentConfig, tables["student"], f"{name} [student]"),
        training=_made(TrainingConfig, tables["training"], f"{name} [training]"),
        finetuning=_made(TrainingConfig, tables["finetuning"], f"{name} [finetuning]", FINE_TUNING),
        **top,
    )


def _table(recipe: Mapping[str, Any], section: str, name: str) -> Mapping[str, Any]:
    table = recipe.get(section, {})
    if not isinstance(table, Mapping):
        raise InputError(f"{name}: {section} is not a table: write [{section}] above its settings.")
    return table


def report_settings(recipe: Mapping[str, Any], kind: type[Config], title: str, name: str) -> Config:
    """What a recipe's ``[report]`` says, as a `kind`; `title` where it gives none.

    Raises:
        InputError: A key is not known, or a value is of the wrong type.
    """
    return _made(kind, {"title": title, **_table(recipe, "report", name)}, f"{name} [report]")


def _place(given: Any, name: str, folder: str | None) -> str | list[Path] | list[DataSource]:
    """Names of files, or data sources, whose local copies lie below `folder`."""
    if isinstance(given, str):
        return given
    entries = [given] if isinstance(given, Mapping) else given
    if isinstance(entries, list) and entries:
        if all(isinstance(entry, str) for entry in entries):
            return [Path(entry) for entry in entries]
        if all(isinstance(entry, Mapping) for entry in entries):
            return [_source(entry, name, folder) for entry in entries]
    raise InputError(
        f"{name} is {given!r}: give the name of a file, a table with a path or a dataset, or a list."
    )


def _source(given: Mapping[str, Any], name: str, folder: str | None) -> DataSource:
    settings = dict(given)
    _known(settings, [key for key in _names(DataSource) if key != "folder"], name)
    where = settings.pop("where", {})
    dataset = settings.pop("dataset", None)
    if not isinstance(where, Mapping) or not all(_fits(values, tuple[str, ...]) for values in where.values()):
        raise InputError(f"{name}: where is {where!r}: give columns with the list of their values to take.")
    if dataset is not None and not (isinstance(dataset, Mapping) and "id" in dataset):
        raise InputError(f'{name}: dataset is {dataset!r}: give a table with its id, as {{ id = "imdb" }}.')
    found = None if dataset is None else _made(HubDataset, dataset, f"{name} dataset")
    plain = {key: _tuples(value) for key, value in settings.items()}
    _check(settings, DataSource, name)
    wanted = {column: tuple(values) for column, values in where.items()}
    return DataSource(**plain, dataset=found, where=wanted, folder=folder)


def _made(kind: type[Config], settings: Mapping[str, Any], name: str, base: Config | None = None) -> Config:
    """A config of `settings`, the rest of it as in `base` or by default."""
    _known(settings, _names(kind), name)
    _check(settings, kind, name)
    given = {key: _tuples(value) for key, value in settings.items()}
    return kind(**({} if base is None else dict(vars(base))) | given)


def _tuples(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _names(kind: type) -> tuple[str, ...]:
    return tuple(entry.name for entry in fields(kind))


def _known(settings: Mapping[str, Any], known: Sequence[str], name: str) -> None:
    for key in settings:
        if key not in known:
            close = get_close_matches(key, known, 1)
            mend = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(known)}."
            raise InputError(f"{name} has no setting {key!r}: {mend}")


def _check(settings: Mapping[str, Any], kind: type, name: str) -> None:
    hints = get_type_hints(kind)
    for key, value in settings.items():
        if not _fits(value, hints[key]):
            wanted = str(hints[key]).removeprefix("<class '").removesuffix("'>").replace("typing.", "")
            raise InputError(f"{name}: {key} is {value!r}: give a value of type {wanted}.")


def _fits(value: Any, hint: Any) -> bool:
    """Whether a TOML value may stand for a field of that type."""
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
