"""Typed records in JSON files: dataclasses are written as objects, and read back with their types checked."""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from ..errors import InputError, first_line
from .files import atomic_write
from .object_store import ObjectPath
from .texts import encodable

Record = TypeVar("Record")


def as_builtins(record: object) -> Any:
    """Convert a record to dicts, lists and plain values. Fields of dataclasses that are None are left out.

    Args:
        record: A dataclass instance, or lists, tuples and dicts that contain some.
    """
    if is_dataclass(record) and not isinstance(record, type):
        values = {field.name: getattr(record, field.name) for field in fields(record)}
        return {name: as_builtins(value) for name, value in values.items() if value is not None}
    if isinstance(record, dict):
        return {key: as_builtins(value) for key, value in record.items()}
    if isinstance(record, list | tuple):
        return [as_builtins(value) for value in record]
    return record


def as_json(record: object, indent: int = 2) -> str:
    """Convert a record to JSON that ends with a line feed. See :func:`as_builtins`.

    Lone surrogates, such as those of file names that are not UTF-8, become U+FFFD.
    """
    return encodable(json.dumps(as_builtins(record), indent=indent, ensure_ascii=False)) + "\n"


def write_record(path: Path | ObjectPath, record: object, indent: int = 2) -> None:
    """Write a record to a JSON file, atomically. See :func:`as_builtins`.

    Raises:
        InputError: `path` cannot be written.
    """
    if isinstance(path, ObjectPath):
        path.write_bytes(as_json(record, indent).encode())
        return
    with atomic_write(path) as partial:
        partial.write_text(as_json(record, indent), encoding="utf-8")


def read_record(path: Path | ObjectPath, kind: type[Record], advice: str) -> Record:
    """Read a JSON file as a dataclass. Unknown keys are ignored; values must have exactly the declared types.

    Args:
        path: The file.
        kind: The dataclass.
        advice: What to do if the file cannot be used; the second half of the error message.

    Raises:
        InputError: The file does not exist, is not JSON, lacks a field, or has a value of the wrong type.
    """
    if isinstance(path, Path) and path.exists() and not path.is_file():
        raise InputError(f"{path} is not a regular file: {advice}.")
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind, strict=True)
    except FileNotFoundError:
        raise InputError(f"{path} does not exist: give a directory that sparsedistill has saved.") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): {advice}.") from error
    except (UnicodeDecodeError, msgspec.DecodeError, RecursionError) as error:
        raise InputError(f"{path} cannot be used ({first_line(error)}): {advice}.") from error
