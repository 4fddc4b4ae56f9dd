"""What Linux keeps of a file in memory."""

from __future__ import annotations

import ctypes
import mmap
import os
from pathlib import Path

import numpy as np

_libc = ctypes.CDLL(None, use_errno=True)


def drop(path: Path) -> None:
    """Have the next one who reads the file wait for the disk."""
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
        os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(file)
    if left := cached_bytes(path):
        raise SystemExit(f"{left:,} bytes of {path} stay in memory: is another process using it?")


def cached_bytes(path: Path) -> int:
    """Bytes of the file that are in memory, in whole pages."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        content = np.frombuffer(mapped, np.uint8)
        pages = np.empty(-(-len(content) // mmap.PAGESIZE), np.uint8)
        if _libc.mincore(
            ctypes.c_void_p(content.ctypes.data),
            ctypes.c_size_t(len(content)),
            ctypes.c_void_p(pages.ctypes.data),
        ):
            raise OSError(ctypes.get_errno(), "mincore failed", str(path))
        del content  # or the mapping cannot be closed
    return int((pages & 1).sum()) * mmap.PAGESIZE


def mapped_bytes(process: int, path: Path) -> int:
    """The part of a process in the mapped file: what it shares with n others counts 1/n (Pss)."""
    total, inside = 0, False
    for line in Path(f"/proc/{process}/smaps").read_text("utf-8").splitlines():
        first = line.split(maxsplit=1)[0]
        if not first.endswith(":"):
            inside = line.endswith(f" {path.resolve()}")
        elif inside and first == "Pss:":
            total += 1024 * int(line.split()[1])
    return total


def process_bytes(process: int) -> int:
    """The memory of a process; what it shares with n others counts 1/n (Pss)."""
    for line in Path(f"/proc/{process}/smaps_rollup").read_text("utf-8").splitlines():
        if line.startswith("Pss:"):
            return 1024 * int(line.split()[1])
    raise OSError(f"/proc/{process}/smaps_rollup has no Pss")


def disk_bytes() -> int:
    """Bytes that this process has had read from disk."""
    for line in Path("/proc/self/io").read_text("ascii").splitlines():
        if line.startswith("read_bytes:"):
            return int(line.split()[1])
    raise OSError("/proc/self/io has no read_bytes")
