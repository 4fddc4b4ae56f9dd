"""Base class of the engines: prepared once, opened in a separate process, timed, and checked."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

Probabilities = NDArray[np.float32]


@dataclass(frozen=True)
class TextSet:
    """Texts that engines are timed on.

    Attributes:
        name: Name of its file, and in the results.
        title: Name in the tables.
        tokens: Token ids per text for an engine that has no tokenizer.
        seconds: Approximate time that an engine works on it in a round.
    """

    name: str
    title: str
    tokens: int
    seconds: float


TEXT_SETS = {
    text_set.name: text_set
    for text_set in (
        TextSet("imdb", "IMDB test reviews", tokens=300, seconds=1.0),
        TextSet("sst2", "SST-2 sentences", tokens=25, seconds=0.5),
        TextSet("tweets", "tweets", tokens=25, seconds=0.5),
    )
}


@dataclass(frozen=True)
class Work:
    """Paths of the comparison.

    Attributes:
        folder: Folder of prepared files, with one subfolder per engine.
        data: Folder of the data sets.
        student: Directory of a trained student; None to train one here, on the labels alone.
        teacher: Directory of a fine-tuned transformers encoder; None for the encoder with a random head.
    """

    folder: Path
    data: Path
    student: Path | None = None
    teacher: Path | None = None

    def texts(self, name: str) -> Path:
        """Return the file of a text set, or of ``train`` or ``unlabelled``: JSON with texts and labels."""
        return self.folder / "texts" / f"{name}.json"

    def read(self, name: str) -> tuple[list[str], list[int]]:
        """Return texts and labels; labels are empty for unlabelled texts."""
        found = json.loads(self.texts(name).read_text(encoding="utf-8"))
        return found["texts"], found["labels"]

    def as_json(self) -> dict[str, str | None]:
        """Return the paths as strings."""
        return {name: None if path is None else str(path) for name, path in asdict(self).items()}

    @classmethod
    def from_json(cls, paths: dict[str, str | None]) -> Work:
        """Read what :meth:`as_json` returned."""
        return cls(**{name: None if path is None else Path(path) for name, path in paths.items()})  # type: ignore[arg-type]


@dataclass(frozen=True)
class Limits:
    """Allowed difference between an engine's probabilities and its reference.

    Attributes:
        close: Probabilities that differ by less count as equal.
        share: Minimum share of the texts with equal probabilities.
        agreement: Minimum share of the texts with the same label.
        mean: Maximum mean change of a probability.
    """

    close: float = 1e-4
    share: float = 1.0
    agreement: float = 1.0
    mean: float = 1e-4


@dataclass(frozen=True)
class Check:
    """Measured difference between an engine's probabilities and its reference.

    Attributes:
        texts: Number of texts compared.
        share: Share of the texts with equal probabilities.
        agreement: Share of the texts with the same label.
        mean: Mean change of a probability.
        largest: Largest change of a probability.
    """

    texts: int
    share: float
    agreement: float
    mean: float
    largest: float

    @classmethod
    def of(cls, probabilities: Probabilities, reference: Probabilities, limits: Limits) -> Check:
        """Compare two arrays (n, 2).

        Raises:
            SystemExit: The shapes differ, or a probability is not finite.
        """
        if probabilities.shape != reference.shape or not np.isfinite(probabilities).all():
            raise SystemExit(
                f"The engine returned an array {probabilities.shape} with "
                f"{np.count_nonzero(~np.isfinite(probabilities)):,} values that are not finite; expected "
                f"{reference.shape}."
            )
        change = np.abs(probabilities.astype(np.float64) - reference).max(axis=1)
        # Where both classes are equally likely, rounding decides the label: such a text counts as agreement.
        tie = (np.abs(reference[:, 1] - 0.5) < limits.close) & (change < limits.close)
        same = (probabilities.argmax(axis=1) == reference.argmax(axis=1)) | tie
        share = float((change < limits.close).mean())
        return cls(len(probabilities), share, float(same.mean()), float(change.mean()), float(change.max()))

    def within(self, limits: Limits) -> bool:
        """Whether the difference is allowed."""
        return self.share >= limits.share and self.agreement >= limits.agreement and self.mean <= limits.mean


class Engine(ABC):
    """A classifier from raw strings to the probabilities of two classes.

    Libraries are imported in the methods that need them: a worker loads those of its engine only.

    Attributes:
        name: Name on the command line, in the results, and of its folder.
        title: Name in tables.
        note: One sentence that says what it is, with the settings that matter.
        against: What its probabilities are checked against.
        own_threads: The engine can use several threads; if not, one process per thread is started.
        learned: Its weights are trained, so that it has an accuracy.
        accuracy_texts: Maximum number of test reviews that its accuracy is measured on.
        checked_texts: Maximum number of texts that are checked: references are slow.
        min_texts: Minimum number of texts per call.
        requires: Names of engines that must be prepared first.
        limits: Allowed difference from its reference.
        resumes: An interrupted preparation is resumed, not started over.
    """

    note: str
    against: str
    own_threads: bool = False
    learned: bool = True
    accuracy_texts: int = 25_000
    checked_texts: int = 500
    min_texts: int = 1
    requires: tuple[str, ...] = ()
    limits: Limits = Limits()
    resumes: ClassVar[bool] = False

    def __init__(self, name: str, title: str, work: Work) -> None:
        self.name = name
        self.title = title
        self.work = work

    @property
    def folder(self) -> Path:
        """Folder of the prepared files."""
        return self.work.folder / self.name

    def settings(self) -> dict[str, Any]:
        """Return the values that the preparation depends on: if they change, it runs again."""
        return {}

    def prepare(self, folder: Path) -> None:  # noqa: B027 - some engines need no preparation
        """Train, export or generate the files that `open` needs, in `folder`."""

    @abstractmethod
    def open(self, threads: int) -> None:
        """Load the model, for `threads` threads."""

    def make_inputs(self, texts: list[str], text_set: TextSet) -> Any:  # noqa: ARG002 - for subclasses
        """Return the argument of `predict` for `texts`, untimed: by default the texts."""
        return texts

    @abstractmethod
    def predict(self, inputs: Any) -> Probabilities:
        """Return probabilities (n, 2): negative, positive. This call is timed."""

    @abstractmethod
    def reference(self, inputs: Any) -> Probabilities:
        """Return the same probabilities from a slow, simple implementation."""

    def limits_for(self, text_set: TextSet) -> Limits:  # noqa: ARG002 - for subclasses
        """Return the allowed difference on a text set."""
        return self.limits

    @abstractmethod
    def files(self) -> Sequence[Path]:
        """Return the files that a deployment needs."""


def two_columns(positive: NDArray[Any]) -> Probabilities:
    """Return (n, 2) from the probabilities (n,) of the positive class."""
    second = np.asarray(positive, np.float32)
    return np.stack([1 - second, second], axis=1)


def softmax(logits: NDArray[Any]) -> Probabilities:
    """Return the softmax of each row of (n, classes)."""
    exponential = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities: Probabilities = (exponential / exponential.sum(axis=1, keepdims=True)).astype(np.float32)
    return probabilities
