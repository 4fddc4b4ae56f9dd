"""What every engine of the comparison is: prepared once, opened in its own process, asked, and checked."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

Answers = NDArray[np.float32]


@dataclass(frozen=True)
class TextSet:
    """Texts that engines are timed on.

    Attributes:
        name: Of its file, and of the results.
        title: What it is called in the tables.
        tokens: Word pieces of a text, as a transformer without a tokenizer of its own is given them.
        seconds: How long an engine works on it in a round, about.
    """

    name: str
    title: str
    tokens: int
    seconds: float


TEXT_SETS = {
    one.name: one
    for one in (
        TextSet("imdb", "IMDB test reviews", tokens=300, seconds=1.0),
        TextSet("sst2", "SST-2 sentences", tokens=25, seconds=0.5),
        TextSet("tweets", "tweets", tokens=25, seconds=0.5),
    )
}


@dataclass(frozen=True)
class Work:
    """Where things are.

    Attributes:
        folder: What is prepared once, a folder an engine.
        data: The data sets.
        student: A trained student; None for one of the labels alone, trained here.
        teacher: A fine-tuned encoder of transformers; None for the plain encoder under a drawn head.
    """

    folder: Path
    data: Path
    student: Path | None = None
    teacher: Path | None = None

    def texts(self, name: str) -> Path:
        """The file of a text set, or of ``train``, ``unlabelled``: JSON with texts and perhaps labels."""
        return self.folder / "texts" / f"{name}.json"

    def read(self, name: str) -> tuple[list[str], list[int]]:
        """Texts and labels (empty where there are none)."""
        found = json.loads(self.texts(name).read_text(encoding="utf-8"))
        return found["texts"], found["labels"]

    def as_json(self) -> dict[str, str | None]:
        return {name: None if path is None else str(path) for name, path in asdict(self).items()}

    @classmethod
    def from_json(cls, paths: dict[str, str | None]) -> Work:
        return cls(**{name: None if path is None else Path(path) for name, path in paths.items()})  # type: ignore[arg-type]


@dataclass(frozen=True)
class Limits:
    """How far an engine's answers may be from its reference.

    Attributes:
        close: A probability that differs by no more is equal.
        share: Share of the texts with equal probabilities, at least.
        agreement: Share of the texts with the same label, at least.
        mean: Mean change of a probability, at most.
    """

    close: float = 1e-4
    share: float = 1.0
    agreement: float = 1.0
    mean: float = 1e-4


@dataclass(frozen=True)
class Check:
    """How far the answers of an engine were from its reference."""

    texts: int
    share: float
    agreement: float
    mean: float
    largest: float

    @classmethod
    def of(cls, answers: Answers, reference: Answers, limits: Limits) -> Check:
        if answers.shape != reference.shape or not np.isfinite(answers).all():
            raise SystemExit(f"Answers of shape {answers.shape} came where {reference.shape} were due.")
        change = np.abs(answers.astype(np.float64) - reference).max(axis=1)
        # Where both classes are as likely, a last bit decides: such a text has no label to agree on.
        even = (np.abs(reference[:, 1] - 0.5) < limits.close) & (change < limits.close)
        same = (answers.argmax(axis=1) == reference.argmax(axis=1)) | even
        share = float((change < limits.close).mean())
        return cls(len(answers), share, float(same.mean()), float(change.mean()), float(change.max()))

    def within(self, limits: Limits) -> bool:
        return self.share >= limits.share and self.agreement >= limits.agreement and self.mean <= limits.mean


class Engine(ABC):
    """One way from raw strings to probabilities of two classes.

    Libraries are imported where they are used: a worker loads those of its own engine only.

    Attributes:
        name: On the command line, of its folder and in the results.
        title: In tables.
        note: What it is, with the settings that matter, in a sentence.
        against: What its answers are checked against.
        own_threads: It can use several threads itself; else there is a process for each.
        learned: Its weights are learned, so that it has an accuracy.
        tested: Test reviews that its accuracy is measured on, at most.
        checked: Texts that are checked, at most: references are slow.
        least: Texts in a call, at least.
        needs: Engines that have to be prepared before.
        limits: How far it may be from its reference.
        resumes: Its preparation goes on from what an interrupted one has left.
    """

    note: str
    against: str
    own_threads: bool = False
    learned: bool = True
    tested: int = 25_000
    checked: int = 500
    least: int = 1
    needs: tuple[str, ...] = ()
    limits: Limits = Limits()
    resumes: ClassVar[bool] = False

    def __init__(self, name: str, title: str, work: Work) -> None:
        self.name = name
        self.title = title
        self.work = work

    @property
    def folder(self) -> Path:
        return self.work.folder / self.name

    def recipe(self) -> dict[str, Any]:
        """What the preparation depends on: where it is another one, the engine is prepared anew."""
        return {}

    def prepare(self, folder: Path) -> None:  # noqa: B027 - some have nothing to prepare
        """Train, export or draw whatever `open` needs, into `folder`."""

    @abstractmethod
    def open(self, threads: int) -> None:
        """Load the model, to work on so many threads."""

    def ready(self, texts: list[str], kind: TextSet) -> Any:  # noqa: ARG002 - for those who need it
        """What `answer` is given for `texts`, not timed: the texts, but for engines that say otherwise."""
        return texts

    @abstractmethod
    def answer(self, inputs: Any) -> Answers:
        """Probabilities, (n, 2): negative, positive. This is what is timed."""

    @abstractmethod
    def reference(self, inputs: Any) -> Answers:
        """The same by other means, slow and plain."""

    def limits_on(self, kind: TextSet) -> Limits:  # noqa: ARG002 - for those who need it
        """The limits for texts of `kind`."""
        return self.limits

    @abstractmethod
    def files(self) -> Sequence[Path]:
        """What has to be deployed."""


def both(positive: NDArray[Any]) -> Answers:
    """(n, 2) of the probabilities (n,) of the second class."""
    second = np.asarray(positive, np.float32)
    return np.stack([1 - second, second], axis=1)


def softmax(logits: NDArray[Any]) -> Answers:
    """Of the rows of (n, classes)."""
    exponential = np.exp(logits - logits.max(axis=1, keepdims=True))
    found: Answers = (exponential / exponential.sum(axis=1, keepdims=True)).astype(np.float32)
    return found
