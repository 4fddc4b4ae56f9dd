"""Texts that are typed into the page."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from playwright.sync_api import Page, expect
from support.completions import Reply, Seen, chosen, served
from support.page import Opener, choose, classes_of, coloured, column_of, text_field
from support.server import serving
from support.students import good_or_bad

from sparsedistill import Cascade, Student, TokenizerConfig, Vocabulary
from sparsedistill.model.weights import StudentWeights


def test_the_answer_changes_with_each_key(page: Page) -> None:
    films = column_of(page, "films")
    text_field(page).press_sequentially("a good film")
    expect(films.locator(".headline")).to_have_text("good, 98.2 %")
    expect(films).to_contain_text("Coverage 33.3 % of the words")
    assert classes_of(films) == [("good", "98.2 %"), ("bad", "1.8 %")]
    expect(films.locator(".words mark")).to_have_text(["good"])
    assert coloured(films) == [("good", "for-5")]
    text_field(page).press_sequentially(", not bad")
    expect(films.locator(".headline")).to_have_text("good, 50.0 %")
    expect(films.locator(".words mark")).to_have_text(["good", "bad"])
    assert coloured(films) == [("good", "for-5"), ("bad", "against-5")]
    text_field(page).fill("")
    expect(films.locator(".headline")).to_have_text("")
    expect(films.locator(".words")).to_have_count(0)


def test_words_are_coloured_for_the_chosen_class(page: Page) -> None:
    films = column_of(page, "films")
    text_field(page).fill("good film")
    bad = films.get_by_role("button", name="bad")
    bad.click()
    expect(bad).to_have_attribute("aria-pressed", "true")
    expect(films.get_by_role("heading", name="Why: bad")).to_be_visible()
    assert coloured(films) == [("good", "against-5")]
    expect(films.get_by_role("row", name="good −")).to_be_visible()
    text_field(page).press_sequentially("s")
    expect(films.locator(".words")).to_have_text("good films")
    expect(bad).to_have_attribute("aria-pressed", "true")
    bad.click()  # again: back to the predicted class
    expect(films.get_by_role("button", name="good")).to_have_attribute("aria-pressed", "true")


def test_places_count_characters_of_all_planes(page: Page) -> None:
    films = column_of(page, "films")
    text_field(page).fill("\U0001f600\U0001d54f good \U0001f3ac bad")
    expect(films.locator(".words mark")).to_have_text(["good", "bad"])
    expect(films.locator(".words")).to_have_text("\U0001f600\U0001d54f good \U0001f3ac bad")


def test_half_a_surrogate_pair_is_a_text_too(page: Page) -> None:
    text_field(page).evaluate("field => { field.value = 'good \\ud83d'; }")
    text_field(page).dispatch_event("input")
    expect(column_of(page, "films").locator(".words")).to_have_text("good \ufffd")


def test_two_texts_are_compared(page: Page) -> None:
    choose(page, "pairs")
    pairs = column_of(page, "pairs")
    text_field(page).fill("a good film")
    page.get_by_role("textbox", name="Second text").fill("one bad film")
    expect(pairs.locator(".words")).to_have_text(["a good film", "one bad film"])
    expect(pairs.locator(".words").first).to_have_attribute(
        "aria-label", "First text with words coloured for same"
    )
    assert [word for word, _ in coloured(pairs)] == ["good", "bad"]
    expect(pairs.get_by_role("rowheader", name="bad (second text)")).to_be_visible()
    choose(page, "films")
    expect(page.get_by_role("textbox", name="Second text")).to_be_hidden()


def test_numbers_and_several_labels(page: Page) -> None:
    text_field(page).fill("good")
    choose(page, "rating")
    rating = column_of(page, "rating")
    expect(rating.locator(".headline")).to_have_text("3.808")
    expect(rating.locator(".words mark")).to_have_text(["good"])
    choose(page, "tags")
    tags = column_of(page, "tags")
    expect(tags.locator(".headline")).to_have_text("good, bad")
    text_field(page).fill("good")
    expect(tags.locator(".headline")).to_have_text("good, bad")


def test_several_questions_are_answered_and_explained(page: Page) -> None:
    choose(page, "three")
    three = column_of(page, "three")
    text_field(page).fill("bad")
    expect(three.locator(".headline")).to_have_text(["0", "very bad, 98.1 %", "computer science"])
    expect(three.get_by_role("heading", name="Why: edu, score")).to_be_visible()
    three.get_by_role("button", name="very bad").click()
    expect(three.get_by_role("heading", name="Why: toxicity, very bad")).to_be_visible()
    expect(three.locator(".words mark")).to_have_class(["for-5"])
    expect(three.get_by_role("button", name="very bad")).to_have_attribute("aria-pressed", "true")


def test_two_students_are_compared(page: Page) -> None:
    choose(page, "three")
    choose(page, "tags", field="Compare with")
    text_field(page).fill("good")
    expect(column_of(page, "tags").locator(".headline")).not_to_be_empty()
    choose(page, "rating")
    expect(page.get_by_label("Compare with").locator("option")).to_have_text(
        ["(nothing)", "films", "tags", "three"]
    )
    choose(page, "three", field="Compare with")
    expect(column_of(page, "three").locator(".headline")).to_have_count(3)
    choose(page, "pairs")
    expect(page.get_by_label("Compare with")).to_be_disabled()


def test_agreement_of_two_students_is_told(students: Path, open_page: Opener, tmp_path: Path) -> None:
    good_or_bad(("bad", "good")).save_pretrained(tmp_path / "opposite")
    with serving(f"films={students / 'films'}", f"opposite={tmp_path / 'opposite'}") as server:
        page = open_page(server)
        choose(page, "opposite", field="Compare with")
        text_field(page).fill("good")
        expect(page.locator("#agreement")).to_have_text("They differ: good and bad.")
        choose(page, "films")
        choose(page, "opposite", field="Compare with")
        text_field(page).fill("good bad")
        expect(page.locator("#agreement")).to_have_text("They differ: good and bad.")


def test_the_teacher_of_a_cascade_is_asked_after_a_pause(open_page: Opener, tmp_path: Path) -> None:
    def bad(_: Seen, __: int) -> Reply:
        return Reply(body=chosen(("bad", math.log(0.9)), ("good", math.log(0.1))))

    with served(bad) as llm:
        (tmp_path / "llm.toml").write_text(
            f'[server]\nurl = "{llm.url}"\nmodel = "m"\nretries = 0\ncache = "{tmp_path / "cache"}"\n'
            '[question]\nprompt = "{text}"\nclasses = ["good", "bad"]\n'
        )
        Cascade(good_or_bad(), str(tmp_path / "llm.toml"), 0.9).save_pretrained(tmp_path / "cascade")
        with serving(tmp_path / "cascade") as server:
            page = open_page(server)
            column = column_of(page, "cascade")
            text_field(page).press_sequentially("good")
            expect(column.locator(".headline")).to_have_text("good, 98.2 %")
            expect(column).to_contain_text("The cascade takes this answer.")
            assert not llm.seen
            text_field(page).press_sequentially(" and bad", delay=20)
            expect(column).to_contain_text("The cascade asks its teacher: bad, 90.0 %")
            assert len(llm.seen) == 1  # not one for each key
            choose(page, "teacher of cascade", field="Compare with")
            teacher = column_of(page, "teacher of cascade")
            text_field(page).fill("good")
            expect(teacher.locator(".headline")).to_have_text("bad, 90.0 %")
            expect(page.locator("#agreement")).to_have_text("They differ: good and bad.")
            assert len(llm.seen) == 2


def test_many_classes_are_shown_on_demand(open_page: Opener, tmp_path: Path) -> None:
    words = [f"w{i}" for i in range(12)]
    eye, zero = np.eye(12, dtype=np.float32), np.zeros(12, np.float32)
    vocabulary = Vocabulary.from_ngrams(words, TokenizerConfig(1))
    Student(
        vocabulary, StudentWeights(3 * eye, eye, zero, 4 * eye, zero), tuple(words), "single_label"
    ).save_pretrained(tmp_path / "many")
    with serving(tmp_path / "many") as server:
        page = open_page(server)
        text_field(page).fill("w11")
        many = column_of(page, "many")
        expect(many.locator(".headline")).to_have_text("w11, 83.0 %")
        assert len(classes_of(many)) == 10
        page.get_by_role("button", name="All 12 classes").click()
        assert len(classes_of(many)) == 12
        page.get_by_role("button", name="Only the first 10 classes").click()
        assert len(classes_of(many)) == 10


def test_a_text_that_is_too_long_to_explain_still_has_an_answer(page: Page) -> None:
    text_field(page).fill("good " * 4_001)
    films = column_of(page, "films")
    expect(films.locator(".headline")).to_have_text("good, 98.2 %")
    expect(films).to_contain_text("Words are coloured in texts of up to 20000 characters.")


def test_the_strongest_ngrams_of_a_class_are_listed(page: Page) -> None:
    page.get_by_role("button", name="List the n-grams of each class").click()
    ngrams = page.get_by_role("table", name="n-grams that speak for good")
    expect(ngrams.get_by_role("rowheader")).to_have_text(["good", "bad"])
    choose(page, "bad", field="Class")
    expect(page.get_by_role("table", name="n-grams that speak for bad")).to_be_visible()
    choose(page, "three")
    expect(page.locator("#ngrams-result")).to_be_hidden()
    page.get_by_role("button", name="List the n-grams of each class").click()
    choose(page, "topic: computer science", field="Class")
    expect(page.locator("#ngrams").get_by_role("rowheader").first).to_have_text("bad")
    choose(page, "pairs")
    expect(page.get_by_role("button", name="List the n-grams of each class")).to_be_disabled()
    expect(page.locator("#ngrams-status")).to_contain_text("type two texts")
