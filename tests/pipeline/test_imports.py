"""The public names of the pipeline and training packages, and what their import costs."""

from __future__ import annotations

import subprocess
import sys

import pytest

from sparsedistill import pipeline, training


@pytest.mark.parametrize("package", [pipeline, training])
def test_public_names_can_be_imported(package: object) -> None:
    names = package.__all__  # type: ignore[attr-defined]
    assert names
    assert dir(package) == sorted(names)
    assert all(getattr(package, name) is not None for name in names)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = package.nothing  # type: ignore[attr-defined]


def test_settings_and_recipes_do_not_import_torch() -> None:
    code = (
        "import sys\n"
        "from sparsedistill import DistillationConfig, TrainingConfig\n"
        "from sparsedistill.pipeline import Job, recipe_job\n"
        "from sparsedistill.training import FINE_TUNING, TableKind\n"
        "print(sorted({'torch', 'transformers'} & set(sys.modules)))\n"
    )
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert found.stdout == "[]\n"
