"""Results as JSON on standard output, for programs."""

from __future__ import annotations

import json
import math
from typing import Annotated, Any

import typer

from .._internal.records import as_builtins

#: The option of every command that prints tables.
Json = Annotated[
    bool,
    typer.Option("--json", help="Print the result as JSON on standard output, instead of tables."),
]


def print_json(record: object) -> None:
    """Print a record to standard output, in ASCII; figures that are not finite are null.

    See :func:`~._internal.records.as_builtins`.
    """
    print(json.dumps(_finite(as_builtins(record)), indent=2))  # noqa: T201


def _finite(value: Any) -> Any:
    """JSON has neither NaN nor infinity."""
    if isinstance(value, dict):
        return {name: _finite(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
