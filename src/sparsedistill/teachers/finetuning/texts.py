"""Labelled texts to fine-tune on, and the part of them that is held out."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ...problem import Problem, problem_of_labels

#: int64 (n,) of class indices; for multi-label float32 (n, classes) of 0 and 1; for a regression numbers,
#: float32 (n,).
Labels: TypeAlias = NDArray[np.int64] | NDArray[np.float32]

_SHARE = 0.1
#: A held-out part has at least this many texts, but at most a fifth of all ...
_FEWEST = 50
#: ... and at most this many: more would not make the choice of a checkpoint more certain.
_MOST = 5_000


@dataclass(frozen=True)
class LabelledTexts:
    """Texts with labels, in memory.

    Attributes:
        texts: n texts.
        labels: int64 (n,), class indices; for multi-label, float32 (n, classes) of 0 and 1; for a regression,
            float32 (n,).
        text_pair: n second texts, for pairs.

    Raises:
        InputError: The numbers of texts and labels differ.
    """

    texts: Sequence[str]
    labels: Labels
    text_pair: Sequence[str] | None = None

    def __post_init__(self) -> None:
        pair = self.texts if self.text_pair is None else self.text_pair
        for given, what in ((self.labels, "labels"), (pair, "second texts")):
            if len(given) != len(self.texts):
                raise InputError(
                    f"{len(self.texts)} texts have {len(given)} {what}: give exactly one for each."
                )

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def problem(self) -> Problem:
        """What the labels are, by their type."""
        return problem_of_labels(self.labels)

    def select(self, rows: Sequence[int] | NDArray[np.int64]) -> LabelledTexts:
        """The texts at `rows`, in that order."""
        pair = None if self.text_pair is None else [self.text_pair[i] for i in rows]
        return LabelledTexts([self.texts[i] for i in rows], self.labels[np.asarray(rows, np.int64)], pair)

    def digest(self) -> str:
        """Hash of texts and labels."""
        digest = hashlib.blake2b(self.labels.tobytes(), digest_size=16)
        for text in (*self.texts, *(self.text_pair or ())):
            digest.update(text.encode("utf-8", "surrogatepass") + b"\xff")
        return digest.hexdigest()

    def hold_out(self, seed: int) -> tuple[LabelledTexts, LabelledTexts]:
        """Hold out a tenth of the texts for validation: at least 50, but at most a fifth, and at most 5,000.

        With single labels, each class has its share of the held-out texts, and keeps at least one text to
        train on. Texts that equal a held-out one are not trained on.

        Args:
            seed: Draws the texts.

        Returns:
            The remaining texts and the held-out texts, both in their original order.

        Raises:
            InputError: There are too few texts.
        """
        count = min(max(round(_SHARE * len(self)), _FEWEST), len(self) // 5, _MOST)
        held_out = np.sort(self._order(seed)[:count])
        keys = list(map(_key, self.texts, self.text_pair or self.texts))
        taken = {keys[i] for i in held_out}
        rest = [i for i, key in enumerate(keys) if key not in taken]
        if not count or not rest:
            raise InputError(
                f"{len(self)} labelled texts are too few to hold some out for validation: give more, or give "
                "validation texts."
            )
        return self.select(rest), self.select(held_out)

    def _order(self, seed: int) -> NDArray[np.int64]:
        """Rows in a random order, any beginning of which has the classes in proportion.

        The rows of a class are spread evenly over [0, 1), with a random offset. The last text of a class
        comes at the end.
        """
        random = np.random.default_rng(seed)
        if self.problem != "single_label":
            return random.permutation(len(self))
        place = np.empty(len(self))
        for label in np.unique(self.labels):
            rows = random.permutation(np.flatnonzero(self.labels == label))
            place[rows] = (np.arange(len(rows)) + random.random()) / len(rows)
            place[rows[-1]] = 1 + random.random()
        return np.argsort(place, kind="stable")


def _key(text: str, second: str) -> tuple[str, str]:
    """Equal for texts that differ in case or white space only."""
    return " ".join(text.casefold().split()), " ".join(second.casefold().split())
