"""How many threads to use by default."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from numbers import Integral
from pathlib import Path

from ..errors import InputError

#: More are a mistake.
_MOST_THREADS = 1 << 20


def all_threads(threads: int | None) -> int:
    """`threads`, by default one for each CPU that the process may use.

    Raises:
        InputError: `threads` is not a whole number, below 1, or above 2^20.
    """
    if threads is None:
        usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        quota = _own_quota()
        return usable if quota is None else min(usable, quota)
    if not isinstance(threads, Integral):
        raise InputError(f"threads is {threads!r}: give a whole number.")
    if threads < 1:
        raise InputError(f"threads is {threads}: it must be at least 1.")
    if threads > _MOST_THREADS:
        raise InputError(f"threads is {threads}: it must be at most {_MOST_THREADS:,}.")
    return int(threads)


def is_out_of_threads(error: RuntimeError) -> bool:
    """Whether an error says that the system gives no more threads."""
    return "start new thread" in str(error)


def cpu_quota(root: Path = Path("/")) -> int | None:
    """The CPU quota of the process's control group in whole CPUs, rounded up; None without a quota.

    The quotas of all groups that contain the process apply. Versions 1 and 2 of control groups are read; if a
    container hides its path, the quota is that of the mounted root.

    Args:
        root: Where ``proc`` and ``sys`` are mounted.
    """
    quotas = list(_quotas(root))
    return max(1, math.ceil(min(quotas))) if quotas else None


@cache
def _own_quota() -> int | None:
    """The quota when it was first asked for: a prediction for one text takes less time than reading it."""
    return cpu_quota()


def _quotas(root: Path) -> Iterator[float]:
    """CPUs of each quota that applies to the process."""
    mounts = root / "sys" / "fs" / "cgroup"
    for line in (_read(root / "proc" / "self" / "cgroup") or "").splitlines():
        _, _, entry = line.partition(":")
        controllers, _, group = entry.partition(":")
        if not controllers:  # version 2
            for folder in _upwards(mounts, group):
                quota, _, period = (_read(folder / "cpu.max") or "").partition(" ")
                yield from _cpus(quota, period)
        elif "cpu" in controllers.split(","):
            mount = mounts / controllers if (mounts / controllers).is_dir() else mounts / "cpu"
            for folder in _upwards(mount, group):
                quota, period = (_read(folder / f"cpu.cfs_{name}_us") or "" for name in ("quota", "period"))
                yield from _cpus(quota, period)


def _upwards(mount: Path, group: str) -> Iterator[Path]:
    """The folder of a group and of all groups around it, up to the mount."""
    parts = [part for part in group.split("/") if part not in ("", "..")]
    for length in range(len(parts), -1, -1):
        yield mount.joinpath(*parts[:length])


def _cpus(quota: str, period: str) -> Iterator[float]:
    """The CPUs that a quota allows, from microseconds; nothing if there is no quota (``max``, -1)."""
    with suppress(ValueError):
        if int(quota) > 0 and int(period) > 0:
            yield int(quota) / int(period)


def _read(path: Path) -> str | None:
    with suppress(OSError):
        return path.read_text(encoding="utf-8").strip()
    return None
