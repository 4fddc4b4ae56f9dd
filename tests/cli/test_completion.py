"""Completion of commands and options in shells."""

from __future__ import annotations

import pytest
from support.commands import Run


@pytest.mark.parametrize(
    ("words", "expected"),
    [("sparsedistill ins", ["inspect"]), ("sparsedistill doctor --js", ["--json"])],
)
def test_bash_completes(run: Run, monkeypatch: pytest.MonkeyPatch, words: str, expected: list[str]) -> None:
    monkeypatch.setenv("_SPARSEDISTILL_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(words.count(" ")))
    code, out, err = run()
    assert (code, err) == (0, "")
    assert out.split() == expected


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_scripts_are_shown(run: Run, monkeypatch: pytest.MonkeyPatch, shell: str) -> None:
    monkeypatch.setenv("_SPARSEDISTILL_COMPLETE", f"source_{shell}")
    code, out, err = run()
    assert (code, err) == (0, "")
    assert f"_SPARSEDISTILL_COMPLETE=complete_{shell}" in out
