"""Expressions: what they choose, and what is said of wrong ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from support.sentences import error
from support.students import three_questions

from sparsedistill.filtering.expression import parse
from sparsedistill.filtering.names import ScoreNames
from sparsedistill.model.predictions import Predictions, TextClassifier
from sparsedistill.problem import Problem


class Fixed(TextClassifier):
    """A classifier of which only the classes matter."""

    def __init__(self, classes: tuple[str, ...], problem: Problem = "single_label") -> None:
        self.classes, self.problem, self.pair = classes, problem, False

    def score(self, texts: Any, text_pair: Any = None, *, threads: int | None = None) -> Predictions:
        raise NotImplementedError


CLASSES = ("good", "very bad", "label", "0", "it's", "naïve")
#: Texts that are almost surely of one class each, and one that could be good or very bad.
LOGITS = np.vstack([20 * np.eye(6), [[20, 20, 0, 0, 0, 0]]]).astype(np.float32)


def chosen(text: str, classifier: TextClassifier | None = None, logits: Any = LOGITS) -> list[int]:
    classifier = classifier or Fixed(CLASSES)
    predictions = Predictions(logits, np.ones(len(logits), np.float32), classifier.problem)
    mask = parse(text, ScoreNames(classifier.heads)).mask({"": predictions})
    assert mask.dtype == bool
    return [int(i) for i in np.flatnonzero(mask)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("good >= 0.9", [0]),
        ("good>=.4", [0, 6]),
        ("good > 0.4 and score < 0.9", [6]),
        ('"very bad" >= 0.4', [1, 6]),
        ("'very bad' >= 4e-1 or 'label' > 0.9", [1, 2, 6]),
        ('label == "very bad"', [1]),
        ("label == good", [0, 6]),
        ("label == 0", [3]),
        ("label != good and label != 0", [1, 2, 4, 5]),
        ("naïve >= 0.9 or 'it\\'s' >= 0.9", [4, 5]),
        ("not good >= 0.4", [1, 2, 3, 4, 5]),
        ("not not (not (good >= 0.4 or label == 0))", [1, 2, 4, 5]),
        ("good >= 0.4 or label == 0 and score < 0.5", [0, 6]),
        ("(good >= 0.4 or label == 0) and score < 0.6", [6]),
        ("score >= -1 and score <= +1e0", [0, 1, 2, 3, 4, 5, 6]),
        ("score == 2", []),
    ],
)
def test_what_is_chosen(text: str, expected: list[int]) -> None:
    assert chosen(text) == expected


def test_numbers_and_several_labels() -> None:
    numbers = np.array([[1.0], [2.9999], [3.0], [-4.5]], np.float32)
    assert chosen("score >= 3 or score < -4", Fixed(("score",), "regression"), numbers) == [2, 3]
    several = Fixed(("a", "b"), "multi_label")
    logits = np.array([[1, 1], [-1, 1], [-1, -1]], np.float32)
    assert chosen("a >= 0.5 or b >= 0.5", several, logits) == [0, 1]
    assert chosen("score >= 0.1", Fixed(("score",), "regression"), np.array([[0.1]], np.float32)) == [0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has its end in the place of a name"),
        ("   ", "has its end in the place of a name"),
        ("good", "has its end in the place of one of >=, <=, >, <, == and !="),
        ("good >= ", "has its end in the place of a number"),
        ("good >= high", "has 'high' in the place of a number"),
        ("good = 0.9", "cannot be read from '= 0.9' on"),
        ("0.9 <= good", "has '0.9' in the place of a name"),
        ("good >= 0.9 good", "has 'good' in the place of 'and', 'or' or the end"),
        ("good >= 0.9 and", "has its end in the place of a name"),
        ("(good >= 0.9", "has its end in the place of ')'"),
        ("good >= 0.9)", "has ')' in the place of"),
        ("good >= 1e99", "has a number above 3.40282e+38"),
        ("bad >= 0.9", "'bad' is not a score of this student: use one of label, score, 'good', 'very bad'"),
        ("label == bad", "'bad' is not a class of this student: use one of 'good', 'very bad'"),
        ("label >= good", "compares label by >=: use == or != for classes"),
        ("__import__('os') >= 1", "'__import__' is not a score"),
        ("good >= 0.9; 1", "cannot be read from '; 1' on"),
        ("(" * 200 + "good >= 0.9" + ")" * 200, "more than 100 levels"),
        ("not " * 3000 + "good >= 0.9", "has 12,011 characters"),
    ],
)
def test_wrong_expressions(text: str, message: str) -> None:
    assert message in error(lambda: chosen(text))


def test_multi_label_students_have_no_label() -> None:
    assert "'label' is not a score of this student: use one of 'a', 'b'." in error(
        lambda: chosen("label == a", Fixed(("a", "b"), "multi_label"))
    )


TEXTS = ["good", "bad", "neither", "good bad"]


def of_several(text: str) -> list[int]:
    student = three_questions()
    mask = parse(text, ScoreNames(student.heads)).mask(student.score(TEXTS))
    return [int(i) for i in np.flatnonzero(mask)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("edu >= 2.9", [0]),
        ("edu > 0 and edu < 2.9", [3]),
        ("edu >= 1 and toxicity == ok and topic.science >= 0.5", [0, 3]),
        ('toxicity == "very bad"', [1]),
        ("toxicity != ok and toxicity != score", [1]),
        ("toxicity == score", [2]),
        ("toxicity.score > 0.97", [0, 1]),
        ('toxicity."score" > 0.5', [2]),
        ("toxicity.'very bad' > 0.4", [1, 3]),
        ('topic."computer science" >= 0.5', [1, 3]),
        ('"topic.computer science" >= 0.5 and not topic.science >= 0.5', [1]),
    ],
)
def test_names_of_several_questions(text: str, expected: list[int]) -> None:
    assert of_several(text) == expected


KNOWN = (
    "use one of edu, toxicity, toxicity.score, toxicity.ok, toxicity.'very bad', toxicity.'score', "
    "topic.science, topic.'computer science'."
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("score >= 3", f"'score' is not a score of this student: {KNOWN}"),
        ("topic >= 0.5", f"'topic' is not a score of this student: {KNOWN}"),
        ("science >= 0.5", "'science' is not a score of this student"),
        ("edu.score >= 3", "'edu.score' is not a score of this student"),
        ("topic.score >= 3", "'topic.score' is not a score of this student"),
        ('topic."arts" >= 0.5', "'topic.arts' is not a score of this student"),
        (
            "toxicity == bad",
            "'bad' is not a class of the head toxicity: use one of 'ok', 'very bad', 'score'.",
        ),
        ("toxicity >= 0.5", "compares toxicity by >=: use == or != for classes"),
        ("edu == high", "has 'high' in the place of a number"),
        ('toxicity == toxicity."ok"', "has 'toxicity.\"ok\"' in the place of a class"),
        ('topic. "science" >= 0.5', "'topic.' is not a score of this student"),
    ],
)
def test_wrong_names_of_several_questions(text: str, message: str) -> None:
    assert message in error(lambda: of_several(text))


def test_every_known_name_can_be_written() -> None:
    names = ScoreNames(three_questions().heads)
    known = [names.find(name).name for name in str(names).split(", ")]
    assert len(set(known)) == len(known) - 1  # toxicity.score is a probability, and quoted a class
