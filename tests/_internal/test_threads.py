"""The default number of threads, with control groups in a directory."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from support.sentences import error

from sparsedistill._internal import threads
from sparsedistill._internal.threads import all_threads, cpu_quota


def put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, None),
        ({"cpu.max": "max 100000"}, None),
        ({"cpu.max": "150000 100000"}, 2),
        ({"cpu.max": "20000 100000"}, 1),
        ({"a/b/cpu.max": "400000 100000", "a/cpu.max": "300000 100000", "cpu.max": "max 100000"}, 3),
        ({"a/b/cpu.max": "broken"}, None),
    ],
)
def test_version_2(tmp_path: Path, files: dict[str, str], expected: int | None) -> None:
    put(tmp_path / "proc/self/cgroup", "0::/a/b\n")
    for name, text in files.items():
        put(tmp_path / "sys/fs/cgroup" / name, text + "\n")
    assert cpu_quota(tmp_path) == expected


@pytest.mark.parametrize("mount", ["cpu,cpuacct", "cpu"])
@pytest.mark.parametrize("folder", ["docker/0f", ""])  # a container sees its own group as the root
def test_version_1(tmp_path: Path, mount: str, folder: str) -> None:
    put(tmp_path / "proc/self/cgroup", "5:cpuset:/x\n4:cpu,cpuacct:/docker/0f\n0::/\n")
    group = tmp_path / "sys/fs/cgroup" / mount / folder
    put(group / "cpu.cfs_quota_us", "250000\n")
    put(group / "cpu.cfs_period_us", "100000\n")
    assert cpu_quota(tmp_path) == 3
    put(group / "cpu.cfs_quota_us", "-1\n")
    assert cpu_quota(tmp_path) is None


def test_without_control_groups(tmp_path: Path) -> None:
    assert cpu_quota(tmp_path) is None


def test_default_is_limited_by_the_quota(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    for quota, expected in ((None, 8), (3, 3), (20, 8)):
        monkeypatch.setattr(threads, "_own_quota", lambda quota=quota: quota)
        assert all_threads(None) == expected
    assert all_threads(5) == 5
    assert "at least 1" in error(lambda: all_threads(0))
