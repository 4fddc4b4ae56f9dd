"""Values of JSON objects as they are written, to carry them through: numbers keep all their digits."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
import pyarrow as pa

_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])


def members(line: bytes) -> Mapping[str, bytes | msgspec.Raw]:
    """The members of an object, each as it is written.

    Raises:
        ValueError: `line` is not an object, or is nested too deeply.
    """
    try:
        return _MEMBERS.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):  # NaN, for example, which Python reads
        try:
            row = json.loads(line)
        except RecursionError as error:
            raise ValueError("nested too deeply") from error
        if not isinstance(row, dict):
            raise ValueError("not an object") from None
        return {name: _written(value) for name, value in row.items()}


def values_of(lines: Iterable[bytes], names: Sequence[str]) -> dict[str, pa.Array]:
    """Columns of objects by name, or by their path in nested objects (``data.id``): see :func:`as_values`."""
    found: dict[str, list[bytes | None]] = {name: [] for name in names}
    for line in lines:
        row = members(line)
        for name in names:
            found[name].append(_value(row, name))
    return {name: as_values(values) for name, values in found.items()}


def written(values: Iterable[Any]) -> pa.Array:
    """Values that Python has parsed: see :func:`as_values`."""
    return as_values([None if value is None else _written(value) for value in values])


def as_values(values: Sequence[bytes | None]) -> pa.Array:
    """JSON as an array of the Arrow extension type json; null for what is missing or null."""
    storage = pa.array(values, pa.large_binary()).cast(pa.large_string())
    return pa.ExtensionArray.from_storage(pa.json_(pa.large_string()), storage)


def _written(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")


def _value(row: Mapping[str, bytes | msgspec.Raw], name: str) -> bytes | None:
    if name in row:
        value = bytes(row[name])
        return None if value == b"null" else value
    head, dot, rest = name.partition(".")
    inner = bytes(row.get(head, b"")) if dot else b""
    return _value(members(inner), rest) if inner.startswith(b"{") else None
