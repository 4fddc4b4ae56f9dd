"""Heads: their outputs, and what their changes are compared with."""

from __future__ import annotations

import numpy as np
import pytest

from sparsedistill.model.heads import Head, head_slices, output_units

HEADS = (
    Head("a", ("x", "y"), "single_label"),
    Head("b", ("score",), "regression"),
    Head("c", ("u", "v", "w"), "multi_label"),
)


def test_the_outputs_of_the_heads_follow_each_other() -> None:
    assert head_slices(HEADS) == [slice(0, 2), slice(2, 3), slice(3, 6)]


def test_numbers_are_measured_in_their_standard_deviation() -> None:
    outputs = np.random.default_rng(0).standard_normal((5000, 6), dtype=np.float32) * 30
    assert output_units(HEADS, outputs) == pytest.approx([1, 1, outputs[:, 2].std(), 1, 1, 1], rel=1e-5)
    constant = np.ones((4, 6), np.float32)
    assert output_units(HEADS, constant)[2] > 0
