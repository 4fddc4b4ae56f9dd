"""Facts about something, as a table for people and as JSON for programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.table import Table


@dataclass(frozen=True)
class Facts:
    """Facts about one thing.

    Attributes:
        title: Title of the table.
        path: Where they are in JSON: the name of the thing, after those of what it is in.
        values: The facts by their names: text, numbers, lists (with bars in the table), tuples (with commas),
            or numbers by their names.
    """

    title: str
    path: tuple[str, ...]
    values: Mapping[str, object] = field(default_factory=dict)

    def table(self) -> Table:
        """One row per fact."""
        table = Table(title=self.title, title_justify="left", show_header=False)
        for name, value in self.values.items():
            table.add_row(name, _shown(value))
        return table


def nested(parts: Sequence[Facts]) -> dict[str, Any]:
    """Facts about several things, as one object of JSON."""
    found: dict[str, Any] = {}
    for part in parts:
        place = found
        for name in part.path[:-1]:
            place = place.setdefault(name, {})
        place[part.path[-1]] = dict(part.values)
    return found


def _shown(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_shown(each)}" for name, each in value.items())
    if isinstance(value, list | tuple):
        return (" | " if isinstance(value, list) else ", ").join(map(_shown, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
