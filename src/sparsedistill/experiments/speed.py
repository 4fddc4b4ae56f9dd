"""Speed of a student relative to its teacher."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median
from time import perf_counter

import numpy as np
import torch

from ..data.labelled import Labelled
from ..student import Student
from ..teachers.base import Teacher
from .result import SpeedFigures

_TIMED_TEXTS = 64
_ROUNDS = 5
_SECONDS = 0.25  # shortest time that a rate is measured over


def measure_speed(teacher: Teacher, student: Student, test: Labelled) -> SpeedFigures:
    """Time teacher and student on one thread each, alternately.

    Args:
        teacher: The teacher.
        student: The student.
        test: Test data, 64 texts of which are timed.
    """
    count = min(len(test), _TIMED_TEXTS)
    sample = test.select(np.random.default_rng(0).choice(len(test), count, replace=False))
    texts = sample.texts.to_pylist()
    pair = None if sample.text_pair is None else sample.text_pair.to_pylist()
    with _one_thread():
        rates = [
            (
                _rate(lambda: teacher.score(texts, pair), count),
                _rate(lambda: student.score(texts, pair, threads=1), count),
            )
            for _ in range(_ROUNDS)
        ]
    ratios = [student_rate / teacher_rate for teacher_rate, student_rate in rates]
    return SpeedFigures(
        teacher=median(rate for rate, _ in rates),
        student=median(rate for _, rate in rates),
        ratio=median(ratios),
        lowest=min(ratios),
        highest=max(ratios),
        texts=count,
        rounds=_ROUNDS,
    )


def _rate(action: Callable[[], object], texts: int) -> float:
    """Texts per second of an action that scores `texts` texts."""
    done, started = 0, perf_counter()
    while done == 0 or perf_counter() - started < _SECONDS:
        action()
        done += texts
    return done / (perf_counter() - started)


@contextmanager
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
