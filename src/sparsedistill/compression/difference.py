"""How far answers may move, and how far they have moved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import inf

import numpy as np
from numpy.typing import NDArray

from .._internal.correlation import spearman
from ..errors import InputError
from ..model.heads import Head, head_slices
from ..model.predictions import probabilities
from ..model.record import CompressionStep
from ..problem import Problem


@dataclass(frozen=True)
class Floor:
    """How much a compact student may differ from the trained one.

    The changes of a regression are divided by the standard deviation of its numbers.

    Attributes:
        agreement: Minimum share of held-out texts with the same label; for a regression, minimum of
            Spearman's correlation of the numbers.
        change: Maximum mean absolute change of a probability, or of a number, on them.
        largest: Maximum of the largest change.

    Raises:
        InputError: A value is out of range.
    """

    agreement: float = 0.999
    change: float = 0.001
    largest: float = inf

    def __post_init__(self) -> None:
        if not 0 <= self.agreement <= 1:
            raise InputError(f"The agreement to keep is {self.agreement}: it must be 0 to 1.")
        for name in ("change", "largest"):
            if not getattr(self, name) >= 0:
                raise InputError(f"The {name} to allow is {getattr(self, name)}: it must be at least 0.")

    @classmethod
    def of(cls, problem: Problem) -> Floor:
        """The floor of students of a kind, if no other is given."""
        return cls(change=0.01, largest=0.05) if problem == "regression" else cls()

    def part(self, share: float) -> Floor:
        """A stricter floor, which leaves the rest of the allowed difference to later steps."""
        return Floor(1 - share * (1 - self.agreement), share * self.change, share * self.largest)

    def __str__(self) -> str:
        largest = "" if self.largest == inf else f", largest change {self.largest:g}"
        return f"agreement {self.agreement:.4%}, mean change {self.change:g}{largest}"


@dataclass(frozen=True)
class Difference:
    """How far answers are from those of the trained student.

    Attributes:
        agreement: Share of the texts with the same label (multi-label: the same labels); for a regression,
            Spearman's correlation.
        mean_change: Mean absolute change of a probability; for a regression, of a number divided by the
            standard deviation of the trained student's.
        max_change: The largest of these changes.
    """

    agreement: float
    mean_change: float
    max_change: float

    @classmethod
    def between(
        cls, found: NDArray[np.float32], expected: NDArray[np.float32], problem: Problem
    ) -> Difference:
        """The difference between two arrays of logits, float32 (n, classes) each."""
        if problem == "regression":
            deviation = max(float(expected.std(dtype=np.float64)), np.finfo(np.float32).tiny)
            change = np.abs(found.astype(np.float64) - expected) / deviation
            agreement = spearman(found[:, 0], expected[:, 0])
            return cls(agreement, float(change.mean()), float(change.max()))
        shares, wanted = (probabilities(logits, problem) for logits in (found, expected))
        change = np.abs(shares - wanted)
        if problem == "multi_label":
            same = ((found >= 0) == (expected >= 0)).all(axis=1)
        else:
            same = found.argmax(axis=1) == expected.argmax(axis=1)
        return cls(float(same.mean()), float(change.mean()), float(change.max()))

    def within(self, floor: Floor) -> bool:
        """Whether `floor` allows the difference."""
        return (
            self.agreement >= floor.agreement
            and self.mean_change <= floor.change
            and self.max_change <= floor.largest
        )

    def step(self, name: str) -> CompressionStep:
        """The difference as a step of the record of a compression."""
        return CompressionStep(name, **asdict(self))


@dataclass(frozen=True)
class Floors:
    """The floor of each head of a student; a student of one question has one head.

    Attributes:
        heads: The heads.
        floors: A floor per head.
    """

    heads: tuple[Head, ...]
    floors: tuple[Floor, ...]

    def part(self, share: float) -> Floors:
        """A part of each floor: see :meth:`Floor.part`."""
        return Floors(self.heads, tuple(floor.part(share) for floor in self.floors))

    def differences(self, found: NDArray[np.float32], expected: NDArray[np.float32]) -> list[Difference]:
        """The difference of each head between two arrays of outputs, float32 (n, outputs) each."""
        return [
            Difference.between(found[:, part], expected[:, part], head.problem)
            for head, part in zip(self.heads, head_slices(self.heads), strict=True)
        ]

    def allow(self, differences: Sequence[Difference]) -> bool:
        """Whether the difference of each head is within its floor."""
        return all(one.within(floor) for one, floor in zip(differences, self.floors, strict=True))

    def keep(self, found: NDArray[np.float32], expected: NDArray[np.float32]) -> bool:
        """Whether outputs are within all floors of the expected ones."""
        return self.allow(self.differences(found, expected))
