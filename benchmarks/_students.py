"""Students for the benchmarks."""

from __future__ import annotations

import numpy as np

from sparsedistill import Student, Vocabulary
from sparsedistill.model.weights import StudentWeights


def make_student(vocabulary: Vocabulary, dim: int, rank: int | None = None) -> Student:
    """A student with drawn weights: its speed does not depend on them.

    A table of low `rank`, which a trained one is nearly, can be made compact.
    """
    random = np.random.default_rng(0)

    def draw(*shape: int, scale: float) -> np.ndarray:
        return random.standard_normal(shape, np.float32) * np.float32(scale)

    rows = len(vocabulary)
    network = StudentWeights(
        draw(rows, dim, scale=1.0)
        if rank is None
        else draw(rows, rank, scale=1.0) @ draw(rank, dim, scale=1.0),
        draw(dim, dim, scale=1.0),
        np.zeros(dim, np.float32),
        draw(2, dim, scale=0.1),
        np.zeros(2, np.float32),
    )
    return Student(vocabulary, network, ("0", "1"))
