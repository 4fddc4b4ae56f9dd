"""Arrays in safetensors files, memory-mapped.

The safetensors package copies arrays when it reads them; a table of a billion rows is used in place. The
format is small enough to check here in full: eight bytes of header size, a JSON header, then the arrays
without gaps.
"""

from __future__ import annotations

import json
import mmap
from collections.abc import Iterable, Mapping
from contextlib import suppress
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
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
_ALIGNMENT = 64  # bytes: the first array of a file begins at a cache line
_LARGEST_HEADER = 100_000_000  # bytes: the limit of the safetensors package

# Larger arrays are read one page at a time, when a page is first used. By default, Linux reads its whole
# read-ahead window around each page (8 MB on the machine measured): the first text of a student of 4 GB would
# read 1 GB and take 1 s instead of 0.06 s. An array up to this size is read as a whole at once, which takes
# about as long as the few hundred pages of the first text one by one (90 us each; 64 MB at 1.4 GB/s).
_LARGE = 64 * 2**20  # bytes


def write_tensors(path: str | Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write `arrays` to a safetensors file, in the given order. The first begins at a multiple of 64 bytes.

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
    """Map a safetensors file into memory.

    Only the header is read. Arrays are read from the file when they are used.

    Returns:
        Read-only views of the mapped file, by name.

    Raises:
        InputError: The file is missing, truncated, or not a safetensors file.
    """
    try:
        with Path(path).open("rb", buffering=0) as file:
            # Read through the mapping, the header would trigger read-ahead of the first array.
            size = int.from_bytes(file.read(8), "little")
            text = file.read(min(size, _LARGEST_HEADER))
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path} cannot be opened ({_reason(error)}): copy or save the model again."
        ) from error
    if len(text) < size or len(mapped) < 8 + size:
        raise _damaged(path, "its header is cut off")
    data = np.frombuffer(mapped, np.uint8)[8 + size :]
    try:
        header = json.loads(text)
        entries = [(name, entry) for name, entry in header.items() if name != "__metadata__"]
        arrays = {name: _view(data, entry) for name, entry in entries}
    except (AttributeError, KeyError, RecursionError, TypeError, UnicodeDecodeError, ValueError) as error:
        raise _damaged(path, str(error)) from error
    _advise(mapped, 8 + size, [entry["data_offsets"] for _, entry in entries])
    return arrays


def _advise(mapped: mmap.mmap, begin: int, spans: Iterable[tuple[int, int]]) -> None:
    """Tell the operating system how each span of `mapped`, counted from `begin`, will be read."""
    if len(mapped) <= _LARGE and hasattr(mmap, "MADV_HUGEPAGE"):
        # On file systems with large folios (ext4 since Linux 6.16), each 2 MB is read at once on first use
        # and takes one entry of the page table. Other file systems read ahead as usual.
        with suppress(OSError):
            mapped.madvise(mmap.MADV_HUGEPAGE)
            return
    for first, last in spans:
        start = (begin + first) // mmap.PAGESIZE * mmap.PAGESIZE
        advice = mmap.MADV_RANDOM if last - first > _LARGE else mmap.MADV_WILLNEED
        with suppress(OSError):  # the advice only affects speed
            mapped.madvise(advice, start, begin + last - start)


def _view(data: NDArray[np.uint8], entry: dict[str, Any]) -> NDArray[Any]:
    dtype, shape = _DTYPES[entry["dtype"]], entry["shape"]
    begin, end = entry["data_offsets"]
    if not all(type(n) is int and n >= 0 for n in (begin, end, *shape)):
        raise ValueError("a size is not a natural number")
    if not begin <= end <= len(data):
        raise ValueError("an array is cut off")
    if end - begin != prod(shape) * dtype.itemsize:
        raise ValueError("the size of an array does not match its shape")
    view: NDArray[Any] = data[begin:end].view(dtype).reshape(shape)
    return view


def _reason(error: OSError | ValueError) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _damaged(path: str | Path, reason: str) -> InputError:
    return InputError(f"{path} is not a valid safetensors file ({reason}): copy or save the model again.")


def aligned(array: NDArray[Any]) -> NDArray[Any]:
    """The array, copied if it does not begin at a cache line, which the core asks of its tables."""
    if array.ctypes.data % _ALIGNMENT == 0:
        return array
    room = np.empty(array.nbytes + _ALIGNMENT, np.uint8)
    begin = -room.ctypes.data % _ALIGNMENT
    copied = room[begin : begin + array.nbytes].view(array.dtype).reshape(array.shape)
    copied[...] = array
    return copied
