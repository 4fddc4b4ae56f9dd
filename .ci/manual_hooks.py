"""What the manual has besides its pages: the reference of the commands, from their ``--help``.

Links to files of the repository that are not pages, which GitHub follows, are plain text in the manual.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
LINK = re.compile(r"\[([^\]]+)\]\((\.\./[^)#\s]+)(#[^)\s]*)?\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the reference of the commands."""
    from mkdocs.structure.files import File

    files.append(File.generated(config, "reference/commands.md", content=commands()))
    return files


def commands() -> str:
    """All commands with their options, as Markdown."""
    command = [sys.executable, "-m", "typer", "sparsedistill.cli.app", "utils", "docs"]
    named = [*command, "--name", "sparsedistill", "--title", "Commands"]
    return subprocess.run(named, check=True, capture_output=True, text=True, cwd=ROOT).stdout  # noqa: S603


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """Take out the links that lead to files next to the manual; broken ones stay, and fail the build."""
    folder = (DOCS / page.file.src_uri).parent

    def plain(link: re.Match[str]) -> str:
        target = (folder / link[2]).resolve()
        leads_out = target.exists() and target.is_relative_to(ROOT) and not target.is_relative_to(DOCS)
        return link[1] if leads_out else link[0]

    return LINK.sub(plain, markdown)
