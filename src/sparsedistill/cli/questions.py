"""Several questions as options of ``sparsedistill distill``: ``--teacher NAME=PATH`` and more."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import InputError
from .options import named_values

_NAMED = re.compile(r"([A-Za-z][A-Za-z0-9_-]*)=(.+)", re.DOTALL)


def add_teachers(tables: dict[str, Any], teachers: Sequence[str]) -> None:
    """Put the given teachers into a recipe: one in ``[teacher]``, or named ones in ``[[teachers]]``.

    A file whose name looks like NAME=PATH is one teacher.

    Raises:
        InputError: Several were given, and not all of them have a name.
    """
    named = [None if Path(given).exists() else _NAMED.fullmatch(given) for given in teachers]
    if len(teachers) == 1 and named[0] is None:
        tables.setdefault("teacher", {})["model"] = teachers[0]
        return
    models: dict[str, str] = {}
    for given, match in zip(teachers, named, strict=True):
        if match is None:
            raise InputError(f"--teacher {given} has no name: give NAME=PATH for each of several teachers.")
        if match[1] in models:
            raise InputError(f"--teacher {match[1]} was given twice: give each head another name.")
        models[match[1]] = match[2]
    _add(tables, "model", models)


def add_label(tables: dict[str, Any], label: str) -> None:
    """Put the label column, or those of several questions, into a recipe.

    Raises:
        InputError: Some columns have the name of a head, and some have not.
    """
    columns = named_values(label)
    if columns is None:
        tables.setdefault("data", {})["label"] = label
    else:
        _add(tables, "label", columns)


def _add(tables: dict[str, Any], key: str, values: Mapping[str, str]) -> None:
    """Set a key of questions; those that the recipe does not have yet come last."""
    questions = tables.setdefault("teachers", [])
    if not isinstance(questions, list):
        return  # the recipe says so itself when it is read
    for name, value in values.items():
        table = next((one for one in questions if isinstance(one, dict) and one.get("name") == name), None)
        if table is None:
            table = {"name": name}
            questions.append(table)
        table[key] = value
