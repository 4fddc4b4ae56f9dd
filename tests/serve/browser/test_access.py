"""Who can use the page: keys, keyboards, screen readers, phones, the dark; and who cannot misuse it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect
from support.page import Opener, choose, column_of, give, text_field
from support.server import RunningServer, serving
from support.students import good_or_bad

KEY = "0123456789abcdef-key"
DESKTOP: Any = {"viewport": {"width": 1280, "height": 800}}
PHONE: Any = {"viewport": {"width": 320, "height": 640}, "is_mobile": True, "has_touch": True}


def assert_accessible(page: Page) -> None:
    """axe finds nothing, and has looked."""
    page.wait_for_timeout(200)  # bars move
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    assert len(found.response["passes"]) > 15


def fill_the_page(page: Page) -> None:
    """Let all sections show something."""
    choose(page, "three", field="Compare with")
    text_field(page).fill("a good film with a bad end")
    expect(column_of(page, "films").locator(".words mark")).to_have_count(2)
    expect(column_of(page, "three").locator(".words mark")).to_have_text("good")
    give(page, "a.csv", b"text\ngood\nbad\n")
    page.get_by_role("button", name="Score the file").click()
    page.get_by_role("link", name="Download").wait_for()
    page.get_by_text("Figures").click()
    page.get_by_role("button", name="List the n-grams of each class").click()
    page.get_by_role("table", name="n-grams that speak for good").wait_for()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("device", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_axe_finds_no_violation(open_page: Opener, server: RunningServer, device: Any, scheme: str) -> None:
    page = open_page(server, color_scheme=scheme, **device)
    text_field(page).wait_for()
    assert_accessible(page)
    fill_the_page(page)
    assert_accessible(page)
    give(page, "a.csv", b"text\n\xff\n")
    expect(page.locator("#file-problem")).to_be_visible()
    choose(page, "pairs")
    assert_accessible(page)
    width = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert width[0] == width[1]  # nothing to scroll to the side


def test_axe_would_find_a_violation(page: Page) -> None:
    page.evaluate("document.querySelector('label[for=text]').remove()")
    assert Axe().run(page).violations_count > 0


def test_colours_follow_the_scheme(open_page: Opener, server: RunningServer) -> None:
    colour = "getComputedStyle(document.body).backgroundColor"
    assert open_page(server, color_scheme="light").evaluate(colour) == "rgb(255, 255, 255)"
    assert open_page(server, color_scheme="dark").evaluate(colour) == "rgb(20, 23, 27)"


def test_everything_is_reached_with_the_keyboard(page: Page) -> None:
    focused = "() => document.activeElement.id || document.activeElement.textContent"
    reached = []
    for _ in range(8):
        page.keyboard.press("Tab")
        reached.append(page.evaluate(focused))
    skip = "Skip to the content"
    assert reached == [skip, "Text", "File", "N-grams", "student", "other", "text", "file"]
    text_field(page).focus()
    page.keyboard.type("good film")
    column = column_of(page, "films")
    expect(column.locator(".words mark")).to_have_text(["good"])
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    expect(column.get_by_role("heading", name="Why: bad")).to_be_visible()
    expect(column.get_by_role("button", name="bad")).to_be_focused()
    page.keyboard.press("Tab")
    expect(column.get_by_role("group", name="Text with words coloured for bad")).to_be_focused()
    page.locator("#list-ngrams").focus()
    page.keyboard.press("Enter")
    page.get_by_role("table", name="n-grams that speak for good").wait_for()


def test_the_skip_link_leads_to_the_content(page: Page) -> None:
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()


def test_screen_readers_are_told_once_the_typing_pauses(page: Page) -> None:
    spoken = page.get_by_role("status").first
    said = "window.said = []; new MutationObserver(() => window.said.push(1)).observe("
    page.evaluate(said + "document.getElementById('spoken'), { childList: true })")
    text_field(page).press_sequentially("a good film", delay=40)
    expect(spoken).to_have_text("films: good, 98.2 %. Coverage 33.3 %.")
    assert page.evaluate("window.said.length") == 1


def test_hostile_texts_classes_and_names_stay_text(open_page: Opener, tmp_path: Path) -> None:
    attack = "<img src=x onerror=\"document.title='attacked'\"><script>document.title='attacked'</script>"
    good_or_bad((attack, "</select><b>bold</b>")).save_pretrained(tmp_path / "hostile")
    with serving(tmp_path / "hostile") as server:
        page = open_page(server)
        text_field(page).fill(f"good {attack}")
        column = column_of(page, "hostile")
        expect(column.locator(".headline")).to_have_text(f"{attack}, 98.2 %")
        expect(column.locator(".words")).to_have_text(f"good {attack}")
        table = f'"{attack.replace(chr(34), chr(34) * 2)}",text\n1,good\n'
        name = "<img src=x onerror=1>.csv"
        give(page, name, table)
        expect(page.locator("#column option").first).to_have_text(attack)
        page.get_by_role("button", name="Score the file").click()
        page.get_by_role("link", name="Download").wait_for()
        page.get_by_role("button", name="List the n-grams of each class").click()
        page.get_by_role("table", name="n-grams that speak for").wait_for()
        assert page.locator("img, b, main script").count() == 0
        assert page.title() == "sparsedistill"


def test_the_browser_refuses_html_that_is_made_of_strings(browser: Browser, server: RunningServer) -> None:
    page = browser.new_page()
    page.goto(server.url)
    made = """() => { try { document.body.innerHTML = "<b>x</b>"; } catch (error) { return error.name; } }"""
    assert page.evaluate(made) == "TypeError"
    page.close()


def test_a_key_is_asked_for_and_kept_in_memory(students: Path, open_page: Opener, tmp_path: Path) -> None:
    (tmp_path / "keys").write_text(f"{KEY}\n")
    with serving(students / "films", "--key-file", tmp_path / "keys") as server:
        page = open_page(server)
        dialog = page.get_by_role("dialog", name="This server needs a key")
        field = dialog.get_by_label("Key", exact=True)
        expect(field).to_be_focused()
        assert_accessible(page)
        field.fill("short")
        field.press("Enter")
        expect(dialog.get_by_role("alert")).to_contain_text("A key has 16 or more letters")
        field.fill("f" * 20)
        field.press("Enter")
        expect(dialog.get_by_role("alert")).to_have_text("The server does not know this key.")
        field.fill(KEY)
        dialog.get_by_role("button", name="Use the key").click()
        expect(dialog).to_be_hidden()
        text_field(page).fill("good")
        expect(page.locator(".headline")).to_have_text("good, 98.2 %")
        kept = "[Object.keys(localStorage).length, Object.keys(sessionStorage).length, document.cookie]"
        assert page.evaluate(kept) == [0, 0, ""]
        page.reload()
        expect(field).to_be_focused()
        expect(field).to_have_value("")
        dialog.get_by_role("button", name="Cancel").click()
        expect(page.locator("#problem")).to_have_text("The server needs a key: reload the page to enter one.")


def test_a_server_that_has_gone_is_told(students: Path, open_page: Opener) -> None:
    with serving(students / "films") as server:
        page = open_page(server)
        text_field(page).fill("good")
        expect(page.locator(".headline")).to_have_text("good, 98.2 %")
        server.stop()
        text_field(page).fill("bad")
        expect(page.locator(".answer").get_by_role("alert")).to_have_text(
            "The server does not answer: is it running?"
        )
