"""Heads: the questions that one network answers, each with its own part of the outputs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..problem import SCORE, Problem

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")  # also a directory, and part of column names
#: Other columns of the output of `predict`.
_COLUMNS = frozenset({"text", "text_pair", "coverage", "deferred"})
#: The columns of the answers of the only question of a student.
_NAMELESS: dict[Problem, tuple[str, ...]] = {
    "single_label": ("label", "score"),
    "multi_label": ("labels",),
    "regression": ("score",),
}


@dataclass(frozen=True)
class Head:
    """A question that a student answers.

    Attributes:
        name: Its name; empty for the only question of a student.
        classes: The class names, in the order of its outputs; ``("score",)`` for a regression.
        problem: What the answer is: one class, any number of classes, or a number.
    """

    name: str
    classes: tuple[str, ...]
    problem: Problem

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of its answers in tables: its name, and for one class that of the probability.

        Without a name they are ``label`` and ``score``, or ``labels``, or ``score`` for a number.
        """
        if not self.name:
            return _NAMELESS[self.problem]
        return (self.name, f"{self.name}_score") if self.problem == "single_label" else (self.name,)

    @property
    def probability_columns(self) -> tuple[str, ...]:
        """The columns of the probabilities of its classes, ``NAME_p_CLASS``; none for a regression."""
        start = f"{self.name}_p_" if self.name else "p_"
        return () if self.problem == "regression" else tuple(start + name for name in self.classes)


def head_slices(heads: Sequence[Head]) -> list[slice]:
    """The outputs of each head: those of the heads follow each other."""
    ends = list(accumulate(len(head.classes) for head in heads))
    return [slice(end - len(head.classes), end) for head, end in zip(heads, ends, strict=True)]


def output_units(heads: Sequence[Head], outputs: NDArray[np.float32]) -> NDArray[np.float64]:
    """What a change of each output is compared with, float64 (outputs,).

    It is 1 for classes, and for a regression the standard deviation of its numbers, so that the outputs of
    heads can be weighed against each other.

    Args:
        heads: The heads.
        outputs: Outputs of n texts, float32 (n, outputs).
    """
    units = np.ones(outputs.shape[1])
    for head, part in zip(heads, head_slices(heads), strict=True):
        if head.problem == "regression":
            units[part] = max(float(outputs[:, part].std(dtype=np.float64)), np.finfo(np.float32).tiny)
    return units


def check_head_name(name: str) -> None:
    """Check that a head can have this name.

    Raises:
        InputError: It cannot.
    """
    if not _NAME.fullmatch(name) or name in _COLUMNS:
        raise InputError(
            f"The name of a head is {name!r}: give a letter followed by letters, digits, _ or -, up to 64 in "
            f"all, and none of {', '.join(sorted(_COLUMNS))}."
        )


def check_heads(heads: Sequence[Head], outputs: int) -> None:
    """Check the heads of a student of several questions.

    Args:
        heads: The heads.
        outputs: Outputs of its network.

    Raises:
        InputError: A name cannot be used or is used twice, or the heads do not fit the outputs.
    """
    columns: set[str] = set()
    for head in heads:
        check_head_name(head.name)
        for column in (*head.columns, *head.probability_columns):
            if column in columns:
                raise InputError(f"Two heads have the column {column!r}: give each head a name of its own.")
            columns.add(column)
        if not head.classes or (head.problem == "regression") != (tuple(head.classes) == SCORE):
            raise InputError(
                f"The head {head.name} is a {head.problem} with the outputs {', '.join(head.classes)}: name "
                "the classes, or score for the number of a regression."
            )
    if not heads or sum(len(head.classes) for head in heads) != outputs:
        raise InputError(
            f"The heads have {sum(len(head.classes) for head in heads)} outputs and the weights {outputs}: "
            "give heads for all outputs."
        )


def head_named(heads: Sequence[Head], name: str) -> Head:
    """The head with this name.

    Raises:
        InputError: There is none.
    """
    for head in heads:
        if head.name == name:
            return head
    raise InputError(f"There is no head {name!r}: name one of {', '.join(head.name for head in heads)}.")
