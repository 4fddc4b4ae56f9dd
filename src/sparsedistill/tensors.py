"""Arrays in a safetensors file, mapped into memory rather than read.

The safetensors package reads by copying; a student of a billion rows is used where it lies. The format
is small enough to check here in full: eight bytes of header size, a JSON header, the arrays end to end.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import InputError
from .files import atomic_write

_DTYPES: dict[str, np.dtype[Any]] = {
    "F32": np.dtype("<f4"),
    "F16": np.dtype("<f2"),
    "I8": np.dtype("i1"),
    "U8": np.dtype("u1"),
    "I32": np.dtype("<i4"),
    "U32": np.dtype("<u4"),
    "I64": np.dtype("<i8"),
    "U64": np.dtype("<u8"),
}
_NAMES = {dtype: name for name, dtype in _DTYPES.items()}
_ALIGNMENT = 64  # of the first array in the file: a cache line
_LARGEST_HEADER = 100_000_000  # as the safetensors package has it


def write_tensors(path: str | Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write `arrays` in the order given, the first of them at a multiple of 64 bytes.

    Raises:
        InputError: `path` cannot be written.
    """
    header: dict[str, Any] = {"__metadata__": {"format": "np"}}
    end = 0
    for name, array in arrays.items():
        begin, end = end, end + array.nbytes
        header[name] = {
            "dtype": _NAMES[array.dtype.newbyteorder("<")],
            "shape": list(array.shape),
            "data_offsets": [begin, end],
        }
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-(8 + len(text)) % _ALIGNMENT)
    with atomic_write(path) as partial, partial.open("wb") as file:
        file.write(len(text).to_bytes(8, "little"))
        file.write(text)
        for array in arrays.values():
            file.write(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)


def map_tensors(path: str | Path) -> dict[str, NDArray[Any]]:
    """The arrays of a safetensors file, as read-only views of the mapped file.

    Nothing but the header is read before an array is.

    Raises:
        InputError: The file is missing, truncated, or not a safetensors file.
    """
    try:
        data = np.asarray(np.memmap(path, np.uint8, mode="r"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be opened ({error}): was the model saved whole?") from error
    size = int.from_bytes(data[:8].tobytes(), "little")
    if len(data) < 8 or size > min(len(data) - 8, _LARGEST_HEADER):
        raise _damaged(path, "its header is cut off")
    try:
        header = json.loads(data[8 : 8 + size].tobytes())
        entries = [(name, entry) for name, entry in header.items() if name != "__metadata__"]
        return {name: _view(data[8 + size :], entry) for name, entry in entries}
    except (AttributeError, KeyError, TypeError, UnicodeDecodeError, ValueError) as error:
        raise _damaged(path, str(error)) from error


def _view(data: NDArray[np.uint8], entry: dict[str, Any]) -> NDArray[Any]:
    dtype, shape = _DTYPES[entry["dtype"]], entry["shape"]
    begin, end = entry["data_offsets"]
    if not all(type(n) is int and n >= 0 for n in (begin, end, *shape)):
        raise ValueError("a size is no whole number")
    if not begin <= end <= len(data):
        raise ValueError("it is cut off")
    if end - begin != prod(shape) * dtype.itemsize:
        raise ValueError("an array's size does not fit its shape")
    view: NDArray[Any] = data[begin:end].view(dtype)
    return view.reshape(shape)


def _damaged(path: str | Path, reason: str) -> InputError:
    return InputError(f"{path} is not a whole safetensors file ({reason}): copy or save the model again.")
