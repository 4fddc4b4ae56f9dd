"""The blocks of the README and of the manual run, or say why not."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet
from support.completions import Reply, chosen, served
from support.manual import DOCS, REPOSITORY, TEXT, PageRun, commands, languages, pages, skipped
from support.manual_files import lay_out

from sparsedistill import MultiHeadStudent, Student

#: At most so many blocks of all pages do not run.
MOST_SKIPPED = 23
#: Languages of the page whose blocks tests/c compiles and tests/javascript runs.
OTHER = {"c", "javascript"}


def params() -> Iterator[ParameterSet]:
    for page in pages():
        yield pytest.param(page, id=str(page.relative_to(REPOSITORY)))


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory, shared_data: Path) -> Path:
    return lay_out(tmp_path_factory.mktemp("manual"), shared_data)


@pytest.fixture(scope="session")
def llm() -> Iterator[str]:
    with served(lambda seen, _: Reply(body=chosen(("yes", -0.2), ("no", -1.7)))) as running:
        yield running.url


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with commands(tmp_path_factory.mktemp("programs")) as folder:
        yield folder


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def test_every_block_has_a_language_and_few_are_left_out() -> None:
    known = TEXT | {"bash", "json", "python", "toml"} | OTHER
    assert {language for page in pages() for language in languages(page)} <= known
    others = {page.name for page in pages() if OTHER & set(languages(page))}
    assert others == {"browser.md"}
    reasons = [note for page in pages() for note in skipped(page)]
    assert all("reason=" in reason or reason.startswith('"') for reason in reasons)
    assert len(reasons) <= MOST_SKIPPED


@pytest.mark.slow
@pytest.mark.parametrize("page", params())
def test_the_blocks_of(page: Path, files: Path, programs: Path, llm: str, tmp_path: Path) -> None:
    folder = tmp_path / "work"
    shutil.copytree(files, folder, symlinks=True)
    texts = (folder / "more.txt").read_text(encoding="utf-8").splitlines()
    names = {
        "texts": texts,
        "others": texts[::-1],
        "labels": ["positive", "negative"] * (len(texts) // 2),
        "more": texts[:50],
        "truth": ["positive", "negative"] * 25,
        "student": Student.from_pretrained(folder / "distilled" / "student"),
        "pairs": Student.from_pretrained(folder / "pairs" / "student"),
        "Student": Student,
        "MultiHeadStudent": MultiHeadStudent,
    }
    addresses = {
        "https://api.openai.com/v1": llm,
        "http://127.0.0.1:8000/v1": llm,
        "sentence-transformers/all-MiniLM-L6-v2": "encoder",
    }
    outcome = PageRun(folder, programs, addresses, free_port(), names).run(page)
    blocks = [language for language in languages(page) if language not in TEXT | OTHER]
    assert outcome.ran + len(outcome.reasons) == len(blocks)
    assert len(outcome.reasons) == len(skipped(page)) or "lacks(" in page.read_text(encoding="utf-8")
    assert page == REPOSITORY / "README.md" or page.is_relative_to(DOCS)
