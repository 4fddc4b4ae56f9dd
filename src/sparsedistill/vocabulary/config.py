"""Settings and records of a vocabulary: how texts become n-grams, and which of them are kept."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from .. import _core
from .._internal.settings import check_fields
from ..errors import InputError


@dataclass(frozen=True)
class TokenizerConfig:
    """How a text becomes n-grams. Part of every student.

    Attributes:
        max_ngram: Longest n-gram, in tokens: n-grams of 1 to `max_ngram` tokens are used. At most 8.
        boundaries: Whether the beginning and the end of a text are tokens too, which puts position into
            n-grams. Helps where position matters, as in questions.
        min_characters: Shortest character n-gram, at least 2. Has no effect if `max_characters` is 0.
        max_characters: Longest character n-gram, at most 8; 0 for none. A word then consists of its own row
            and the character n-grams of ``<word>``, spelt ``##<wo``: the sum of their k rows divided by
            sqrt(k). Unknown words (misspelt, inflected, disguised) thus carry information (subwords of
            Bojanowski et al. 2017). Words of one character have none. A known word costs a student one row,
            as without character n-grams; unknown words are read by their characters. Helps where the corpus
            is small.

    Raises:
        InputError: A setting is out of range.
    """

    max_ngram: int = 4
    boundaries: bool = False
    min_characters: int = 2
    max_characters: int = 0

    def __post_init__(self) -> None:
        check_fields(self)
        if not 1 <= self.max_ngram <= _core.MAX_NGRAM:
            raise InputError(f"max_ngram is {self.max_ngram}: it must be 1 to {_core.MAX_NGRAM}.")
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
        """These settings as the core takes them."""
        return _core.TokenizerConfig(
            self.max_ngram, self.boundaries, self.min_characters, self.max_characters
        )

    def record(self) -> TokenizerRecord:
        """These settings for ``config.json``, with the versions of the tokenizer and of Unicode."""
        return TokenizerRecord(_core.TOKENIZER_VERSION, _core.UNICODE_VERSION, **asdict(self))

    def __str__(self) -> str:
        """A short description, such as ``1-3, ends, 2-5 characters``."""
        ends = ", ends" if self.boundaries else ""
        lengths = f", {self.min_characters}-{self.max_characters} characters" if self.max_characters else ""
        return f"1-{self.max_ngram}{ends}{lengths}"


@dataclass(frozen=True)
class CountingConfig:
    """Which n-grams a vocabulary keeps.

    Attributes:
        max_rows: Largest number of n-grams; the most frequent ones are kept.
        min_count: Smallest frequency of an n-gram that is kept.
        by_document: Whether the frequency is the number of texts that contain an n-gram, rather than the
            number of its occurrences.
        memory: Bound on the memory for counting, in bytes. If a corpus needs more, counts go to disk, sorted,
            and are merged at the end: 16 bytes per n-gram each time.
        exact: Whether counts are exact. Otherwise nothing goes to disk: if a corpus needs more memory, the
            rarest n-grams are dropped from time to time, and :attr:`Vocabulary.error_bound` is the largest
            amount by which a count can then be too low.

    Raises:
        InputError: A setting is out of range.
    """

    max_rows: int = 1_000_000
    min_count: int = 2
    by_document: bool = False
    memory: int = 1 << 30
    exact: bool = True

    def __post_init__(self) -> None:
        check_fields(self)
        if not 1 <= self.max_rows < 2**32 - 1:
            raise InputError(f"max_rows is {self.max_rows}: it must be 1 to 4,294,967,294.")
        if not 1 <= self.min_count < 2**32:
            raise InputError(f"min_count is {self.min_count}: it must be 1 to 4,294,967,295.")
        if not _core.LEAST_COUNTER_MEMORY <= self.memory < 2**63:
            raise InputError(
                f"memory is {self.memory} bytes: it must be at least {_core.LEAST_COUNTER_MEMORY}, and less "
                "than 2^63."
            )


@dataclass(frozen=True)
class TokenizerRecord:
    """A tokenizer in ``config.json``.

    Attributes:
        version: Version of the tokenizer's rules.
        unicode: Version of Unicode that the rules use.
        max_ngram: As in :class:`TokenizerConfig`.
        boundaries: As in :class:`TokenizerConfig`.
        min_characters: As in :class:`TokenizerConfig`.
        max_characters: As in :class:`TokenizerConfig`.
    """

    version: int
    unicode: str
    max_ngram: int
    boundaries: bool
    min_characters: int
    max_characters: int

    def check_version(self, directory: Path) -> None:
        """Check that this package tokenizes as the one that wrote a directory.

        Raises:
            InputError: It has other rules, or another version of Unicode.
        """
        version, own = (self.version, self.unicode), (_core.TOKENIZER_VERSION, _core.UNICODE_VERSION)
        if version != own:
            raise InputError(
                f"{directory} needs tokenizer version {version}, but this sparsedistill has {own}: install "
                "the version that wrote it."
            )

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
        closed: Whether every prefix of an n-gram is an n-gram too.
        error_bound: Largest amount by which a count can be too low.
    """

    rows: int
    closed: bool
    error_bound: int


@dataclass(frozen=True)
class VocabularyFile:
    """``config.json`` of a vocabulary directory.

    Attributes:
        tokenizer: How texts become n-grams.
        vocabulary: Facts about the n-grams.
        digests: The digest of the array of ``vocabulary.safetensors``, and of ``ngrams.parquet``.
    """

    tokenizer: TokenizerRecord
    vocabulary: VocabularyRecord
    digests: dict[str, str]
