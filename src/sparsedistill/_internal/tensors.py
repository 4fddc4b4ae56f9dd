"""Arrays in a safetensors file, mapped into memory rather than read.

The safetensors package reads by copying; a student of a billion rows is used where it lies. The format
is small enough to check here in full: eight bytes of header size, a JSON header, the arrays end to end.
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
_ALIGNMENT = 64  # of the first array in the file: a cache line
_LARGEST_HEADER = 100_000_000  # as the safetensors package has it

# Arrays beyond this are read a page at a time where they are touched. Left to itself, Linux reads its whole
# read-ahead window around each page (8 MB on the machine measured): the first text of a student of 4 GB
# then reads 1 GB, and waits 1 s for what takes 0.06 s. Up to this size, all of it is read in the time
# that the few hundred pages of a first text take one by one (90 us each; 64 MB at 1.4 GB/s), and the texts
# thereafter find it there.
_LARGE = 64 * 2**20  # bytes


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
        with Path(path).open("rb", buffering=0) as file:
            # By the mapping, the system would read on from the header into the first array.
            size = int.from_bytes(file.read(8), "little")
            text = file.read(min(size, _LARGEST_HEADER))
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be opened ({error}): was the model saved whole?") from error
    if len(text) < size or len(mapped) < 8 + size:
        raise _damaged(path, "its header is cut off")
    data = np.frombuffer(mapped, np.uint8)[8 + size :]
    try:
        header = json.loads(text)
        entries = [(name, entry) for name, entry in header.items() if name != "__metadata__"]
        arrays = {name: _view(data, entry) for name, entry in entries}
    except (AttributeError, KeyError, TypeError, UnicodeDecodeError, ValueError) as error:
        raise _damaged(path, str(error)) from error
    _advise(mapped, 8 + size, [entry["data_offsets"] for _, entry in entries])
    return arrays


def _advise(mapped: mmap.mmap, begin: int, spans: Iterable[tuple[int, int]]) -> None:
    """Tell the system what of `mapped` will be read, the spans being counted from `begin`."""
    if len(mapped) <= _LARGE and hasattr(mmap, "MADV_HUGEPAGE"):
        # Read two megabytes at once, where they are used, and found by one entry of the page table: on file
        # systems with large folios (ext4 since Linux 6.16). Others read ahead as usual.
        with suppress(OSError):
            mapped.madvise(mmap.MADV_HUGEPAGE)
            return
    for first, last in spans:
        start = (begin + first) // mmap.PAGESIZE * mmap.PAGESIZE
        advice = mmap.MADV_RANDOM if last - first > _LARGE else mmap.MADV_WILLNEED
        with suppress(OSError):  # without the advice, it is as right and slower
            mapped.madvise(advice, start, begin + last - start)


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
