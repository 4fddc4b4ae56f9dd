"""Tables of the comparison with other engines: pure functions, tested without those engines."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import _peers_report as report

if TYPE_CHECKING:
    from _results import EngineResult, Results, SetResult


def results() -> Results:
    def engine(title: str, rates: list[float], accuracy: float | None) -> EngineResult:
        measured: SetResult = {
            "texts_per_second": rates,
            "latency_seconds": [1e-4],
            "texts": 10,
            "check": {"texts": 10, "agreement": 1.0, "mean": 0.0, "largest": 0.0},
        }
        return {
            "title": title,
            "note": "what it is",
            "against": "its reference",
            "own": True,
            "accuracy": None if accuracy is None else {"accuracy": accuracy, "texts": 10},
            "load_seconds": 0.1,
            "resident": 10**8,
            "resident_answering": 2 * 10**8,
            "bytes": 0,
            "sets": {"imdb": measured, "sst2": measured},
        }

    return {
        "machine": {
            "processor": "One",
            "cores": 2,
            "memory_bytes": 2**34,
            "kernel": "Linux",
            "python": "3.11",
            "date": "2026-01-01",
            "load_before": 0.0,
            "packages": {"numpy": "2"},
        },
        "rounds": 3,
        "engines": {
            "compact": engine("ours", [100.0, 400.0, 300.0], 0.9),
            "fasttext-w2": engine("theirs", [10.0, 20.0, 10.0], None),
        },
        "threads": {},
    }


def test_ratios_are_computed_within_rounds() -> None:
    page = report.speed_page(results(), "imdb")
    ours, theirs = page.rows
    assert ours[:4] == ("ours", "300", "100 - 400", "20x")  # median of 10, 20, 30; the medians' ratio is 30
    assert theirs[4:6] == ("20x", "10 - 30")
    assert report.size_page(results()).rows[1][1] == ""  # random weights have no accuracy


def test_speedup_over_one_thread() -> None:
    found = results()
    found["threads"] = {"compact": {"1": [100.0, 110.0, 90.0], "2": [200.0, 198.0, 171.0]}}
    page = report.threads_page(found)
    assert page.columns == ["engine", "1 thread", "2 threads", "speedup"]
    assert page.rows == [("ours", "100", "198", "1.90x (1.80 - 2.00)")]


def test_rows_of_a_markdown_table_have_the_same_number_of_cells() -> None:
    for page in report.pages(results()):
        lines = page.as_markdown().splitlines()
        assert {line.count("|") for line in lines} == {len(page.columns) + 1}
    assert "One, 2 cores, 16 GiB" in report.document(results())


def test_only_the_text_between_the_markers_is_replaced() -> None:
    begin, end = report.MARKERS
    text = f"a\n{begin}\nold\n{end}\nb"
    assert report.replace_between_markers(text, "new") == f"a\n{begin}\nnew\n{end}\nb"
    with pytest.raises(ValueError, match="substring"):
        report.replace_between_markers("no markers", "new")
