"""Loading and scoring read only the parts of the model file that they need."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest

from sparsedistill import Student, Vocabulary
from sparsedistill.model.weights import StudentWeights

WORDS = 40_000
DIM = 800  # 128 MB of table
TEXT = " ".join(f"word{i}" for i in range(0, WORDS, 400))  # 100 rows, far apart

_PROGRAM = """
import sys
from pathlib import Path
from sparsedistill import Student

def read_bytes():
    lines = Path("/proc/self/io").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("read_bytes:"))

before = read_bytes()
student = Student.from_pretrained(sys.argv[1])
opened = read_bytes()
logits = student.score([sys.argv[2]], threads=1).logits
print(opened - before, read_bytes() - opened, *logits[0].tolist())
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A directory on disk: the temporary directory of the tests may be in memory."""
    build = Path(__file__).parents[2] / "build"
    build.mkdir(exist_ok=True)
    with TemporaryDirectory(dir=build) as name:
        yield Path(name)


def drop_from_page_cache(path: Path) -> None:
    file = os.open(path, os.O_RDONLY)
    os.fsync(file)
    os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(file)


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc/self/io")
def test_loading_and_a_first_prediction_read_little_of_a_large_table(folder: Path) -> None:
    random = np.random.default_rng(0)
    vocabulary = Vocabulary.from_ngrams([f"word{i}" for i in range(WORDS)])
    table = np.repeat(random.standard_normal((WORDS, 1), np.float32), DIM, axis=1)
    weights = StudentWeights(
        table,
        random.standard_normal((8, DIM), np.float32),
        np.zeros(8, np.float32),
        random.standard_normal((2, 8), np.float32),
        np.zeros(2, np.float32),
    )
    student = Student(vocabulary, weights, ("a", "b"))
    student.save_pretrained(folder / "student")
    drop_from_page_cache(folder / "student" / "model.safetensors")

    command = [sys.executable, "-c", _PROGRAM, str(folder / "student"), TEXT]
    found = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    opened, scored = int(found[0]), int(found[1])
    if opened + scored == 0:
        if os.environ.get("CI") == "true":
            pytest.fail(f"{folder} cannot be dropped from the page cache, and CI must run this test")
        pytest.skip(f"{folder} cannot be dropped from the page cache")
    # The hash table of 0.8 MB and the head; then two pages per row.
    assert opened < 4e6
    assert scored < 4e6
    np.testing.assert_array_equal(np.array(found[2:], np.float32), student.score([TEXT], threads=1).logits[0])
