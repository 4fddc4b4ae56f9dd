"""Damaged copies of files of all formats."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize("count", [200, pytest.param(10_000, marks=pytest.mark.slow)])
def test_damaged_files_are_read_or_refused(count: int) -> None:
    """In a subprocess, which ends if one takes long; :mod:`support.damaged_files` says how to repeat one."""
    command = [sys.executable, "-m", "support.damaged_files", str(count)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    found = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr[-2000:]
    assert f"{count} damaged files" in found.stdout
