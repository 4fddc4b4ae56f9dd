"""Page cache and memory statistics of Linux."""

from __future__ import annotations

import ctypes
import mmap
import os
from pathlib import Path

import numpy as np

_libc = ctypes.CDLL(None, use_errno=True)


def evict(path: Path) -> None:
    """Remove a file from the page cache, so that the next read comes from disk.

    Raises:
        SystemExit: Pages of the file are still cached.
    """
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
        os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(file)
    if left := cached_bytes(path):
        raise SystemExit(
            f"{left:,} bytes of {path} are still in the page cache: stop other processes that map the file."
        )


def cached_bytes(path: Path) -> int:
    """Bytes of a file that are in the page cache, in whole pages."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        content = np.frombuffer(mapped, np.uint8)
        pages = np.empty(-(-len(content) // mmap.PAGESIZE), np.uint8)
        if _libc.mincore(
            ctypes.c_void_p(content.ctypes.data),
            ctypes.c_size_t(len(content)),
            ctypes.c_void_p(pages.ctypes.data),
        ):
            raise OSError(ctypes.get_errno(), "mincore failed", str(path))
        del content  # the mapping cannot be closed while an array refers to it
    return int((pages & 1).sum()) * mmap.PAGESIZE


def mapped_bytes(pid: int, path: Path) -> int:
    """Memory of a process that maps the file, as Pss: a page shared by n processes counts 1/n."""
    total, inside = 0, False
    for line in Path(f"/proc/{pid}/smaps").read_text("utf-8").splitlines():
        first = line.split(maxsplit=1)[0]
        if not first.endswith(":"):
            inside = line.endswith(f" {path.resolve()}")
        elif inside and first == "Pss:":
            total += 1024 * int(line.split()[1])
    return total


def process_bytes(pid: int) -> int:
    """Memory of a process, as Pss: a page shared by n processes counts 1/n."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text("utf-8").splitlines():
        if line.startswith("Pss:"):
            return 1024 * int(line.split()[1])
    raise OSError(f"/proc/{pid}/smaps_rollup has no line Pss")


def disk_bytes() -> int:
    """Bytes that were read from disk for this process."""
    for line in Path("/proc/self/io").read_text("ascii").splitlines():
        if line.startswith("read_bytes:"):
            return int(line.split()[1])
    raise OSError("/proc/self/io has no line read_bytes")
