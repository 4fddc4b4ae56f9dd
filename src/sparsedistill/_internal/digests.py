"""Digests of arrays and files.

A digest is the SHA-256 of the SHA-256 digests of consecutive blocks of 4 MiB, in hexadecimal: threads share
the blocks, and no more than a few of them are in memory.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .threads import all_threads

BLOCK = 1 << 22  # bytes

#: Gives the bytes of a span, from its begin and end.
Read = Callable[[int, int], "bytes | memoryview"]


def array_digest(array: NDArray[Any]) -> str:
    """The digest of the bytes of an array, in row-major order."""
    data = np.ascontiguousarray(array).reshape(-1).view(np.uint8).data
    return span_digest(0, len(data), lambda begin, end: data[begin:end])


def file_digest(path: str | Path) -> str:
    """The digest of a file's content.

    Raises:
        OSError: It cannot be read.
    """
    with Path(path).open("rb", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        return span_digest(0, size, reader(file.fileno()))


def reader(descriptor: int) -> Read:
    """Reads spans of an open file."""
    return lambda begin, end: os.pread(descriptor, end - begin, begin)


def span_digest(begin: int, end: int, read: Read) -> str:
    """The digest of the bytes from `begin` to `end`.

    Args:
        begin: Where the first block begins.
        end: Where the last block ends.
        read: Gives the bytes of a block; it is called from several threads.
    """

    def block(start: int) -> bytes:
        return hashlib.sha256(read(start, min(start + BLOCK, end))).digest()

    starts = range(begin, end, BLOCK)
    threads = min(all_threads(None), len(starts))
    whole = hashlib.sha256()
    for digest in _blocks(block, starts, threads):
        whole.update(digest)
    return whole.hexdigest()


def _blocks(block: Callable[[int], bytes], starts: range, threads: int) -> list[bytes]:
    """The digests of all blocks; without threads if none can be started."""
    if threads > 1:
        try:
            with ThreadPoolExecutor(threads) as pool:
                return list(pool.map(block, starts))
        except RuntimeError:  # no thread can be started
            pass
    return [block(start) for start in starts]
