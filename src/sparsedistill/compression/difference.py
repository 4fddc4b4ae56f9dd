"""How far answers may move, and how far they have moved."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from ..model.predictions import probabilities
from ..model.record import CompressionStep


@dataclass(frozen=True)
class Floor:
    """How much a compact student may differ from the trained one.

    Attributes:
        agreement: Minimum share of held-out texts with the same label.
        change: Maximum mean absolute change of a probability on them.
    """

    agreement: float = 0.999
    change: float = 0.001

    def part(self, share: float) -> Floor:
        """A stricter floor, which leaves the rest of the allowed difference to later steps."""
        return Floor(1 - share * (1 - self.agreement), share * self.change)


@dataclass(frozen=True)
class Difference:
    """How far answers are from those of the trained student.

    Attributes:
        agreement: Share of the texts with the same label (multi-label: the same labels).
        mean_change: Mean absolute change of a probability.
        max_change: Largest absolute change of a probability.
    """

    agreement: float
    mean_change: float
    max_change: float

    @classmethod
    def between(
        cls, found: NDArray[np.float32], expected: NDArray[np.float32], *, multi_label: bool
    ) -> Difference:
        """The difference between two arrays of logits, float32 (n, classes) each."""
        shares, wanted = (probabilities(logits, multi_label=multi_label) for logits in (found, expected))
        change = np.abs(shares - wanted)
        if multi_label:
            same = ((found >= 0) == (expected >= 0)).all(axis=1)
        else:
            same = found.argmax(axis=1) == expected.argmax(axis=1)
        return cls(float(same.mean()), float(change.mean()), float(change.max()))

    def within(self, floor: Floor) -> bool:
        """Whether `floor` allows the difference."""
        return self.agreement >= floor.agreement and self.mean_change <= floor.change

    def step(self, name: str) -> CompressionStep:
        """The difference as a step of the record of a compression."""
        return CompressionStep(name, **asdict(self))
