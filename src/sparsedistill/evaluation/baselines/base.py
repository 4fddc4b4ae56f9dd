"""What a baseline is, and how it is fitted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ...data.labelled import Labelled
from ...errors import InputError

#: Settings of a baseline.
Settings: TypeAlias = dict[str, int | float]

#: Scores n labelled texts without reading their labels: logits, float32 (n, classes).
Predictor: TypeAlias = Callable[[Labelled], NDArray[np.float32]]


class NotInstalledError(InputError):
    """A baseline needs a library that is not installed."""


@dataclass(frozen=True)
class Choice:
    """How a baseline chooses its settings.

    Attributes:
        validation: Validation data.
        value: The metric of a model on the validation data; the settings with the highest value are chosen.
        seconds: Time that fastText may search for settings; None for a short list of settings.
        threads: Number of threads; None for all cores.
        seed: Seeds everything random.
    """

    validation: Labelled
    value: Callable[[Predictor], float]
    seconds: int | None = None
    threads: int | None = None
    seed: int = 0


@dataclass(frozen=True)
class FittedBaseline:
    """A classifier that a student is compared with.

    Attributes:
        name: Its name in files: ``"tfidf"``.
        title: Its name in tables: ``"TF-IDF + LR"``.
        predict: Its logits of labelled texts.
        settings: The settings that were chosen.
        note: What a reader of its figures must know, a part of a sentence; None if there is nothing.
    """

    name: str
    title: str
    predict: Predictor
    settings: Settings = field(default_factory=dict)
    note: str | None = None


@dataclass(frozen=True)
class Baseline:
    """A kind of baseline.

    Attributes:
        name: Its name in files.
        title: Its name in tables.
        fit: Fits it to training data, with settings chosen on validation data. Raises
            :class:`NotInstalledError` if its library is missing, and :class:`~sparsedistill.InputError` if
            the training data cannot be used.
        optional: It is left out without a warning if its library is not installed.
    """

    name: str
    title: str
    fit: Callable[[Labelled, Choice], FittedBaseline]
    optional: bool = False


def texts_of(labelled: Labelled) -> list[str]:
    """The texts, or the first texts of pairs."""
    return labelled.texts.to_pylist()  # type: ignore[no-any-return]


def pairs_of(labelled: Labelled) -> list[str]:
    """The second texts of pairs; empty if there are none."""
    return [] if labelled.text_pair is None else labelled.text_pair.to_pylist()


def log(shares: NDArray[np.float32]) -> NDArray[np.float32]:
    """Log probabilities, which are logits; finite also for a probability of 0."""
    logits: NDArray[np.float32] = np.log(np.maximum(shares, np.finfo(np.float32).tiny))
    return logits
