"""The report of a job: a page with the figures of the records, in which nothing of the data is HTML."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import html5lib
import pytest
from support.students import good_or_bad, rating, three_questions

from sparsedistill import DistillationConfig, Student, StudentConfig, TrainingConfig, read_labelled
from sparsedistill.data.columns import Columns
from sparsedistill.model.figures import metric_percent
from sparsedistill.model.record import (
    DeferralRecord,
    EvaluationRecord,
    GroupAccuracy,
    GroupRecord,
    Quality,
    ReliabilityBin,
)
from sparsedistill.model.tuning import TrialRecord, TuningRecord
from sparsedistill.pipeline.curves import TrainingCurve
from sparsedistill.pipeline.distill import run
from sparsedistill.pipeline.job import Job
from sparsedistill.pipeline.run_report import report_page

HOSTILE = ("<script>alert(1)</script>", '"><img src=x onerror=alert(2)>', "a & b\x00\x1b[31m")

CURVE = TrainingCurve(
    "Distilling",
    "accuracy",
    20,
    [
        {"step": 0, "validation_loss": 0.7, "accuracy": 0.5},
        {"step": 10, "validation_loss": 0.4, "accuracy": 0.75, "loss": 0.6},
        {"step": 20, "validation_loss": 0.3, "accuracy": 0.875, "loss": 0.2},
    ],
)


def parsed(page: str) -> Any:
    """The document, which must have no error in the terms of HTML 5."""
    return html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(page)


def names(document: Any) -> set[str]:
    return {element.tag.rpartition("}")[2] for element in document.iter() if isinstance(element.tag, str)}


def table(document: Any, title: str) -> list[list[str]]:
    """The cells of the table after a heading."""
    body = document.find("body")
    after = iter(body)
    for element in after:
        if element.tag in ("h2", "h3") and "".join(element.itertext()) == title:
            break
    found = next(element for element in after if element.find("table") is not None)
    return [["".join(cell.itertext()) for cell in row] for row in found.iter("tr")]


def plots(document: Any) -> dict[str, Any]:
    """The plots by their titles."""
    return {e.get("aria-label"): e for e in document.iter() if str(e.tag).endswith("svg")}


def corners(plot: Any) -> int:
    lines = [element for element in plot.iter() if str(element.tag).endswith("polyline")]
    return sum(len(element.get("points").split()) for element in lines)


def full_record() -> EvaluationRecord:
    trials = [
        TrialRecord(
            1, {"vocabulary.max_ngram": n}, 0.8 + n / 100, 0.02 - n / 100, 0.01, 10.0 * n, 30, 20, 1.0
        )
        for n in (1, 2)
    ]
    points = [{"deferred": share, "accuracy": 0.8 + share / 10} for share in (0.0, 0.5, 1.0)]
    return EvaluationRecord(
        texts=100,
        metric="accuracy",
        student=Quality(accuracy=0.8, texts_per_second=1e5),
        teacher=Quality(accuracy=0.9, texts_per_second=20.0),
        baselines={},
        warnings=[f"The student never predicts {HOSTILE[0]}."],
        by="domain",
        groups=[GroupRecord(HOSTILE[1], 10, 0.5, {"student": GroupAccuracy(0.4, 0.1)})],
        deferral=DeferralRecord(100, "accuracy", points),
        tuning=TuningRecord(50, 1, True, 0, trials),
        reliability=[ReliabilityBin(0.55, 0.5, 40), ReliabilityBin(0.9, 0.95, 60)],
    )


def test_nothing_of_the_data_is_html() -> None:
    student = replace(good_or_bad(), classes=HOSTILE[:2])
    recipe = f'output = "{HOSTILE[0]}"\n'
    document = parsed(report_page(HOSTILE[2], student, {"": full_record()}, [CURVE], recipe))
    assert not names(document) & {"script", "img", "link", "iframe", "object", "a", "form"}
    assert not [e for e in document.iter() if set(e.attrib) & {"src", "href", "onerror", "style", "onload"}]
    shown = "".join(document.itertext())
    assert all(name in shown for name in HOSTILE[:2])
    assert "a & b\ufffd\ufffd[31m" in shown
    assert HOSTILE[1] in table(document, "By domain")[1]
    policy = next(e.get("content") for e in document.iter("meta") if e.get("http-equiv"))
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy


def test_every_part_of_the_record_has_its_figures_and_plot() -> None:
    document = parsed(report_page("job", good_or_bad(), {"": full_record()}, [CURVE], ""))
    found = plots(document)
    assert list(found) == [
        "accuracy on the test texts",
        "share of right answers; bars: share of the answers",
        "accuracy of student and teacher",
        "score of the 2 trials, chosen in green",
        "accuracy on the validation data",
        "loss on the validation data",
        "loss in training",
    ]
    assert [corners(plot) for plot in found.values()] == [0, 2, 3, 0, 3, 3, 2]
    dots = [e for e in found["accuracy on the test texts"].iter() if str(e.tag).endswith("circle")]
    assert len(dots) == 2
    assert [row[0] for row in table(document, "Evaluation")] == ["", "teacher", "student"]
    assert table(document, "Settings")[1][0] == "0.82"  # the best trial first
    chosen = [row for row in document.iter("tr") if row.get("class") == "chosen"]
    assert ["".join(row[0].itertext()) for row in chosen] == ["0.81"]


def test_numbers_and_several_questions() -> None:
    curve = replace(CURVE, metric="spearman", history=[{"step": 0, "validation_loss": 1.0, "spearman": 0.1}])
    record = EvaluationRecord(
        metric="spearman", student=Quality(spearman=0.5, rmse=1.0, texts_per_second=9.0)
    )
    document = parsed(report_page("job", rating(["a", "b"]), {"": record}, [curve], ""))
    assert "Predicts a number." in "".join(document.itertext())
    assert table(document, "Evaluation")[1][:2] == ["student", "0.500"]

    heads = three_questions()
    records = {"edu": record, "toxicity": full_record(), "topic": EvaluationRecord()}
    document = parsed(report_page("job", heads, records, [curve], ""))
    titles = ["".join(element.itertext()) for element in document.iter("h2")]
    assert titles == ["edu", "toxicity", "topic", "Training", "Recipe"]
    assert "one of 3 classes: ok, very bad, score" in "".join(document.itertext())


@pytest.mark.slow
def test_the_report_of_a_job_shows_its_files(tmp_path: Path, shared_data: Path) -> None:
    reviews = read_labelled(shared_data / "sst2" / "train.tsv.gz", Columns(label="label"))
    train, test = reviews.select(range(600)), reviews.select(range(600, 900))
    config = DistillationConfig(
        student=StudentConfig(dim=16, hidden=8), training=TrainingConfig(steps=40, batch_size=32), tune=False
    )
    output = tmp_path / "<b>job"
    made = run(Job(labelled=train, test=test, output=output, config=config))
    document = parsed((output / "report.html").read_text("utf-8"))
    assert "".join(document.find("body").find("h1").itertext()) == "<b>job"

    curves = json.loads((output / "training.json").read_text())
    assert corners(plots(document)["accuracy on the validation data"]) == len(curves[0]["history"])
    figures = json.loads((output / "evaluation.json").read_text())
    student = Student.from_pretrained(output / "student")
    assert student.evaluation.student is not None
    assert made.evaluation is not None
    row = next(row for row in table(document, "Evaluation") if row[0] == "student")
    assert row[1] == metric_percent(student.evaluation.student, "accuracy")
    assert made.evaluation.student.accuracy == figures["student"]["accuracy"]
    bins = figures["reliability"]
    assert sum(one["texts"] for one in bins) == 300
    gaps = sum(abs(one["confidence"] - one["correct"]) * one["texts"] for one in bins) / 300
    assert gaps == pytest.approx(figures["student"]["ece"])
    assert (output / "recipe.toml").read_text() in "".join(document.itertext())
    if (output / "compact").exists():
        assert table(document, "Compression")[1]
