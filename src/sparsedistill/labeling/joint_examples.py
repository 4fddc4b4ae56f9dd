"""Targets of several heads side by side: teachers' logits, and labels as logits of a teacher that is sure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..data.examples import Examples
from ..data.labelled import Labelled
from ..errors import InputError
from .soft_examples import SoftExamples
from .soft_targets import SoftTargets

#: The logit of a class that a text has, and minus that of one that it does not have. Softmax and sigmoid of
#: these are 1 and 0 to within float32, so that the loss is that of the label.
CERTAIN = 30.0

_MOST_REPETITIONS = 11  # of texts in a pass over a corpus: with 5 passes, they are seen 60 times


def label_logits(labelled: Labelled) -> NDArray[np.float32]:
    """Labels as logits, float32 (n, classes); the numbers of a regression as they are, (n, 1)."""
    if labelled.problem == "regression":
        return labelled.labels.astype(np.float32)[:, None]
    hot = labelled.labels
    if labelled.problem == "single_label":
        hot = np.eye(len(labelled.classes), dtype=np.float32)[labelled.labels]
    return np.where(hot > 0, CERTAIN, -CERTAIN).astype(np.float32)


@dataclass(frozen=True)
class JointTargets:
    """Targets of n texts, one part per head.

    Attributes:
        logits: float32 (n, outputs); 0 where a head has no target.
        weights: float32 (n, heads); 0 where a head has no target.
    """

    logits: NDArray[np.float32]
    weights: NDArray[np.float32]

    @classmethod
    def none(cls, texts: int, parts: Sequence[slice]) -> JointTargets:
        """Targets of texts that have none yet."""
        return cls(np.zeros((texts, parts[-1].stop), np.float32), np.zeros((texts, len(parts)), np.float32))

    def or_else(self, other: JointTargets, parts: Sequence[slice]) -> JointTargets:
        """These targets, and those of `other` where a head has none."""
        logits, weights = self.logits.copy(), self.weights.copy()
        for number, part in enumerate(parts):
            missing = weights[:, number] == 0
            logits[missing, part] = other.logits[missing, part]
            weights[missing, number] = other.weights[missing, number]
        return JointTargets(logits, weights)


class JointExamples(SoftExamples):
    """The labellings of one corpus by several teachers as :class:`~sparsedistill.data.examples.Shards`.

    Args:
        labellings: The soft targets by head, at least one. All are of the same corpus, in shards of the same
            size.
        names: The heads, in the order of the outputs.
        parts: The outputs of each head.
        held_out: Identities of the examples to leave out.
        labelled: The labelled texts, with the labels of all heads, which are the last texts of the corpus. A
            head that has no score of them has its labels instead.
        unscored: Heads whose soft targets end before the labelled texts, since their scores are in files.

    Raises:
        InputError: The labellings are of different texts, or all texts are held out.
    """

    def __init__(
        self,
        labellings: Mapping[str, SoftTargets],
        names: Sequence[str],
        parts: Sequence[slice],
        held_out: pa.Array,
        labelled: Examples | None = None,
        unscored: Collection[str] = (),
    ) -> None:
        self._labellings = labellings
        self._names, self._parts = names, parts
        self._labelled = labelled
        longest = max(labellings.values(), key=len)
        super().__init__(longest, held_out)
        self._sizes = list(longest.sizes)
        if labelled is not None and set(labellings) <= set(unscored):  # one more shard, in memory
            self._sizes.append(len(labelled))
            self._kept.append((len(longest.shards), np.arange(len(labelled))))
        missing = 0 if labelled is None else len(labelled)
        for name, found in labellings.items():
            if len(found) + (missing if name in unscored else 0) != sum(self._sizes):
                raise InputError(
                    f"{found.directory} has other texts than {longest.directory}: delete the soft targets of "
                    f"{name}, and start the job again."
                )

    def repeat_last(self, share: float) -> None:
        """Repeat the labelled texts, so that heads that only these have targets for see enough.

        Call it after :meth:`set_aside`.

        Args:
            share: Share of them, with their repetitions, among all examples.
        """
        if self._labelled is None:
            return
        first = sum(self._sizes) - len(self._labelled)
        begins = np.cumsum([0, *self._sizes])
        last = [(number, rows[rows >= first - begins[number]]) for number, rows in self._kept]
        last = [(number, rows) for number, rows in last if len(rows)]
        seen, others = (sum(len(rows) for _, rows in part) for part in (last, self._kept))
        if seen:
            wanted = round((share * others - seen) / ((1 - share) * seen))
            self._kept += last * min(wanted, _MOST_REPETITIONS)

    def teachers(self, number: int) -> JointTargets:
        """What the teachers say of all texts in a shard."""
        found = JointTargets.none(self._sizes[number], self._parts)
        for name, labelling in self._labellings.items():
            if number < len(labelling.shards):
                logits, head = labelling.logits(number), self._names.index(name)
                found.logits[: len(logits), self._parts[head]] = logits
                found.weights[: len(logits), head] = 1
        return found

    def of_labelled(self) -> JointTargets:
        """What the teachers say of the labelled texts."""
        count = 0 if self._labelled is None else len(self._labelled)
        taken = [JointTargets.none(0, self._parts)]
        for number in reversed(range(len(self._sizes))):
            if count > 0:
                found = self.teachers(number)
                taken.insert(0, JointTargets(found.logits[-count:], found.weights[-count:]))
                count -= len(found.logits)
        return JointTargets(
            np.concatenate([part.logits for part in taken]), np.concatenate([part.weights for part in taken])
        )

    def _contents(self) -> Sequence[object]:
        labels = None if self._labelled is None else self._labelled.digest()
        return [(name, found.contents) for name, found in self._labellings.items()] + [("", labels)]

    def _examples(self, number: int, rows: NDArray[np.int64]) -> Examples:
        found = self.teachers(number)
        if self._labelled is not None:
            found = found.or_else(self._labels_of(number, self._labelled), self._parts)
        batch = self._targets.read(number) if number < len(self._targets.shards) else self._labelled
        assert batch is not None  # noqa: S101 - the shard after those of the teachers
        return Examples(
            batch.texts, text_pair=batch.text_pair, logits=found.logits, weights=found.weights
        ).take(rows)

    def _labels_of(self, number: int, labelled: Examples) -> JointTargets:
        """The labels of the texts of a shard."""
        texts = self._sizes[number]
        found = JointTargets.none(texts, self._parts)
        begin = sum(self._sizes[:number]) - (sum(self._sizes) - len(labelled))
        first = max(0, -begin)  # the first text of the shard that has a label
        own = slice(begin + first, max(begin + texts, 0))
        found.logits[first:], found.weights[first:] = labelled.targets[own], labelled.weights[own]
        return found
