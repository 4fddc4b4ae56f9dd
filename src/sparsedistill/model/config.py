"""``config.json`` of a student."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..problem import Problem
from ..vocabulary.config import TokenizerRecord, VocabularyRecord
from .record import EvaluationRecord

FORMAT = "sparsedistill"
FORMAT_VERSION = 3

#: Version of the layout of compact lines (core/compact/layout.hpp) and of :class:`CompactLayout`.
COMPACT_LAYOUT = 4


@dataclass(frozen=True)
class LayoutRecord:
    """The version of the layout of a compact student."""

    layout: int = 0


@dataclass(frozen=True)
class FormatRecord:
    """The part of ``config.json`` that says how to read the rest; read first."""

    format: str = ""
    format_version: int = 0
    compact: LayoutRecord | None = None
    heads: list[Any] | None = None


@dataclass(frozen=True)
class CompactLayout:
    """How the arrays of a compact student are laid out.

    Attributes:
        layout: Version of the layout.
        slots: Slots in a line.
        wide: Leading numbers of a row that have two bytes; the others have one.
    """

    layout: int
    slots: int
    wide: int


@dataclass(frozen=True)
class ModelConfig:
    """All of ``config.json``.

    Attributes:
        format: ``"sparsedistill"``.
        format_version: Version of the directory's format.
        classes: Class names; ``["score"]`` for a regression.
        problem: What the student says of a text.
        pair: The student compares two texts.
        dim: Dimensions of a row.
        hidden: Units of the hidden layer.
        tokenizer: How texts become n-grams.
        vocabulary: Facts about the n-gram vocabulary.
        digests: The digest of each array of ``model.safetensors``, and of ``ngrams.parquet``.
        compact: The layout of a compact student; None for one as trained.
        evaluation: What was measured.
    """

    format: str
    format_version: int
    classes: list[str]
    problem: Problem
    pair: bool
    dim: int
    hidden: int
    tokenizer: TokenizerRecord
    vocabulary: VocabularyRecord
    digests: dict[str, str]
    compact: CompactLayout | None = None
    evaluation: EvaluationRecord = field(default_factory=EvaluationRecord)

    @property
    def outputs(self) -> int:
        """Outputs of the network."""
        return len(self.classes)


@dataclass(frozen=True)
class HeadRecord:
    """A question of a student of several.

    Attributes:
        name: Its name.
        classes: See :class:`ModelConfig`.
        problem: See there.
        evaluation: What was measured of its answers.
    """

    name: str
    classes: list[str]
    problem: Problem
    evaluation: EvaluationRecord = field(default_factory=EvaluationRecord)


@dataclass(frozen=True)
class MultiHeadConfig:
    """All of ``config.json`` of a student of several questions: as :class:`ModelConfig`, with `heads`.

    Attributes:
        format: ``"sparsedistill"``.
        format_version: Version of the directory's format.
        heads: The questions, in the order of the outputs.
        pair: The student compares two texts.
        dim: Dimensions of a row.
        hidden: Units of the hidden layer.
        tokenizer: How texts become n-grams.
        vocabulary: Facts about the n-gram vocabulary.
        digests: See :class:`ModelConfig`.
        compact: The layout of a compact student; None for one as trained.
    """

    format: str
    format_version: int
    heads: list[HeadRecord]
    pair: bool
    dim: int
    hidden: int
    tokenizer: TokenizerRecord
    vocabulary: VocabularyRecord
    digests: dict[str, str]
    compact: CompactLayout | None = None

    @property
    def outputs(self) -> int:
        """Outputs of the network."""
        return sum(len(head.classes) for head in self.heads)
