"""Baselines on real text, on pairs and on several labels, and what happens without their libraries."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray
from support.sentences import error

from sparsedistill import Columns, read_labelled
from sparsedistill._internal.linear_models import LOGISTIC_STRENGTHS
from sparsedistill.data.labelled import Labelled
from sparsedistill.evaluation.baselines import (
    TFIDF,
    Choice,
    FittedBaseline,
    constant_of,
    fit_baselines,
    majority,
    tfidf,
)
from sparsedistill.evaluation.metrics import METRICS, metric_value

random = np.random.default_rng(0)


def labelled(texts: list[str], labels: NDArray[np.int64] | NDArray[np.float32], *classes: str) -> Labelled:
    return Labelled(pa.array(texts, pa.large_string()), labels, classes)


def flats(count: int) -> Labelled:
    """Texts of three classes, each with a word in one script."""
    labels = random.integers(0, 3, count)
    noise = random.integers(0, 30, (count, 4))
    words = ("Wohnung", "квартира", "公寓")
    return labelled(
        [
            f"{words[label]} {' '.join(f'w{n}' for n in row)}"
            for label, row in zip(labels, noise, strict=True)
        ],
        labels,
        "de",
        "ru",
        "zh",
    )


def value(validation: Labelled) -> Callable[[Callable[[Labelled], NDArray[np.float32]]], float]:
    metric = METRICS[validation.problem]
    return lambda predict: metric_value(predict(validation), validation.labels, metric)


def fit(train: Labelled, validation: Labelled) -> FittedBaseline:
    return TFIDF.fit(train, Choice(validation, value(validation), threads=1))


def accuracy(baseline: FittedBaseline, test: Labelled) -> float:
    return metric_value(baseline.predict(test), test.labels, "accuracy")


def test_the_majority_class_answers_everything() -> None:
    train = labelled(["a", "b", "c"], np.array([1, 1, 0]), "no", "yes", "never")
    logits = majority(train).predict(flats(5))
    assert logits.shape == (5, 3)
    assert (logits.argmax(axis=1) == 1).all()
    assert np.exp(logits[0]).tolist() == pytest.approx([2 / 6, 3 / 6, 1 / 6])
    several = labelled(["a", "b", "c"], np.array([[1, 0], [1, 0], [1, 1]], np.float32), "x", "y")
    assert (majority(several).predict(several) >= 0).tolist() == [[True, False]] * 3
    assert "test data themselves" in (constant_of(train).note or "")


def test_tfidf_learns_words_of_any_script() -> None:
    found = fit(flats(300), flats(60))
    assert accuracy(found, flats(200)) > 0.97
    assert found.note is None
    assert found.settings["C"] in LOGISTIC_STRENGTHS


def test_tfidf_compares_pairs() -> None:
    def pairs(count: int) -> Labelled:
        first = random.integers(0, 20, (count, 3))
        labels = random.integers(0, 2, count)
        second = np.where(labels[:, None] == 1, first, random.integers(20, 40, (count, 3)))
        one, other = ([" ".join(f"w{n}" for n in row) for row in rows] for rows in (first, second))
        return Labelled(
            pa.array(one, pa.large_string()), labels, ("no", "yes"), pa.array(other, pa.large_string())
        )

    assert accuracy(fit(pairs(300), pairs(60)), pairs(200)) > 0.9


def test_tfidf_decides_each_of_several_labels() -> None:
    def several(count: int) -> Labelled:
        hot = (random.random((count, 3)) < 0.5).astype(np.float32)
        hot[:, 2] = 1  # a class that all texts have cannot be learned, only repeated
        texts = [" ".join(["x", *(f"word{i}" for i in np.flatnonzero(row))]) for row in hot]
        return labelled(texts, hot, "a", "b", "c")

    test = several(100)
    logits = fit(several(300), several(60)).predict(test)
    assert ((logits >= 0) == test.labels.astype(bool)).mean() > 0.97


def test_a_class_without_training_texts_is_never_answered() -> None:
    train = flats(200)
    logits = fit(train.select(np.flatnonzero(train.labels != 1)), flats(50)).predict(flats(100))
    assert np.isfinite(logits).all()
    assert set(logits.argmax(axis=1)) == {0, 2}


def test_what_was_left_out_of_a_large_fit_is_in_the_note(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tfidf, "_MOST_WEIGHTS", 3 * 200)
    monkeypatch.setattr(tfidf, "_MOST_WORK", 4000)
    monkeypatch.setattr(tfidf, "_MOST_WORK_TO_CHOOSE", 2000)
    found = fit(flats(600), flats(60))
    assert "with the 200 most frequent of" in (found.note or "")
    assert "of 600 texts, drawn at random" in (found.note or "")
    assert accuracy(found, flats(200)) > 0.9


def test_texts_without_words_are_an_error() -> None:
    empty = labelled([" ", " "], np.array([0, 1]), "a", "b")
    assert "no words" in error(lambda: fit(empty, empty))


def test_missing_libraries_leave_out_their_baseline(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "sparsedistill")
    monkeypatch.setitem(sys.modules, "fasttext", None)
    monkeypatch.setitem(sys.modules, "sklearn.feature_extraction.text", None)
    found = fit_baselines(flats(50), flats(20), threads=1)
    assert [one.name for one in found] == ["majority"]
    levels = {record.getMessage().split(" was")[0]: record.levelname for record in caplog.records}
    assert levels == {"TF-IDF + LR": "WARNING", "fastText": "DEBUG"}


@pytest.mark.parametrize("seconds", [None, 2])
def test_fasttext_is_fitted_if_it_is_installed(seconds: int | None) -> None:
    pytest.importorskip("fasttext")
    test = flats(100)
    found = {one.name: one for one in fit_baselines(flats(300), flats(60), seconds=seconds, threads=1)}
    assert accuracy(found["fasttext"], test) > 0.8
    assert (found["fasttext"].note is None) == (seconds is None)


def test_fasttext_learns_from_sorted_labels(shared_data: Path) -> None:
    pytest.importorskip("fasttext")
    from sparsedistill.evaluation.baselines.fasttext import fasttext

    data = read_labelled(shared_data / "trec" / "train.tsv.gz", Columns(label="label"))
    train, validation = data.split(0.1, 0)
    by_label = train.select(np.argsort(train.labels, kind="stable"))
    assert accuracy(fasttext(by_label, Choice(validation, value(validation))), validation) > 0.8


def test_libraries_are_imported_when_a_baseline_is_fitted() -> None:
    code = (
        "import sys, sparsedistill, sparsedistill.evaluation, sparsedistill.cli.app\n"
        "print(sorted({'sklearn', 'scipy', 'fasttext', 'torch'} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"


def test_tfidf_on_real_questions(shared_data: Path) -> None:
    read = [
        read_labelled(shared_data / "trec" / name, Columns(label="label"))
        for name in ("train.tsv.gz", "test.tsv.gz")
    ]
    train, validation = read[0].split(0.1, 0)
    assert 0.88 < accuracy(fit(train, validation), read[1]) < 0.92
