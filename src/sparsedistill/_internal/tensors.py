"""Arrays in safetensors files, memory-mapped.

The safetensors package copies arrays when it reads them; a table of a billion rows is used in place. The
package checks the header, which reads nothing else of the file.
"""

from __future__ import annotations

import json
import mmap
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from io import FileIO
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from ..errors import InputError, first_line
from .digests import Read, array_digest, reader, span_digest
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
_LARGEST_HEADER = 1 << 20  # bytes: that of a student has less than a thousand

# Larger arrays are read one page at a time, when a page is first used. By default, Linux reads its whole
# read-ahead window around each page (8 MB on the machine measured): the first text of a student of 4 GB would
# read 1 GB and take 1 s instead of 0.06 s. An array up to this size is read as a whole at once, which takes
# about as long as the few hundred pages of the first text one by one (90 us each; 64 MB at 1.4 GB/s).
_LARGE = 64 * 2**20  # bytes

# Files up to this size are not mapped by default: reading them takes 0.1 ms longer, and a program that writes
# into such a file while it is used does no harm.
_READ_AT_ONCE = 2 * 2**20  # bytes


@dataclass(frozen=True)
class _Entry:
    """An array in the header: its bytes are counted from the beginning of the file."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    begin: int
    end: int


def write_tensors(path: str | Path, arrays: Mapping[str, NDArray[Any]]) -> dict[str, str]:
    """Write `arrays` to a safetensors file, in the given order. The first begins at a multiple of 64 bytes.

    Returns:
        The digest of each array, for :func:`verify_tensors`.

    Raises:
        InputError: `path` cannot be written.
    """
    with atomic_write(path) as partial:
        views = (np.ascontiguousarray(array).reshape(-1) for array in arrays.values())
        write_blocks(partial, arrays, views, holes=False)
    return {name: array_digest(array) for name, array in arrays.items()}


def write_blocks(
    path: Path, arrays: Mapping[str, NDArray[Any]], blocks: Iterable[NDArray[Any]], *, holes: bool = True
) -> None:
    """Write a safetensors file whose content comes in blocks.

    Args:
        path: The file, which is empty.
        arrays: Names, shapes and types of the arrays, in the order of the file.
        blocks: The content, one array after the other; none is part of two arrays.
        holes: Blocks of zeros take no space on the disk.
    """
    with path.open("wb") as file:
        file.write(_header(arrays))
        for block in blocks:
            data = block.reshape(-1).view(np.uint8)
            if holes and not block.any():
                file.seek(data.nbytes, os.SEEK_CUR)
            else:
                file.write(data.data)
        file.truncate()


def _header(arrays: Mapping[str, NDArray[Any]]) -> bytes:
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
    return len(text).to_bytes(8, "little") + text


def open_tensors(path: str | Path, *, mapped: bool | None = None) -> dict[str, NDArray[Any]]:
    """Open a safetensors file.

    Args:
        path: The file.
        mapped: Map the file into memory: only the header is read, and arrays are read when they are used.
            Otherwise all is read now. By default, files larger than 2 MiB are mapped.

    Returns:
        Read-only arrays, by name. Those that are not aligned to their items in the file are copies.

    Raises:
        InputError: The file is missing, truncated, or not a safetensors file.
    """
    with _opened(path) as file:
        entries = _read_header(path, file)
        try:
            if os.fstat(file.fileno()).st_size > _READ_AT_ONCE if mapped is None else mapped:
                data = _map(file, [(entry.begin, entry.end) for entry in entries.values()])
            else:
                data = _read(file)
            return {name: _view(data, entry) for name, entry in entries.items()}
        except (OSError, ValueError) as error:
            raise _damaged(path, first_line(error)) from error


def verify_tensors(path: str | Path, digests: Mapping[str, str], advice: str) -> None:
    """Read a whole safetensors file, and compare its arrays with their digests.

    Args:
        path: The file.
        digests: The digest of each array, as :func:`write_tensors` returned them.
        advice: What to do if an array is damaged; the second half of the error message.

    Raises:
        InputError: A digest differs, or an array of floats has one that is not finite.
    """
    with _opened(path) as file:
        entries = _read_header(path, file)
        read = reader(file.fileno())
        for name, entry in entries.items():
            try:
                found = span_digest(entry.begin, entry.end, _finite(read, entry.dtype))
            except FloatingPointError as error:
                raise InputError(f"{path} is damaged ({name} {error}): {advice}.") from error
            if found != digests.get(name):
                raise InputError(f"{path} is damaged (the digest of the array {name} differs): {advice}.")


def _finite(read: Read, dtype: np.dtype[Any]) -> Read:
    """`read` for an array, which raises FloatingPointError if floats are not finite."""
    if dtype.kind != "f":
        return read

    def checked(begin: int, end: int) -> bytes | memoryview:
        data = read(begin, end)
        if not np.isfinite(np.frombuffer(data, dtype, len(data) // dtype.itemsize)).all():
            raise FloatingPointError("contains numbers that are not finite")
        return data

    return checked


def _opened(path: str | Path) -> FileIO:
    """Open a file; a pipe, which would be waited for, is refused."""
    if Path(path).exists() and not Path(path).is_file():
        raise _damaged(path, "it is not a regular file")
    try:
        return Path(path).open("rb", buffering=0)
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"{path} cannot be opened ({reason}): copy or save the model again.") from error


def _read_header(path: str | Path, file: FileIO) -> dict[str, _Entry]:
    """The arrays of a file, as the safetensors package sees them.

    The package refuses what is not exactly one array after the other to the end of the file, nesting and
    numbers without bounds; not a name that occurs twice.

    The header is read from `file`, which will be mapped. Linux keeps the state of its read-ahead with the
    open file: if another one had read the header, the first look-up would read 8 MB of the table.

    Raises:
        InputError: The file is truncated, or not a safetensors file.
    """
    try:
        size = int.from_bytes(file.read(8), "little")
        if size > _LARGEST_HEADER:
            raise _damaged(path, "its header is too large")
        text = file.read(min(size, os.fstat(file.fileno()).st_size))
        with safe_open(path, "np"):
            pass
    except (OSError, SafetensorError) as error:
        raise _damaged(path, first_line(error)) from error
    try:
        header = json.loads(text, object_pairs_hook=_without_repeats)
        header.pop("__metadata__", None)
        return {name: _entry(name, entry, 8 + size) for name, entry in header.items()}
    except ValueError as error:
        raise _damaged(path, str(error)) from error


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name occurs twice")
    return found


def _entry(name: str, entry: dict[str, Any], start: int) -> _Entry:
    """An array of a header that the safetensors package has checked."""
    if entry["dtype"] not in _DTYPES:
        raise ValueError(f"the array {name} has the dtype {entry['dtype']}")
    begin, end = entry["data_offsets"]
    return _Entry(_DTYPES[entry["dtype"]], tuple(entry["shape"]), start + begin, start + end)


def _read(file: FileIO) -> NDArray[np.uint8]:
    """The content of a file, in memory that begins at a cache line."""
    size = os.fstat(file.fileno()).st_size
    room = np.empty(size + _ALIGNMENT, np.uint8)
    begin = -room.ctypes.data % _ALIGNMENT
    data = room[begin : begin + size]
    filled = file.seek(0)
    while filled < size and (count := file.readinto(data[filled:].data)):
        filled += count
    data.flags.writeable = False
    return data[:filled]


def _map(file: FileIO, spans: Iterable[tuple[int, int]]) -> NDArray[np.uint8]:
    """The content of a file, mapped; the operating system is told how each span will be read."""
    mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    data = np.frombuffer(mapped, np.uint8)
    if len(mapped) <= _LARGE and hasattr(mmap, "MADV_HUGEPAGE"):
        # On file systems with large folios (ext4 since Linux 6.16), each 2 MB is read at once on first use
        # and takes one entry of the page table. Other file systems read ahead as usual.
        with suppress(OSError):
            mapped.madvise(mmap.MADV_HUGEPAGE)
            return data
    for begin, end in spans:
        start = begin // mmap.PAGESIZE * mmap.PAGESIZE
        advice = mmap.MADV_RANDOM if end - begin > _LARGE else mmap.MADV_WILLNEED
        with suppress(OSError):  # the advice only affects speed
            mapped.madvise(advice, start, end - start)
    return data


def _view(data: NDArray[np.uint8], entry: _Entry) -> NDArray[Any]:
    """An array of a file. The sizes are checked again: the file may be another than the one checked."""
    if not 0 <= entry.begin <= entry.end <= len(data):
        raise ValueError("an array is cut off")
    if entry.end - entry.begin != prod(entry.shape) * entry.dtype.itemsize:
        raise ValueError("the size of an array does not match its shape")
    view: NDArray[Any] = data[entry.begin : entry.end].view(entry.dtype).reshape(entry.shape)
    if not view.flags.aligned:
        view = aligned(view)
        view.flags.writeable = False
    return view


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
