"""Torch's threads in training, by the order of imports."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

CODE = """
import logging
logging.basicConfig(format="%(message)s")
import {first}
import sparsedistill.training, torch
from sparsedistill._internal import threads
from sparsedistill.training.threads import default_threads, torch_threads
torch.set_num_threads(3)
threads._own_quota = lambda: None
threads.os.sched_getaffinity = lambda _: set(range({cpus}))
with torch_threads(None):
    inside = torch.get_num_threads()
print(inside, torch.get_num_threads(), default_threads())
"""


@pytest.mark.parametrize(
    ("first", "policy", "cpus", "expected"),
    [
        ("sparsedistill.training", None, 8, 3),
        ("sparsedistill.training", None, 2, 2),
        ("torch", "PASSIVE", 8, 3),
        ("torch", "ACTIVE", 8, 3),
        ("torch", None, 8, 1),
        ("torch", None, 1, 1),
    ],
)
def test_threads_by_the_order_of_imports(first: str, policy: str | None, cpus: int, expected: int) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    environment |= {} if policy is None else {"OMP_WAIT_POLICY": policy}
    done = subprocess.run(
        [sys.executable, "-c", CODE.format(first=first, cpus=cpus)],
        check=True,
        capture_output=True,
        text=True,
        env=environment,
    )
    assert done.stdout.split() == [str(expected), "3", str(expected)]
    warned = done.stderr.count("torch was imported before sparsedistill.training")
    assert warned == (expected == 1 < cpus)
