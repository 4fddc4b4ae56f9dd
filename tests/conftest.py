"""What several test files share."""

from __future__ import annotations

import os
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
