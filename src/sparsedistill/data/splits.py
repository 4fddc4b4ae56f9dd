"""Stratified splits of labelled rows: which are held out, and k folds.

Rows with the same text, or with the same value in a column that the user named, form a group, which is never
divided. Classes are treated from the rarest to the most frequent: a row of several classes counts for the
rarest of them (Sechidis et al., "On the Stratification of Multi-Label Data", 2011).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

#: Class indices, int64 (n,), or for multi-label 0 and 1, float32 (n, classes).
Labels: TypeAlias = NDArray[np.int64] | NDArray[np.float32]


#: A regression is split in at most the first number of intervals, with at least the second number of texts.
_INTERVALS, _LEAST_OF_INTERVAL = 10, 20


def strata_of_scores(scores: NDArray[np.float32]) -> NDArray[np.int64]:
    """Intervals of numbers in the place of classes, int64 (n,): about as many texts are in each."""
    count = max(1, min(_INTERVALS, len(scores) // _LEAST_OF_INTERVAL))
    inner = np.quantile(scores, np.arange(1, count) / count) if count > 1 else np.empty(0)
    _, found = np.unique(np.searchsorted(inner, scores, "right"), return_inverse=True)
    strata: NDArray[np.int64] = found.astype(np.int64)
    return strata


def connected(first: NDArray[np.int64], second: NDArray[np.int64]) -> NDArray[np.int64]:
    """Join rows that have the same number in either of two numberings, and those joined with them.

    Args:
        first: Numbers from 0, int64 (n,).
        second: Numbers from 0, int64 (n,).

    Returns:
        Numbers of the joined rows from 0, int64 (n,).

    Needs scipy, which the extra ``train`` installs.
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    count = len(first)
    # Both kinds of numbers are the vertices of a graph, and the rows its edges.
    ends = first, second + (first.max(initial=-1) + 1)
    size = max((int(end.max(initial=-1)) for end in ends), default=-1) + 1
    graph = coo_matrix((np.ones(count, dtype=np.bool_), ends), shape=(size, size))
    _, parts = connected_components(graph, directed=False)
    found: NDArray[np.int64] = parts[first].astype(np.int64)
    return np.unique(found, return_inverse=True)[1].astype(np.int64)


def held_out_rows(groups: NDArray[np.int64], labels: Labels, share: float, seed: int) -> NDArray[np.bool_]:
    """Choose the rows to hold out.

    Of each class, `share` of its different texts is held out, rounded, but at least one and not all of them.
    A class with one text keeps it. If texts have several classes and both cannot be satisfied, no class loses
    all of its texts; the held-out rows may then lack a class.

    Args:
        groups: Number of each row's text from 0, int64 (n,); rows with the same text have the same number.
        labels: Class indices, int64 (n,), or 0 and 1, float32 (n, classes).
        share: Share to hold out, between 0 and 1.
        seed: Draws the rows.

    Returns:
        bool (n,), True for held-out rows. All are False if there is nothing to divide.
    """
    strata = _Strata.of(groups, labels)
    random = np.random.default_rng(seed)
    remaining = strata.sizes()  # groups of each class that are not held out
    chosen = np.zeros(strata.groups, dtype=bool)
    settled = np.zeros(strata.groups, dtype=bool)
    for _, members in strata.rarest_first():
        wanted = min(max(round(share * len(members)), 1), len(members) - 1) - int(chosen[members].sum())
        # Texts of rarer classes come last: their classes have had their share.
        order = random.permutation(members)
        for group in order[np.argsort(settled[order], kind="stable")]:
            if wanted <= 0:
                break
            classes = strata.classes(group)
            if not chosen[group] and (remaining[classes] > 1).all():
                chosen[group] = True
                remaining[classes] -= 1
                wanted -= 1
        settled[members] = True
    return chosen[groups]


def fold_numbers(groups: NDArray[np.int64], labels: Labels, k: int, seed: int) -> NDArray[np.int64]:
    """Distribute rows over `k` folds.

    The different texts of a class are spread over the folds evenly. The text of a class with only one is in
    no fold, since without it the class could not be learnt.

    Args:
        groups: See :func:`held_out_rows`.
        labels: See :func:`held_out_rows`.
        k: Number of folds, at least 2.
        seed: Draws the rows.

    Returns:
        The fold of each row, int64 (n,), from 0; -1 for rows in no fold.
    """
    strata = _Strata.of(groups, labels)
    random = np.random.default_rng(seed)
    sizes = strata.sizes()
    folds = np.full(strata.groups, -1, dtype=np.int64)
    counts = np.zeros((k, len(sizes)), dtype=np.int64)  # groups of each class in each fold
    totals = np.zeros(k, dtype=np.int64)
    for index, members in strata.rarest_first():
        for group in random.permutation(members):
            classes = strata.classes(group)
            if folds[group] >= 0 or (sizes[classes] == 1).any():
                continue
            all_classes = counts[:, classes].sum(axis=1)
            fold = int(np.lexsort((random.permutation(k), totals, all_classes, counts[:, index]))[0])
            folds[group] = fold
            counts[fold, classes] += 1
            totals[fold] += 1
    return folds[groups]


@dataclass(frozen=True)
class _Strata:
    """The classes of each group, in compressed rows.

    Attributes:
        starts: int64 (groups + 1,): where each group begins in `indices`.
        indices: int64 (n,): classes of the groups. A text without a class is in one more, the last.
        count: Number of classes, with that one.
    """

    starts: NDArray[np.int64]
    indices: NDArray[np.int64]
    count: int

    @classmethod
    def of(cls, groups: NDArray[np.int64], labels: Labels) -> _Strata:
        if labels.ndim == 1:
            count = int(labels.max(initial=-1)) + 1
            pairs = groups * count + labels.astype(np.int64)
        else:
            count = labels.shape[1] + 1
            rows, classes = np.nonzero(np.c_[labels, ~labels.any(axis=1)])
            pairs = groups[rows] * count + classes
        owners, indices = np.divmod(np.unique(pairs), max(count, 1))
        total = int(groups.max(initial=-1)) + 1
        return cls(np.searchsorted(owners, np.arange(total + 1)), indices, count)

    @property
    def groups(self) -> int:
        return len(self.starts) - 1

    def classes(self, group: int) -> NDArray[np.int64]:
        """The classes of a group."""
        return self.indices[self.starts[group] : self.starts[group + 1]]

    def sizes(self) -> NDArray[np.int64]:
        """Number of groups of each class."""
        return np.bincount(self.indices, minlength=self.count)

    def rarest_first(self) -> Iterator[tuple[int, NDArray[np.int64]]]:
        """Each class that has more than one group, with its groups."""
        owners = np.repeat(np.arange(self.groups), np.diff(self.starts))
        order = np.argsort(self.indices, kind="stable")
        sizes = self.sizes()
        ends = np.cumsum(sizes)
        for index in np.argsort(sizes, kind="stable"):
            if sizes[index] > 1:
                yield int(index), owners[order[ends[index] - sizes[index] : ends[index]]]
