"""A real Chromium, and what tests look for in the page of a server."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

import pytest
from playwright.sync_api import Browser, FilePayload, Locator, Page, sync_playwright

_NAMES = ("chromium", "chromium-browser", "google-chrome")

#: Opens the page of a server; options are those of a browser context.
Opener: TypeAlias = Callable[..., Page]


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser. Debian and Ubuntu have it as a package; ``make browser`` installs it."""
    found = next(filter(None, map(shutil.which, _NAMES)), None)
    if found is None:
        pytest.skip("There is no Chromium: make browser installs it with apt-get.")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield launched
        launched.close()


def text_field(page: Page) -> Locator:
    return page.get_by_role("textbox", name="Text", exact=True)


def choose(page: Page, name: str, *, field: str = "Student") -> None:
    page.get_by_label(field, exact=True).select_option(label=name)


def give(page: Page, name: str, content: str | bytes) -> None:
    """Choose a file."""
    content = content.encode() if isinstance(content, str) else content
    file: FilePayload = {"name": name, "mimeType": "text/plain", "buffer": content}
    page.get_by_label("Choose a file").set_input_files([file])


def column_of(page: Page, name: str) -> Locator:
    """What a student says of the text."""
    return page.get_by_role("article", name=name, exact=True)


def classes_of(column: Locator) -> list[tuple[str, str]]:
    """The classes that are shown, with their numbers."""
    rows = column.locator("tr").filter(has=column.page.locator(".class-button")).all()
    visible = [row for row in rows if row.is_visible()]
    return [(row.get_by_role("button").inner_text(), row.locator(".number").inner_text()) for row in visible]


def coloured(column: Locator) -> list[tuple[str, str]]:
    """The coloured words of the texts, with the class of their colour."""
    found = column.locator(".words mark").all()
    return [(word.inner_text(), word.get_attribute("class") or "") for word in found]
