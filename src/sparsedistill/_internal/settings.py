"""Settings in TOML files: parsed, and checked against the dataclass that they are for."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields
from difflib import get_close_matches
from functools import cache
from numbers import Integral, Real
from pathlib import Path
from types import UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from ..errors import InputError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

Config = TypeVar("Config")


def read_toml(path: str | Path, what: str) -> dict[str, Any]:
    """Parse a TOML file; its settings are not checked yet.

    Args:
        path: The file.
        what: What it should be, for errors: ``"a recipe"``.

    Raises:
        InputError: The file is missing or is not TOML.
    """
    try:
        tables: dict[str, Any] = tomllib.loads(Path(path).read_text(encoding="utf-8-sig"))  # Notepad's mark
    except FileNotFoundError:
        raise InputError(f"{path} does not exist: name {what}, which is a TOML file.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read ({error}): name {what}, which is a TOML file.") from error
    except ValueError as error:  # TOMLDecodeError is one; so is the error of a number of 4,301 digits
        raise InputError(f"{path} is not TOML ({error}): fix that line.") from error
    except RecursionError as error:
        raise InputError(f"{path} nests values too deeply: write {what} of plain tables.") from error
    return tables


def toml_value(text: str) -> Any:
    """Parse a value as TOML; what is not TOML is a string."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):
        return text.strip()


def table_of(tables: Mapping[str, Any], section: str, name: str) -> Mapping[str, Any]:
    """The table of a section, empty if it is missing.

    Raises:
        InputError: It is not a table.
    """
    table = tables.get(section, {})
    if not isinstance(table, Mapping):
        raise InputError(f"{name}: {section} is not a table: write [{section}] above its settings.")
    return table


def made(kind: type[Config], settings: Mapping[str, Any], name: str, base: Config | None = None) -> Config:
    """Return a `kind` with `settings`; other fields are those of `base`, or the defaults.

    Args:
        kind: A dataclass.
        settings: Values from a TOML file; lists become tuples.
        name: Name of the settings in errors.
        base: Gives the other fields.

    Raises:
        InputError: A setting is unknown or missing, or a value has the wrong type.
    """
    check_names(settings, names_of(kind), name)
    check_types(settings, kind, name)
    for entry in fields(kind):  # type: ignore[arg-type]
        required = entry.default is MISSING and entry.default_factory is MISSING and base is None
        if required and entry.name not in settings:
            raise InputError(f"{name} has no {entry.name}: add it.")
    given = {key: as_tuple(value) for key, value in settings.items()}
    return kind(**({} if base is None else dict(vars(base))) | given)


def as_tuple(value: Any) -> Any:
    """A tuple for a list; other values unchanged."""
    return tuple(value) if isinstance(value, list) else value


def names_of(kind: type) -> tuple[str, ...]:
    """Names of the fields of a dataclass."""
    return tuple(entry.name for entry in fields(kind))


def check_names(settings: Mapping[str, Any], known: Sequence[str], name: str) -> None:
    """Check that all settings are known.

    Raises:
        InputError: One is not; the message suggests the closest name.
    """
    for key in settings:
        if key not in known:
            close = get_close_matches(key, known, 1)
            advice = f"did you mean {close[0]!r}?" if close else f"known settings are {', '.join(known)}."
            raise InputError(f"{name} has no setting {key!r}: {advice}")


def check_types(settings: Mapping[str, Any], kind: type, name: str) -> None:
    """Check values against the type hints of a dataclass.

    Raises:
        InputError: A value has another type.
    """
    hints = _hints_of(kind)
    for key, value in settings.items():
        if not fits(value, hints[key]):
            raise InputError(f"{name}: {key} is {value!r}: give {_described(hints[key])}.")


def _described(hint: Any) -> str:
    """What a field with this type hint takes."""
    if get_origin(hint) is Literal:
        return "one of " + ", ".join(map(repr, get_args(hint)))
    expected = str(hint).removeprefix("<class '").removesuffix("'>")
    return f"a value of type {expected.replace('typing.', '').replace('collections.abc.', '')}"


@cache
def _hints_of(kind: type) -> dict[str, Any]:
    """The type hints of a dataclass: resolving them takes a millisecond."""
    return get_type_hints(kind)


def check_fields(config: Any) -> None:
    """Check the values of a dataclass against the type hints of its fields.

    Raises:
        InputError: A value has another type.
    """
    check_types(vars(config), type(config), type(config).__name__)


def fits(value: Any, hint: Any) -> bool:
    """Whether a value can be that of a field with this type hint."""
    origin = get_origin(hint)
    if hint is Any:
        return True
    if origin in (Union, UnionType):
        return any(fits(value, option) for option in get_args(hint))
    if origin is Literal:
        return isinstance(value, str) and value in get_args(hint)
    if origin in (tuple, Sequence):
        return isinstance(value, list | tuple) and all(fits(item, get_args(hint)[0]) for item in value)
    if origin is Mapping:
        return isinstance(value, Mapping) and all(fits(item, get_args(hint)[1]) for item in value.values())
    if hint in (int, float):
        number = Integral if hint is int else Real
        return isinstance(value, number) and not isinstance(value, bool)
    return isinstance(value, hint)
