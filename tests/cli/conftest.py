"""The command line, and a student for it."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from support.commands import Run

from sparsedistill import CountingConfig, Student, TokenizerConfig, Vocabulary
from sparsedistill.cli.app import main
from sparsedistill.model.weights import StudentWeights


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Call the command line; gives exit code, stdout, and stderr on one line."""

    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["sparsedistill", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main()
        captured = capsys.readouterr()
        return int(end.value.code or 0), captured.out, " ".join(captured.err.split())

    return call


@pytest.fixture
def student(tmp_path: Path) -> Path:
    """A student that tells good from bad by these two words."""
    vocabulary = Vocabulary.build(
        ["a good film", "a bad film"], TokenizerConfig(1), CountingConfig(min_count=1)
    )
    assert vocabulary.ngrams is not None
    table = np.zeros((len(vocabulary), 2), np.float32)
    table[vocabulary.ngrams.index("good"), 0] = table[vocabulary.ngrams.index("bad"), 1] = 3
    one, zero = np.eye(2, dtype=np.float32), np.zeros(2, np.float32)
    Student(vocabulary, StudentWeights(table, one, zero, 4 * one, zero), ("good", "bad")).save_pretrained(
        tmp_path / "student"
    )
    return tmp_path / "student"
