"""The page of a server in a real Chromium."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from support.page import Opener, chromium, text_field
from support.server import RunningServer

expect.set_options(timeout=20_000)  # milliseconds: machines of CI are busy


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests in this folder are slow."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker(pytest.mark.slow)


# Not of the session: while Playwright runs, other tests in the process cannot run event loops.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as launched:
        yield launched


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Opener]:
    """Pages must report no error, which includes whatever the content security policy refuses."""
    contexts = []
    errors: list[str] = []

    def opened(server: RunningServer, **options: object) -> Page:
        context = browser.new_context(**options)  # type: ignore[arg-type]  # of new_context
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
        page.goto(server.url)
        return page

    yield opened
    for context in contexts:
        context.close()
    # A refused request is also an error of the console, which tests make on purpose.
    assert [each for each in errors if "Failed to load resource" not in each] == []


@pytest.fixture
def page(open_page: Opener, server: RunningServer) -> Page:
    """The page of a server of all kinds of students."""
    opened = open_page(server)
    text_field(opened).wait_for()
    return opened
