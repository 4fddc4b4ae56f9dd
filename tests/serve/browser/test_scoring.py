"""Files that are scored by the page."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, expect
from support.page import choose, give, text_field

from sparsedistill import Student


def score(page: Page, *, seconds: float = 60) -> str:
    """Score the file that was chosen, and download the result."""
    page.get_by_role("button", name="Score the file").click()
    link = page.get_by_role("link", name="Download")
    link.wait_for(timeout=1000 * seconds)
    with page.expect_download() as download:
        link.click()
    return Path(download.value.path()).read_bytes().decode()


def written(rows: Sequence[Sequence[Any]], *, ending: str = "\n", delimiter: str = ",") -> str:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator=ending).writerows(rows)
    return out.getvalue()


def read(text: str, delimiter: str = ",") -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))


def predicted(students: Path, name: str, texts: Sequence[str]) -> list[tuple[str, np.float32]]:
    return [
        (each["label"], np.float32(each["score"])) for each in Student.from_pretrained(students / name)(texts)
    ]


ROWS = [
    ["7", "a good film", "x"],
    ["007", 'she said "bad",\r\nand left', ""],
    ["1e3", "neither, nor", "\u4e2d\u6587"],
]


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize(("name", "delimiter"), [("a.csv", ","), ("a.tsv", "\t"), ("a.CSV", ";")])
def test_a_table_comes_back_with_all_its_columns(
    page: Page, students: Path, name: str, delimiter: str, ending: str
) -> None:
    head = ["id", "review", "\u00e9"]
    given = written([head, *ROWS], ending=ending, delimiter=delimiter)
    give(page, name, "\ufeff" + given)
    expect(page.get_by_label("Column of the text")).to_have_value("1")  # the longest first value
    expect(page.locator("#sample")).to_have_text("a good film")
    result = score(page)
    first, *rows = read(result, delimiter)
    assert first == [*head, "label", "score", "coverage"]
    assert [row[:3] for row in rows] == ROWS
    assert [(row[3], np.float32(row[4])) for row in rows] == predicted(
        students, "films", [row[1] for row in ROWS]
    )
    for line in given.splitlines(keepends=True):
        assert line.rstrip("\r\n") in result  # each record begins as it was written


def test_the_probability_of_each_class_can_be_added(page: Page) -> None:
    give(page, "a.csv", "text\ngood\nbad\n")
    page.get_by_label("Add the probability of each class").check()
    first, good, bad = read(score(page))
    assert first == ["text", "label", "score", "coverage", "p_good", "p_bad"]
    assert good[2] == good[4] == bad[5]


def test_columns_that_the_file_has_are_not_overwritten(page: Page) -> None:
    give(page, "a.csv", "label,text\nmine,good\n")
    first, row = read(score(page))
    assert first == ["label", "text", "predicted_label", "predicted_score", "predicted_coverage"]
    assert row[:3] == ["mine", "good", "good"]


def test_lines_of_json_keep_their_values(page: Page) -> None:
    lines = ['{"id": 9007199254740993, "content": "good", "more": {"a": [1.50]}}', "", '{"content":"bad" }']
    give(page, "a.jsonl", "\n".join(lines))
    choose(page, "content", field="Column of the text")
    first, second = score(page).splitlines()
    assert first.startswith(lines[0][:-1])
    assert json.loads(first)["id"] == 9007199254740993
    assert json.loads(first)["label"] == "good"
    assert list(json.loads(second)) == ["content", "label", "score", "coverage"]


def test_a_large_file_is_scored_in_parts_and_in_order(page: Page, students: Path) -> None:
    texts = [f"{'good' if i % 3 else 'bad'} \u00fc number {i}, {'x' * (i % 50)}" for i in range(30_000)]
    give(page, "large.csv", written([["i", "text"], *enumerate(texts)]))
    _, *rows = read(score(page))
    assert [row[:2] for row in rows] == [[str(i), text] for i, text in enumerate(texts)]
    assert [row[2] for row in rows] == [label for label, _ in predicted(students, "films", texts)]
    expect(page.locator("#file-status")).to_contain_text("30,000 texts scored in ")
    counts = page.get_by_role("table", name="Texts of each class")
    expect(counts.get_by_role("row")).to_have_text(
        ["classtextsshare", "good2000066.7 %", "bad1000033.3 %"], use_inner_text=False
    )


def test_a_histogram_shows_what_was_scored(page: Page) -> None:
    give(page, "a.csv", written([["text"], *[["good"]] * 5, *[["bad"]] * 3, *[["other"]] * 2]))
    score(page)
    choose(page, "probability of good", field="Histogram of")
    picture = page.get_by_role("img", name="Histogram of probability of good")
    expect(picture).to_be_visible()
    page.get_by_text("Figures").click()
    rows = page.get_by_role("table", name="Histogram of probability of good").get_by_role("row").all()
    figures = [tuple(row.locator("th, td").all_inner_texts()) for row in rows[1:]]
    assert len(figures) == picture.locator("rect").count() == 20
    assert [row for row in figures if row[1] != "0"] == [
        ("0 to 0.05", "3"),
        ("0.5 to 0.55", "2"),
        ("0.95 to 1", "5"),
    ]


def test_numbers_pairs_and_several_questions(page: Page) -> None:
    choose(page, "rating")
    give(page, "a.csv", "text\ngood\nbad\nother\n")
    first, *rows = read(score(page))
    assert first == ["text", "score", "coverage"]
    assert float(rows[0][1]) > float(rows[1][1])
    expect(page.get_by_role("img", name="Histogram of the number")).to_be_visible()
    choose(page, "three")
    expect(page.locator("#file-result")).to_be_hidden()
    first, good, *_ = read(score(page))
    assert first == ["text", "edu", "toxicity", "toxicity_score", "topic", "coverage"]
    assert (good[2], good[4]) == ("ok", '["science"]')
    choose(page, "pairs")
    give(page, "pairs.tsv", "text\ttext_pair\ngood\tbad\n")
    expect(page.get_by_label("Column of the second text")).to_have_value("1")
    assert read(score(page), "\t")[0] == ["text", "text_pair", "label", "score", "coverage"]


def test_a_record_that_cannot_be_scored_is_told(page: Page) -> None:
    give(page, "a.csv", written([["text"], ["good"], ["a" * 1_000_001], ["bad"]]))
    _, good, long, bad = score(page).splitlines()
    assert (good[:9], long[-5:], bad[:7]) == ("good,good", "aa,,,", "bad,bad")
    expect(page.locator("#file-problem")).to_have_text(
        "1 of 3 records have no answer. "
        "Record 2: `inputs` must have at most 1000000 characters. Given: 1000001"
    )


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.parquet", "PAR1", "a.parquet is not a file that can be read here: choose one that ends in .csv"),
        ("a.csv", "", "a.csv has no records."),
        ("a.csv", "text\n", "a.csv has no records."),
        ("a.csv", "a,text\n1,x\n2\n", "Record 2 has 1 fields, and the header has 2: check its quotes."),
        ("a.csv", 'text\n"x\n', "Record 1 has a quote that is never closed."),
        ("a.csv", 'text\n"x"y\n', "Record 1 has text after a closing quote"),
        ("a.csv", b"text\nok\n\xff\n", "The file is not text in UTF-8: save it as UTF-8."),
        ("a.jsonl", "[1]\n", "Line 1 is not a JSON object."),
        ("a.jsonl", '{"text": "a"}\n{"text"', "Line 2 is not a JSON object."),
        ("a.jsonl", '{"text": "a"}\n{"text": 3}', 'Line 2 has no text in the field "text".'),
        (
            "a.jsonl",
            '{"text": "a"}\n{"text": "b", "label": 1}',
            'Line 2 has the field "label", which the first',
        ),
    ],
)
def test_a_damaged_file_is_told(page: Page, name: str, content: str | bytes, message: str) -> None:
    give(page, name, content)
    problem = page.locator("#file-problem")
    expect(problem.or_(page.get_by_role("button", name="Score the file")).first).to_be_visible()
    if not problem.is_visible():
        page.get_by_role("button", name="Score the file").click()
    expect(problem).to_contain_text(message)


def test_a_file_can_be_dropped(page: Page) -> None:
    transfer = page.evaluate_handle(
        """() => {
          const transfer = new DataTransfer();
          transfer.items.add(new File(["text\\ngood\\n"], "dropped.csv"));
          return transfer;
        }"""
    )
    page.dispatch_event("#drop", "dragover", {"dataTransfer": transfer})
    expect(page.locator("#drop")).to_have_class("drop over")
    page.dispatch_event("#drop", "drop", {"dataTransfer": transfer})
    expect(page.locator("#drop")).to_have_class("drop")
    expect(page.locator("#file-status")).to_have_text("dropped.csv is ready to be scored.")
    assert read(score(page))[1][:2] == ["good", "good"]


def test_what_was_scored_before_a_stop_can_be_downloaded(page: Page) -> None:
    texts = [[i, f"good number {i}"] for i in range(200_000)]
    give(page, "a.csv", written([["i", "text"], *texts]))
    page.get_by_role("button", name="Score the file").click()
    page.wait_for_function("() => document.getElementById('progress').value > 0.02")
    page.get_by_role("button", name="Stop").press("Enter")
    link = page.get_by_role("link", name="Download the first ")
    link.wait_for()
    expect(page.locator("#file-problem")).to_have_text("Stopped.")
    expect(page.get_by_role("button", name="Score the file")).to_be_focused()
    with page.expect_download() as download:
        link.click()
    _, *rows = read(Path(download.value.path()).read_text())
    assert 0 < len(rows) < len(texts)
    assert [row[0] for row in rows] == [str(i) for i in range(len(rows))]
    text_field(page).fill("good")  # the page still works
    expect(page.locator(".headline")).to_have_text("good, 98.2 %")
