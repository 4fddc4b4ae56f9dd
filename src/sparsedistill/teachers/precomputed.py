"""A teacher whose scores are in the corpus."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .base import Fingerprint
from .scores import as_logits, check_format, checked


@dataclass(frozen=True)
class FileTeacher:
    """A teacher whose scores are in the files of the corpus, in the columns `scores`.

    It has no ``score``, since it cannot score other texts.

    Attributes:
        classes: Names of the classes, in the order of the scores; ``("score",)`` for a regression.
        multi_label: Whether a text may have several classes.
        outputs: What the scores are: ``"logits"`` or ``"probabilities"``.
        name: Name for messages and manifests.

    Raises:
        InputError: There are fewer than two classes, or `outputs` is unknown.
    """

    classes: tuple[str, ...]
    multi_label: bool = False
    outputs: str = "logits"
    name: str = "scores in the corpus"

    def __post_init__(self) -> None:
        check_format(self.classes, self.outputs)

    def logits(self, scores: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the scores of n texts as logits, float32 (n, classes).

        Raises:
            InputError: The scores per text are not as many as the classes, or are not valid probabilities.
        """
        return as_logits(checked(scores, len(scores), self), self.outputs, self)

    def fingerprint(self) -> Fingerprint:
        """Return what the scores mean. The fingerprint of the corpus covers their values."""
        return {"kind": "file", "outputs": self.outputs}
