"""The labelled texts of several questions: no text is held out for one and trained on for another."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ..._internal.texts import joined_strings
from ...data.examples import Examples
from ...data.identity import identities, paired
from ...data.labelled import Labelled
from ...errors import InputError
from ...labeling.joint_examples import JointTargets, label_logits
from ...labeling.soft_examples import without
from ...model.heads import Head, head_slices
from ..material import Material
from ..prepare import GivenLabels
from ..validation import report_missing

logger = logging.getLogger(__package__)


@dataclass(frozen=True)
class JointTexts:
    """Different texts with the labels of all questions.

    Attributes:
        texts: Texts, large_string (n,).
        text_pair: Second texts of pairs, or None.
        targets: The labels, as logits.
    """

    texts: pa.Array
    text_pair: pa.Array | None
    targets: JointTargets

    def __len__(self) -> int:
        return len(self.texts)

    def examples(self, targets: JointTargets | None = None) -> Examples:
        """The texts as training examples, with their labels or with other targets."""
        targets = targets or self.targets
        return Examples(self.texts, text_pair=self.text_pair, logits=targets.logits, weights=targets.weights)

    def select(self, rows: NDArray[np.int64]) -> JointTexts:
        """The texts with these numbers, in that order."""
        places = pa.array(rows)
        return JointTexts(
            self.texts.take(places),
            None if self.text_pair is None else self.text_pair.take(places),
            JointTargets(self.targets.logits[rows], self.targets.weights[rows]),
        )

    def joined(self, other: JointTexts) -> JointTexts:
        """These texts and then those of `other`, which are different ones of the same questions."""
        pair = None
        if self.text_pair is not None and other.text_pair is not None:
            pair = joined_strings([self.text_pair, other.text_pair])
        return JointTexts(
            joined_strings([self.texts, other.texts]),
            pair,
            JointTargets(
                np.concatenate([self.targets.logits, other.targets.logits]),
                np.concatenate([self.targets.weights, other.targets.weights]),
            ),
        )


@dataclass(frozen=True)
class JointMaterial:
    """The labelled texts of a job of several questions. No text is in two parts, whatever the question.

    Attributes:
        heads: The questions.
        materials: The labelled texts of each question.
        train: The training texts of all questions.
        validation: Their validation texts.
        held_out: Identities of the validation and test texts, which must not be trained on.
        left_out: Number of labelled texts that were left out because they are in validation or test data too.
    """

    heads: tuple[Head, ...]
    materials: Mapping[str, Material]
    train: JointTexts | None
    validation: JointTexts | None
    held_out: pa.Array
    left_out: int

    @property
    def own_validation(self) -> bool:
        """The validation texts of all questions with labels are a part of their labelled texts."""
        return all(one.own_validation for one in self.materials.values() if one.validation is not None)

    @property
    def pair(self) -> bool:
        """The texts come in pairs."""
        return next(iter(self.materials.values())).pair

    @property
    def parts(self) -> list[slice]:
        """The outputs of each head."""
        return head_slices(self.heads)

    @property
    def names(self) -> list[str]:
        """The names of the heads."""
        return [head.name for head in self.heads]


def gather_questions(
    given: Mapping[str, GivenLabels], *, pair: bool, validation_share: float, seed: int
) -> JointMaterial:
    """Combine the labelled texts of several questions, so that none is in two parts.

    Test data take precedence over validation data, and those over training data, across all questions. What
    is held out for validation is chosen question by question: a text that a question before has chosen, or
    has kept for training, stays there.

    Args:
        given: The labelled texts by question.
        pair: The texts come in pairs.
        validation_share: Share of the training texts of a question to hold out if it has no validation data.
        seed: Draws them.

    Raises:
        InputError: The outputs of a question are not known, or it has no training or validation texts left.
    """
    test = _identities(labels.test for labels in given.values())
    validation = {
        name: None if labels.validation is None else _rest(name, labels.validation, test, "validation")
        for name, labels in given.items()
    }
    held_out = pa.concat_arrays([test, _identities(validation.values())])
    split = _Split(validation_share, seed)
    materials: dict[str, Material] = {}
    count = left = 0
    for name, labels in given.items():
        train, held = labels.train, validation[name]
        if train is not None:
            count += len(train)
            train = _rest(name, train, held_out, "labelled")
            left += len(train)
            if held is None:
                train, held = split.divide(name, train)
        if held is not None:
            report_missing(held)
        classes = labels.classes if train is None else train.classes
        if classes is None:
            raise InputError(f"The classes of {name} are not known: give a teacher, labels, or class names.")
        problem = labels.problem if train is None else train.problem
        own = labels.train is not None and labels.validation is None
        materials[name] = Material(
            train, held, labels.test, tuple(classes), problem, pair, own_validation=own
        )
    heads = tuple(Head(name, one.classes, one.problem) for name, one in materials.items())
    # A question with validation data of its own may train on what another holds out.
    all_held = pa.concat_arrays([held_out, _identities(one.validation for one in materials.values())])
    materials = {
        name: one if one.train is None else replace(one, train=_rest(name, one.train, all_held, "labelled"))
        for name, one in materials.items()
    }
    return JointMaterial(
        heads,
        materials,
        _union(heads, [one.train for one in materials.values()]),
        _union(heads, [one.validation for one in materials.values()]),
        all_held,
        count - left,
    )


class _Split:
    """Holds out validation texts, the same for all questions."""

    def __init__(self, share: float, seed: int) -> None:
        self._share, self._seed = share, seed
        self._known = [pa.array([], pa.large_string()), pa.array([], pa.large_string())]  # kept, held out

    def divide(self, name: str, labelled: Labelled) -> tuple[Labelled, Labelled]:
        """The rows to train on and the held-out rows of a question."""
        keys = identities(labelled.texts, labelled.text_pair)
        kept, held = (pc.is_in(keys, value_set=known).to_numpy(zero_copy_only=False) for known in self._known)
        new = np.flatnonzero(~kept & ~held)
        chosen: NDArray[np.int64] = np.empty(0, np.int64)
        if len(new):
            chosen = self._chosen(labelled, new, needed=not held.any())
        held[chosen] = True
        parts = np.flatnonzero(~held), np.flatnonzero(held)
        if not all(map(len, parts)):
            raise InputError(f"The question {name} has too few labelled texts to hold some out: give more.")
        self._known = [
            pa.concat_arrays([known, keys.take(pa.array(rows))])
            for known, rows in zip(self._known, parts, strict=True)
        ]
        return labelled.select(parts[0]), labelled.select(parts[1])

    def _chosen(self, labelled: Labelled, rows: NDArray[np.int64], *, needed: bool) -> NDArray[np.int64]:
        """Those of `rows` to hold out: a share of each class, if there are enough."""
        try:
            return rows[labelled.select(rows).held_out(self._share, self._seed)]
        except InputError:
            if needed:
                raise
            return np.empty(0, np.int64)


def _identities(parts: Iterable[Labelled | None]) -> pa.Array:
    found = [identities(part.texts, part.text_pair) for part in parts if part is not None]
    return pa.concat_arrays([pa.array([], pa.large_string()), *found])


def _rest(name: str, part: Labelled, held_out: pa.Array, kind: str) -> Labelled:
    """The texts of a part that are not held out; there must be some."""
    rest = without(part, held_out)
    if not len(rest):
        raise InputError(
            f"All {kind} texts of {name} are also in validation or test data: give other {kind} texts."
        )
    return rest


def _union(heads: Sequence[Head], parts: Sequence[Labelled | None]) -> JointTexts | None:
    """The different texts of all questions; None if there are none."""
    return None if all(part is None for part in parts) else union_of(heads, parts)[0]


def union_of(
    heads: Sequence[Head], parts: Sequence[Labelled | None]
) -> tuple[JointTexts, list[NDArray[np.int64]]]:
    """The different texts of all questions, in the order of their first occurrence.

    Args:
        heads: The questions.
        parts: Their labelled texts; some have them.

    Returns:
        The texts, and per question that has texts their numbers among these.
    """
    given = [part for part in parts if part is not None]
    keys = pa.concat_arrays([paired(part.texts, part.text_pair) for part in given]).dictionary_encode()
    numbers = keys.indices.to_numpy().astype(np.int64)
    first = np.unique(numbers, return_index=True)[1]
    targets = JointTargets.none(len(first), head_slices(heads))
    places: list[NDArray[np.int64]] = []
    begin = 0
    for number, (part, output) in enumerate(zip(parts, head_slices(heads), strict=True)):
        if part is None:
            continue
        rows = numbers[begin : begin + len(part)]
        begin += len(part)
        places.append(rows)
        targets.logits[rows, output] = label_logits(part)
        targets.weights[rows, number] = 1 if part.weights is None else part.weights
    texts = joined_strings([part.texts for part in given])
    pairs = [part.text_pair for part in given if part.text_pair is not None]
    second = joined_strings(pairs).take(pa.array(first)) if pairs else None
    return JointTexts(texts.take(pa.array(first)), second, targets), places
