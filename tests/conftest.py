"""What several test files share."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

# Test processes run next to each other: idle threads of OpenMP must not spin. Set before torch is imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
# Names of models that do not exist must not be looked up over the network, with its time limits.
os.environ["HF_HUB_OFFLINE"] = "1"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real text next to the checkout. If it is missing, the test is skipped; in CI it fails."""
    folder = Path(__file__).parents[2] / "shared" / "data"
    if not folder.is_dir():
        if os.environ.get("CI") == "true":
            pytest.fail(f"{folder} does not exist, and CI must run this test")
        pytest.skip(f"{folder} does not exist")
    return folder


@pytest.fixture(scope="session")
def llm_url() -> Iterator[str]:
    """The base URL of a small LLM, served on loopback. Without it, the test is skipped; in CI it fails."""
    repository = Path(__file__).parents[1]
    models = sorted((repository / "build" / "llm").glob("**/*.gguf"))
    if not models or find_spec("xllamacpp") is None:
        reason = "no small LLM in build/llm: run `make test-slow`, which downloads one"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    command = [sys.executable, str(repository / "tests" / "support" / "small_llm.py"), str(models[0])]
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as server:
        assert server.stdout is not None
        address = next(line for line in server.stdout if line.startswith("address ")).split()[1]
        yield f"{address}/v1"
        server.kill()
