"""What a teacher is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

#: What identifies a teacher: a JSON object that changes if the answers can. It is only compared and stored.
Fingerprint: TypeAlias = dict[str, Any]


@runtime_checkable
class Teacher(Protocol):
    """Anything that scores texts.

    A class needs these members only, and does not have to derive from this one.

    Attributes:
        classes: Names of the classes, in the order of the scores; ``("score",)`` for a regression, a
            teacher of numbers.
        multi_label: Whether a text may have several classes (sigmoid rather than softmax).
        name: Name for messages and manifests.
    """

    classes: tuple[str, ...]
    multi_label: bool
    name: str

    def score(self, texts: Sequence[str], text_pair: Sequence[str] | None = None) -> NDArray[np.float32]:
        """Return logits, or numbers, float32 (n, classes), of n texts or pairs of texts."""
        ...

    def fingerprint(self) -> Fingerprint:
        """Return what identifies this teacher, as JSON values.

        It must change if the scores can change: a labelling is resumed only with an equal fingerprint.
        """
        ...


class Estimator(Protocol):
    """A fitted estimator of scikit-learn that takes texts."""

    def fit(self, X: Any, y: Any, /) -> Any:  # noqa: N803
        """Not called."""
        ...

    def predict(self, X: Any, /) -> Any:  # noqa: N803
        """Return the class or the number of each text."""
        ...


#: What users can pass as a teacher: directory or Hub id of a classifier, an ONNX file, a TOML file that
#: describes an LLM, a function from texts to scores, a fitted estimator of scikit-learn, or a
#: :class:`Teacher`.
TeacherLike: TypeAlias = "str | Path | Teacher | Estimator | Callable[..., ArrayLike]"


@dataclass(frozen=True)
class ScoreFormat:
    """What the scores of a teacher mean, and how to load it.

    Attributes:
        classes: Names of the classes, in the order of the scores; None if they were not given.
        multi_label: Whether a text may have several classes.
        outputs: ``"logits"`` or ``"probabilities"``.
        revision: Branch, tag or commit of a model on the Hub.
        max_length: Longest input of a model in its tokens; None for its limit.
    """

    classes: Sequence[str] | None = None
    multi_label: bool = False
    outputs: str = "logits"
    revision: str | None = None
    max_length: int | None = None
