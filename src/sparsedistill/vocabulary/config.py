"""Settings of a vocabulary: how texts become n-grams, and which of them are kept."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from .. import _core
from ..errors import InputError


@dataclass(frozen=True)
class TokenizerConfig:
    """How a text becomes n-grams; part of every model.

    Attributes:
        max_ngram: n-grams of 1 to `max_ngram` tokens are looked at; at most 8.
        boundaries: The beginning and the end of a text are tokens too, so that n-grams know where
            they stand. Worth it where position matters, as in questions.
        min_characters: Shortest character n-grams, at least 2; of use where there are some.
        max_characters: Longest ones, at most 8; 0 for none. A word has those of ``<word>``, spelt
            ``##<wo``, beside itself, so that words that no one has seen mean something: misspelt, inflected
            and disguised ones. Worth it where the corpus is small, at several times the look-ups
            (subwords of Bojanowski et al. 2017).
    """

    max_ngram: int = 4
    boundaries: bool = False
    min_characters: int = 2
    max_characters: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.max_ngram <= _core.MAX_ORDER:
            raise InputError(f"max_ngram is {self.max_ngram}: it must be 1 to {_core.MAX_ORDER}.")
        if not _core.LEAST_CHARACTERS <= self.min_characters <= _core.MOST_CHARACTERS:
            raise InputError(
                f"min_characters is {self.min_characters}: it must be {_core.LEAST_CHARACTERS} to "
                f"{_core.MOST_CHARACTERS}."
            )
        if self.max_characters and not self.min_characters <= self.max_characters <= _core.MOST_CHARACTERS:
            raise InputError(
                f"max_characters is {self.max_characters}: it must be min_characters ({self.min_characters}) "
                f"to {_core.MOST_CHARACTERS}, or 0 for no character n-grams."
            )

    @property
    def core(self) -> _core.TokenizerConfig:
        """The same for the core."""
        return _core.TokenizerConfig(
            self.max_ngram, self.boundaries, self.min_characters, self.max_characters
        )

    def record(self) -> TokenizerRecord:
        """The same for ``config.json``, with the versions of tokenizer and Unicode."""
        return TokenizerRecord(_core.TOKENIZER_VERSION, _core.UNICODE_VERSION, **asdict(self))

    def __str__(self) -> str:
        """What n-grams there are: ``1-3, ends, 2-5 characters``."""
        ends = ", ends" if self.boundaries else ""
        lengths = f", {self.min_characters}-{self.max_characters} characters" if self.max_characters else ""
        return f"1-{self.max_ngram}{ends}{lengths}"


@dataclass(frozen=True)
class CountingConfig:
    """Which n-grams a vocabulary takes.

    Attributes:
        max_rows: At most so many n-grams, the most frequent ones.
        min_count: n-grams that are rarer than this get no row.
        by_document: Frequency is the number of texts an n-gram stands in, not of its occurrences.
        memory: Bound on the memory for counting, in bytes. A corpus that needs more is counted by
            forgetting the rarest n-grams now and then; :attr:`Vocabulary.error_bound` says how much
            too low a count can be.
    """

    max_rows: int = 1_000_000
    min_count: int = 2
    by_document: bool = False
    memory: int = 1 << 30

    def __post_init__(self) -> None:
        if not 1 <= self.max_rows < 2**32 - 1:
            raise InputError(f"max_rows is {self.max_rows}: it must be 1 to 4,294,967,294.")
        if not 1 <= self.min_count < 2**32:
            raise InputError(f"min_count is {self.min_count}: it must be at least 1.")
        if self.memory < _core.LEAST_COUNTER_MEMORY:
            raise InputError(
                f"memory is {self.memory} bytes: counting needs at least {_core.LEAST_COUNTER_MEMORY}."
            )


@dataclass(frozen=True)
class TokenizerRecord:
    """A tokenizer in ``config.json``.

    Attributes:
        version: Version of the tokenizer's rules.
        unicode: Version of Unicode that they use.
        max_ngram: See :class:`TokenizerConfig`, as for the other attributes.
        boundaries: See there.
        min_characters: See there.
        max_characters: See there.
    """

    version: int
    unicode: str
    max_ngram: int
    boundaries: bool
    min_characters: int
    max_characters: int

    def config(self) -> TokenizerConfig:
        """The tokenizer's settings.

        Raises:
            InputError: A setting is out of range.
        """
        return TokenizerConfig(self.max_ngram, self.boundaries, self.min_characters, self.max_characters)


@dataclass(frozen=True)
class VocabularyRecord:
    """A vocabulary in ``config.json``.

    Attributes:
        rows: Number of n-grams.
        closed: Every prefix of an n-gram is an n-gram too.
        error_bound: Largest amount by which a count can be too low.
    """

    rows: int
    closed: bool
    error_bound: int


@dataclass(frozen=True)
class VocabularyFile:
    """``config.json`` of a vocabulary directory."""

    tokenizer: TokenizerRecord
    vocabulary: VocabularyRecord
