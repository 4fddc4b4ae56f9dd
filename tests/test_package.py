"""The public names of the package, and what they import."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import sparsedistill

HEAVY = ("torch", "transformers", "fbgemm_gpu", "accelerate", "sklearn", "datasets", "typer")


def imported_by(code: str) -> set[str]:
    """The modules of `HEAVY` that a new interpreter has imported after running `code`."""
    program = f"import sys\n{code}\nprint(*({set(HEAVY)!r} & set(sys.modules)))"
    command = [sys.executable, "-c", program]
    return set(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split())


@pytest.mark.parametrize("name", sparsedistill.__all__)
def test_public_names_can_be_imported(name: str) -> None:
    found = getattr(sparsedistill, name)
    assert found.__name__ == name
    assert found.__module__.startswith("sparsedistill.")
    assert name in dir(sparsedistill)


def test_unknown_names_are_attribute_errors() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'destill'"):
        _ = sparsedistill.destill


def test_a_missing_extra_is_named() -> None:
    code = "import sys; sys.modules['torch'] = None; import sparsedistill; sparsedistill.distill"
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    message = "ImportError: sparsedistill.distill needs torch: pip install 'sparsedistill[train]'"
    assert message in done.stderr


@pytest.mark.parametrize(
    "code",
    [
        "import sparsedistill",
        "import sparsedistill.evaluation",
        "from sparsedistill import progress_bars",
        "from sparsedistill import Cascade, evaluate, read_labelled, tokenize",
    ],
)
def test_import_needs_neither_torch_nor_the_command_line(code: str) -> None:
    assert imported_by(code) == set()


def test_predictions_need_neither_torch_nor_the_command_line(tmp_path: Path) -> None:
    import numpy as np

    from sparsedistill.model.weights import StudentWeights

    one = np.eye(2, dtype=np.float32)
    student = sparsedistill.Student(
        sparsedistill.Vocabulary.from_ngrams(["good", "bad"]),
        StudentWeights(one, one, one[0], one, one[0]),
        ("good", "bad"),
    )
    student.save_pretrained(tmp_path / "s")
    code = f"""
import sparsedistill
student = sparsedistill.Student.from_pretrained({str(tmp_path / "s")!r})
assert student("good")[0]["label"] == "good"
assert student.predict_proba(["good", "bad"]).shape == (2, 2)
student.explain("good")
"""
    assert imported_by(code) == set()
