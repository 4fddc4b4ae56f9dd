"""Students for the benchmarks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sparsedistill import Student, Vocabulary
from sparsedistill.model.weights import StudentWeights


def random_student(vocabulary: Vocabulary, dim: int, rank: int | None = None) -> Student:
    """Return a student with random weights and two classes: its speed does not depend on the weights.

    Args:
        vocabulary: Its n-grams.
        dim: Dimensions of an embedding.
        rank: Rank of the table, full by default. A trained table is nearly of low rank, and only a table of
            low rank can be made compact.
    """
    random = np.random.default_rng(0)

    def draw(*shape: int, scale: float = 1.0) -> NDArray[np.float32]:
        values: NDArray[np.float32] = random.standard_normal(shape, np.float32) * np.float32(scale)
        return values

    rows = len(vocabulary)
    weights = StudentWeights(
        table=draw(rows, dim) if rank is None else draw(rows, rank) @ draw(rank, dim),
        hidden_weight=draw(dim, dim),
        hidden_bias=np.zeros(dim, np.float32),
        output_weight=draw(2, dim, scale=0.1),
        output_bias=np.zeros(2, np.float32),
    )
    return Student(vocabulary, weights, ("0", "1"))
