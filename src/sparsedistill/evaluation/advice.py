"""Warnings about an evaluation: what is wrong with the figures, and what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ..data.labelled import Labelled
from ..model.figures import metric_title, number, percent
from ..model.record import GroupRecord
from .comparison import Answers
from .metrics import indicators

#: A class with fewer test texts can be missing from the answers by chance.
_TEXTS_OF_A_CLASS = 5
_NAMES = 5  # of classes or groups that are listed


def warnings_of(answers: Mapping[str, Answers], test: Labelled) -> list[str]:
    """What is wrong with the answers of teacher and student, a sentence each.

    Args:
        answers: Answers by name: ``"student"``, and if they were measured ``"teacher"``, ``"tfidf"`` and
            ``"majority"``.
        test: The test texts.
    """
    student, teacher = answers["student"], answers.get("teacher")
    linear, majority = answers.get("tfidf"), answers.get("majority") or answers.get("mean")
    found = []
    if linear is not None:
        if teacher is not None and not teacher.leads(linear):
            found.append(
                f"{_no_better('teacher', teacher, linear)}: train it longer (teach --steps, or steps in "
                "[teacher] of a recipe), train it on more labelled text, or use the linear model."
            )
        if not student.leads(linear):
            more = "a teacher and unlabelled text" if teacher is None else "more unlabelled text"
            found.append(
                f"{_no_better('student', student, linear)}: use the linear model, or give {more}, or more "
                "labelled text."
            )
    if majority is not None and student.value <= majority.value:
        found.append(
            f"{_no_better('student', student, majority)}: check that texts and labels belong together, and "
            "train longer or on more text."
        )
    if test.problem != "regression":
        found += _missing_classes(student, test)
    return found


def group_warnings(groups: Sequence[GroupRecord], below: Sequence[str], by: str, linear: str) -> list[str]:
    """A warning if the student is below the linear baseline in some groups.

    Args:
        groups: All groups.
        below: Names of those in which it is below by more than one standard error of the difference.
        by: Column of the groups.
        linear: Title of the baseline.
    """
    if not below:
        return []
    return [
        f"The student is below {linear} by more than one standard error in {len(below)} of {len(groups)} "
        f"groups by {by!r} ({_listed(below)}): give more unlabelled or labelled text of "
        f"{'this group' if len(below) == 1 else 'these groups'}, or use the linear model there."
    ]


def _no_better(name: str, ours: Answers, theirs: Answers) -> str:
    other = f"the {theirs.title}" if theirs.title in ("majority class", "mean") else theirs.title
    figures = (
        f"{number(one.value, one.error)}"
        if one.metric == "spearman"
        else f"{percent(one.value, one.error)} %"
        for one in (ours, theirs)
    )
    return (
        f"The {name} is not measurably better than {other} on the same texts ({metric_title(ours.metric)} "
        f"{', and '.join(figures)})"
    )


def _missing_classes(student: Answers, test: Labelled) -> list[str]:
    """A warning if the student never answers with a class that the test data have."""
    classes = len(test.classes)
    truth, chosen = indicators(test.labels, classes), indicators(student.decided, classes)
    missing = np.flatnonzero((truth.sum(axis=0) >= _TEXTS_OF_A_CLASS) & ~chosen.any(axis=0))
    if not len(missing):
        return []
    names = [test.classes[i] for i in missing]
    return [
        f"The student never predicts {len(names)} of {classes} classes, although the test data have them "
        f"({_listed(names)}): give more text of these classes, or merge them with others."
    ]


def _listed(names: Sequence[str]) -> str:
    rest = len(names) - _NAMES
    return ", ".join(names[:_NAMES]) + (f" and {rest} more" if rest > 0 else "")
