"""Progress bars and log messages on the terminal."""

from __future__ import annotations

import io
import logging
import re
import subprocess
import sys

import pytest
from rich.console import Console

from sparsedistill.cli import progress as module
from sparsedistill.cli.progress import progress_bars, show_log

#: Descriptions, totals and units of the longest bars that the library draws.
TASKS = [
    ("Counting n-grams", None, "texts", 12_345_678),
    ("Fine-tuning the teacher", 31_250, "steps", 317),
    ("Scoring with the teacher", 702_710, "texts", 123_456),
    ("Training on labels", 3_000_000_000, "texts", 1_234_567_890),
    ("Reading the corpus", None, "texts", 999),
]


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """A terminal of 80 columns that the bars are drawn on."""
    out = io.StringIO()
    console = Console(file=out, width=80, force_terminal=True, color_system=None, markup=False)
    monkeypatch.setattr(module, "console", console)
    return out


@pytest.mark.parametrize(("description", "total", "unit", "done"), TASKS)
def test_bars_fit_into_80_columns(
    terminal: io.StringIO, description: str, total: int | None, unit: str, done: int
) -> None:
    with progress_bars(description, total, unit, done // 2) as advance:
        advance(done - done // 2, note="step 123/45678 · loss 0.123 · accuracy 0.987")
    lines = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", terminal.getvalue()).replace("\r", "\n").splitlines()
    last = [line for line in lines if line.strip()][-1]
    assert description in last
    assert "…" not in last
    assert unit in last
    assert len(last.rstrip()) <= 80


def test_without_a_terminal_a_line_is_written_now_and_then(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "_SECONDS_BETWEEN_LINES", 0.0)
    monkeypatch.setattr(module, "console", Console(stderr=True, markup=False, highlight=False, width=200))
    with progress_bars("Labelling", 200, "texts") as advance:
        advance(50, note="half a shard")
    assert "Labelling: 50 of 200" in capsys.readouterr().err


def test_log_messages_are_printed_while_a_command_runs(
    terminal: io.StringIO, caplog: pytest.LogCaptureFixture
) -> None:
    """Once: handlers of the root logger do not get them."""
    logger = logging.getLogger("sparsedistill.labeling")
    with show_log():
        logger.warning("a brace [like this] and 100 %")
    logger.warning("later")
    assert terminal.getvalue() == "Warning: a brace [like this] and 100 %\n"
    assert [record.getMessage() for record in caplog.records] == ["later"]


def test_bars_need_no_torch() -> None:
    code = (
        "import sys; from sparsedistill import progress_bars;"
        "sys.exit(bool({'torch', 'transformers'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
