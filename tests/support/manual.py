"""The pages of the manual as programs: their blocks run in order, in a folder with the files that they name.

Jobs are short: a wrapper adds few steps to the commands that train, and lets the server of a page run beside
its other blocks. An output that a block of the page has made before is made again.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from unittest import SkipTest

import dill
import pytest
from sybil import Example, Sybil
from sybil.document import Document
from sybil.evaluators.python import PythonEvaluator
from sybil.parsers.markdown import CodeBlockParser, SkipParser

import sparsedistill
from sparsedistill import DistillationConfig, StudentConfig, TrainingConfig

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

REPOSITORY = Path(__file__).parents[2]
DOCS = REPOSITORY / "docs"

#: Languages of blocks that are no program.
TEXT = frozenset({"", "mermaid", "text"})

_SHORT = DistillationConfig(
    student=StudentConfig(dim=16, hidden=8),
    training=TrainingConfig(steps=30, batch_size=32),
    finetuning=TrainingConfig(steps=10, batch_size=32),
    tune=False,
    baselines=False,
)
_FENCE = re.compile(r"^ *```(.*)$", re.MULTILINE)


def pages() -> list[Path]:
    """The pages that have blocks."""
    found = [REPOSITORY / "README.md", *sorted(DOCS.rglob("*.md"))]
    return [page for page in found if _FENCE.search(page.read_text(encoding="utf-8"))]


def languages(page: Path) -> list[str]:
    """The language of each block of a page."""
    return [found[1].strip() for found in _FENCE.finditer(page.read_text(encoding="utf-8"))][::2]


def skipped(page: Path) -> list[str]:
    """What each note in a page says that skips the next block."""
    return re.findall(r"<!--- skip: next (.*) -->", page.read_text(encoding="utf-8"))


@dataclass
class Outcome:
    """What became of the blocks of a page: the number that ran, and the reasons of the others."""

    ran: int = 0
    reasons: list[str] = field(default_factory=list)


@contextmanager
def commands(folder: Path) -> Iterator[Path]:
    """The folder of the programs that pages call, while the process that runs them is alive."""
    own, name = Path(__file__).with_name("manual_command.py"), folder / "commands.socket"
    bin_ = folder / "bin"
    bin_.mkdir()
    for program in ("sparsedistill", "pip"):
        script = bin_ / program
        script.write_text(
            f'#!/bin/sh\nexec {sys.executable} -S {own} {name} {program} "$@"\n', encoding="utf-8"
        )
        script.chmod(0o755)
    with subprocess.Popen(
        [sys.executable, str(own), str(name)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "listening\n"
        yield bin_
        process.kill()


@dataclass(frozen=True)
class PageRun:
    """A run of a page.

    Attributes:
        folder: Its working directory.
        programs: The folder of :func:`commands`.
        addresses: Addresses in the page, and what stands for each.
        port: Where servers of the page listen.
        names: What its Python blocks know.
    """

    folder: Path
    programs: Path
    addresses: dict[str, str]
    port: int
    names: dict[str, Any]

    def run(self, page: Path) -> Outcome:
        """Run all blocks.

        Raises:
            AssertionError: A command failed.
            Exception: What a block in Python raised.
        """
        blocks = {"python": self._python, "bash": self._bash, "toml": self._toml, "json": self._json}
        parsers = [CodeBlockParser(language, evaluate) for language, evaluate in blocks.items()]
        document = Sybil(parsers=[*parsers, SkipParser()]).parse(page)
        document.namespace.update(self.names, lacks=lambda program: shutil.which(program) is None)
        with self._surroundings():
            return _evaluated(document)

    @contextmanager
    def _surroundings(self) -> Iterator[None]:
        with pytest.MonkeyPatch.context() as patch, ExitStack() as stack:
            stack.callback(self._stop_server)
            patch.chdir(self.folder)
            patch.setenv("PATH", f"{self.programs}:{Path(sys.executable).parent}:{os.environ['PATH']}")
            patch.setenv("MANUAL_PORT", str(self.port))
            patch.setenv("OPENAI_API_KEY", "a key that the server does not look at")
            patch.setenv("XDG_CACHE_HOME", str(self.folder / "cache"))
            patch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)  # for clients of the server
            # A function of a block travels with the names that it uses, as from a script.
            patch.setitem(dill.settings, "recurse", True)
            for name in ("distill", "distill_heads"):
                patch.setattr(sparsedistill, name, _quick(getattr(sparsedistill, name)), raising=False)
            yield

    def _python(self, example: Example) -> None:
        example.parsed = type(example.parsed)(
            self._addressed(example.parsed), example.parsed.offset, example.parsed.line_offset
        )
        PythonEvaluator(["annotations"])(example)

    def _bash(self, example: Example) -> None:
        command = ["bash", "-euo", "pipefail", "-c", self._addressed(example.parsed)]
        ended = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=300
        )
        where = f"{example.path}:{example.line}"
        assert ended.returncode == 0, f"{where}\n{example.parsed}\n{ended.stdout}\n{ended.stderr}"

    def _toml(self, example: Example) -> None:
        text = self._addressed(example.parsed)
        tables = tomllib.loads(text)
        name = "llm.toml" if "server" in tables else "job.toml" if "output" in tables else None
        if name is not None:
            (self.folder / name).write_text(text, encoding="utf-8")

    def _json(self, example: Example) -> None:
        json.loads(example.parsed)

    def _addressed(self, text: str) -> str:
        for address, real in {**self.addresses, "127.0.0.1:8000": f"127.0.0.1:{self.port}"}.items():
            text = text.replace(address, real)
        return text

    def _stop_server(self) -> None:
        number = self.folder / "server.pid"
        if number.exists():
            os.kill(int(number.read_text()), signal.SIGTERM)


def _evaluated(document: Document) -> Outcome:
    outcome = Outcome()
    for example in document.examples():
        try:
            example.evaluate()
        except SkipTest as reason:
            outcome.reasons.append(str(reason))
        else:
            outcome.ran += example.region.evaluator.__class__.__name__ != "Skipper"
    return outcome


def _quick(job: Callable[..., Any]) -> Callable[..., Any]:
    """A short job in the place of `job`, with the same arguments."""

    def run(*arguments: Any, **options: Any) -> Any:
        shutil.rmtree(options.get("output", "distilled"), ignore_errors=True)
        given = options.pop("config", None)
        config = _SHORT if given is None else replace(given, training=_SHORT.training)
        return job(*arguments, config=config, **options)

    return run
