"""The accessor of pandas."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from support.rows import reviews
from support.sentences import error
from support.students import good_or_bad, rating, three_questions

import sparsedistill.integrations.pandas  # noqa: F401 - adds the accessor


def test_answers_of_real_text_are_those_of_the_student(shared_data: Path) -> None:
    texts = reviews(shared_data, 300)
    series = pd.Series(texts, index=range(7, 7 + len(texts)), name="review")
    student = good_or_bad()
    labels = series.sparsedistill.predict(student)
    assert labels.tolist() == student.predict(texts).tolist()
    assert labels.index.equals(series.index)
    assert labels.name == "review"
    shares = series.sparsedistill.predict_proba(student, threads=1)
    assert shares.columns.tolist() == ["good", "bad"]
    np.testing.assert_array_equal(shares.to_numpy(), student.predict_proba(texts))
    assert series.sparsedistill.coverage(student).tolist() == student.score(texts).coverage.tolist()


@pytest.mark.parametrize("kind", [object, "str", "string[pyarrow]", "category"])
def test_missing_texts(kind: Any, tmp_path: Path) -> None:
    good_or_bad().save_pretrained(tmp_path / "student")
    series = pd.Series(["good", None, "bad"], dtype=kind)
    found = series.sparsedistill.predict(tmp_path / "student")
    assert found.isna().tolist() == [False, True, False]
    assert found[2] == "bad"
    assert series.sparsedistill.predict_proba(good_or_bad()).isna().sum().tolist() == [1, 1]


def test_numbers_and_several_questions() -> None:
    series = pd.Series(["good", None, "bad"])
    assert series.sparsedistill.predict(rating(["good", "bad"])).dtype == np.float32
    answers = series.sparsedistill.predict(three_questions())
    assert answers.columns.tolist() == ["edu", "toxicity", "topic"]
    assert answers["toxicity"][0] == "ok"
    shares = series.sparsedistill.predict_proba(three_questions())
    assert shares["toxicity", "ok"][0] > 0.9


def test_errors() -> None:
    numbers = pd.Series([1, 2])
    assert error(lambda: numbers.sparsedistill.predict(good_or_bad())) == (
        "texts is an Arrow array of int64: pass an array of strings."
    )
    assert pd.Series([None, None]).sparsedistill.predict(good_or_bad()).isna().all()
    with pytest.raises(ValueError, match="have no probabilities"):
        pd.Series(["good"]).sparsedistill.predict_proba(rating(["good"]))
