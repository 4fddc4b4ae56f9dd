"""Properties of stratified splits and folds."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from sparsedistill.data.splits import fold_numbers, held_out_rows

seeds = st.integers(0, 2**32 - 1)


@st.composite
def single(draw: st.DrawFn) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Groups and labels of rows; rows of a group have one label."""
    labels = np.array(draw(st.lists(st.integers(0, 5), min_size=1, max_size=60)), np.int64)
    groups = np.array(draw(st.lists(st.integers(0, len(labels) - 1), min_size=1, max_size=120)), np.int64)
    groups = np.unique(groups, return_inverse=True)[1].astype(np.int64)
    return groups, labels[groups]


@st.composite
def several(draw: st.DrawFn) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Groups and labels of rows with any number of classes; rows of a group can differ in theirs."""
    sets = np.array(draw(st.lists(st.integers(0, 15), min_size=1, max_size=40)))  # one bit a class
    groups = draw(st.lists(st.integers(0, len(sets)), min_size=len(sets), max_size=len(sets)))
    hot = (sets[:, None] >> np.arange(4) & 1).astype(np.float32)
    return np.unique(groups, return_inverse=True)[1].astype(np.int64), hot


def groups_of_each_class(groups: NDArray[np.int64], labels: NDArray[np.int64]) -> list[set[int]]:
    return [set(groups[labels == i].tolist()) for i in range(6)]


@given(single(), st.floats(0.01, 0.99), seeds)
@settings(max_examples=60, deadline=None)
def test_each_class_is_divided(
    rows: tuple[NDArray[np.int64], NDArray[np.int64]], share: float, seed: int
) -> None:
    groups, labels = rows
    chosen = held_out_rows(groups, labels, share, seed)
    assert (chosen == held_out_rows(groups, labels, share, seed)).all()
    held_out, kept = groups[chosen], groups[~chosen]
    assert not set(held_out) & set(kept)
    for members in groups_of_each_class(groups, labels):
        wanted = min(max(round(share * len(members)), 1), len(members) - 1) if len(members) > 1 else 0
        assert len(members & set(held_out.tolist())) == wanted


@given(several(), st.floats(0.01, 0.99), seeds)
@settings(max_examples=60, deadline=None)
def test_no_class_of_several_loses_all_texts(
    rows: tuple[NDArray[np.int64], NDArray[np.float32]], share: float, seed: int
) -> None:
    groups, labels = rows
    chosen = held_out_rows(groups, labels, share, seed)
    assert (chosen == held_out_rows(groups, labels, share, seed)).all()
    assert not set(groups[chosen]) & set(groups[~chosen])
    assert (labels[~chosen].any(axis=0) == labels.any(axis=0)).all()


@given(single(), st.integers(2, 6), seeds)
@settings(max_examples=60, deadline=None)
def test_folds_are_even(rows: tuple[NDArray[np.int64], NDArray[np.int64]], k: int, seed: int) -> None:
    groups, labels = rows
    folds = fold_numbers(groups, labels, k, seed)
    assert (folds == fold_numbers(groups, labels, k, seed)).all()
    assert len({(group, fold) for group, fold in zip(groups, folds, strict=True)}) == len(set(groups))
    fold_of = dict(zip(groups.tolist(), folds.tolist(), strict=True))
    for members in groups_of_each_class(groups, labels):
        counts = np.bincount([fold_of[group] for group in members if fold_of[group] >= 0], minlength=k)
        assert counts.sum() == (len(members) if len(members) > 1 else 0)
        assert counts.max() - counts.min() <= 1


@given(several(), st.integers(2, 6), seeds)
@settings(max_examples=60, deadline=None)
def test_folds_with_several_classes(
    rows: tuple[NDArray[np.int64], NDArray[np.float32]], k: int, seed: int
) -> None:
    groups, labels = rows
    folds = fold_numbers(groups, labels, k, seed)
    assert len(set(zip(groups, folds, strict=True))) == len(set(groups))
    for fold in range(k):
        assert (labels[folds != fold].any(axis=0) >= (labels.sum(axis=0) == 1)).all()


def test_shares_are_kept_with_several_classes() -> None:
    random = np.random.default_rng(0)
    labels = (random.random((4000, 8)) < [0.5, 0.3, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005]).astype(np.float32)
    chosen = held_out_rows(np.arange(4000), labels, 0.1, 0)
    shares = labels[chosen].sum(axis=0) / labels.sum(axis=0)
    assert (abs(shares - 0.1) < 0.03).all()
    folds = fold_numbers(np.arange(4000), labels, 5, 0)
    counts = np.array([labels[folds == fold].sum(axis=0) for fold in range(5)])
    assert (abs(counts / labels.sum(axis=0) - 0.2) < 0.04).all()
