"""The n-gram vocabulary: which n-grams have a row in the table, and the rows of texts."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .. import _core
from .._internal.files import atomic_directory
from .._internal.progress import Progress, no_progress
from .._internal.records import read_record, write_record
from .._internal.tensors import aligned, open_tensors, verify_tensors, write_tensors
from .._internal.texts import Texts, check_texts, core_texts, encodable
from .._internal.threads import all_threads
from ..errors import InputError
from .buckets import BUCKETS, is_table, keys_of_rows
from .build import CorpusLike, NgramCounts, count_ngrams, read_ngrams
from .config import CountingConfig, TokenizerConfig, TokenizerRecord, VocabularyFile, VocabularyRecord
from .rows import NgramRows
from .strings import NGRAMS_FILE, read_strings, verify_strings, write_strings
from .tokenizer import checked_ngrams, is_closed

_CONFIG_FILE = "config.json"
_ARRAYS_FILE = "vocabulary.safetensors"
_DAMAGED = "build or save the vocabulary again"


class Vocabulary:
    """Maps n-grams to rows. Row 0 is the most frequent n-gram.

    An n-gram is a 64-bit key: 61 bits of hash, and its order. Look-ups use keys only; the strings are for
    people, and a vocabulary works without them.

    Args:
        buckets: uint64 (buckets, 8), the hash table as :func:`_core.build_buckets` lays it out; None for a
            compact student, which stores n-grams together with their weights.
        rows: Number of n-grams.
        tokenizer: How texts become n-grams.
        closed: Whether every prefix of an n-gram is an n-gram too; look-ups then stop at the first miss.
        ngrams: The strings by row, case-folded tokens joined by spaces; None if they are not known.
        counts: uint64 (rows,), the frequencies; None if they are not known.
        error_bound: Largest amount by which a count can be too low.

    Attributes:
        buckets: As in the arguments.
        tokenizer: As in the arguments.
        closed: As in the arguments.
        error_bound: As in the arguments.

    Raises:
        InputError: The arrays do not fit together.
    """

    def __init__(
        self,
        buckets: NDArray[np.uint64] | None,
        rows: int,
        tokenizer: TokenizerConfig,
        *,
        closed: bool,
        ngrams: Sequence[str] | pa.Array | None = None,
        counts: NDArray[np.uint64] | None = None,
        error_bound: int = 0,
    ) -> None:
        self.tokenizer = tokenizer
        self.closed = closed
        self._ngrams = ngrams
        self._counts = counts
        self._unread: tuple[Path, Mapping[str, str]] | None = None  # where the strings are
        self.error_bound = error_bound
        self.buckets = buckets
        self._rows = rows
        self._core: _core.Vocabulary | None = None
        if buckets is None:
            return
        try:
            self._core = _core.Vocabulary(buckets, rows, tokenizer.core, closed)
        except (TypeError, ValueError) as error:
            raise InputError(f"The vocabulary cannot be used ({error}): build or save it again.") from error

    def __getstate__(self) -> dict[str, Any]:
        """Travel as the arrays: the core's table is made again from them."""
        return {**self.__dict__, "_core": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        if self.buckets is not None:
            self.buckets = aligned(self.buckets)
            self._core = _core.Vocabulary(self.buckets, self._rows, self.tokenizer.core, self.closed)

    @classmethod
    def build(
        cls,
        corpus: CorpusLike,
        tokenizer: TokenizerConfig | None = None,
        counting: CountingConfig | None = None,
        *,
        threads: int | None = None,
        progress: Progress = no_progress,
        directory: str | Path | None = None,
    ) -> Vocabulary:
        """Count the n-grams of `corpus` and keep the most frequent ones (Ye et al. 2022, section 3.2).

        The corpus is read to count, and then again up to where all n-grams that are kept have occurred, for
        their strings. The result does not depend on the number of threads or on the memory for counting.

        Args:
            corpus: Texts, or a :class:`~sparsedistill.Corpus`.
            tokenizer: How texts become n-grams.
            counting: Which n-grams are kept.
            threads: Number of threads; by default, one per core.
            progress: Receives the progress.
            directory: Where counts go that do not fit into memory; by default where temporary files are.

        Raises:
            InputError: No n-gram is frequent enough, `corpus` is not a corpus, or the disk is full.
        """
        tokenizer, counting = tokenizer or TokenizerConfig(), counting or CountingConfig()
        threads = all_threads(threads)
        if isinstance(corpus, Iterator):
            corpus = list(corpus)  # it is read twice
        folder = Path(tempfile.gettempdir() if directory is None else directory)
        counted = count_ngrams(corpus, tokenizer, counting, threads, progress, folder)
        return cls.from_counts(counted, tokenizer, corpus, threads=threads, progress=progress)

    @classmethod
    def from_counts(
        cls,
        counted: NgramCounts,
        tokenizer: TokenizerConfig,
        corpus: CorpusLike,
        *,
        threads: int | None = None,
        progress: Progress = no_progress,
    ) -> Vocabulary:
        """Make a vocabulary of n-grams that were counted before.

        Args:
            counted: The n-grams.
            tokenizer: How texts become n-grams.
            corpus: The texts that were counted, for the strings of the n-grams.
            threads: Number of threads; by default, one per core.
            progress: Receives the progress.

        Raises:
            InputError: The n-grams were made to collide.
        """
        try:
            buckets = _core.build_buckets(counted.keys)
        except ValueError as error:
            raise InputError(
                f"The n-grams of the corpus cannot form a vocabulary ({error}): leave out the "
                "texts that were written for this."
            ) from error
        vocabulary = cls(
            buckets,
            len(counted.keys),
            tokenizer,
            closed=True,
            counts=counted.counts,
            error_bound=counted.error_bound,
        )
        vocabulary._ngrams = read_ngrams(corpus, vocabulary.core, all_threads(threads), progress)
        return vocabulary

    @classmethod
    def from_ngrams(cls, ngrams: Sequence[str], tokenizer: TokenizerConfig | None = None) -> Vocabulary:
        """Make a vocabulary of the given n-grams.

        Args:
            ngrams: The n-grams by row: case-folded tokens, as :func:`~sparsedistill.tokenize` returns them,
                joined by spaces.
            tokenizer: How texts become n-grams.

        Raises:
            InputError: `ngrams` is empty, contains an n-gram twice, or contains one that is longer than
                ``tokenizer.max_ngram``.
        """
        tokenizer = tokenizer or TokenizerConfig()
        ngrams = checked_ngrams(ngrams, tokenizer.max_ngram)
        try:
            buckets = _core.build_buckets(_core.keys_of(list(map(encodable, ngrams))))
        except ValueError as error:
            raise InputError(f"The n-grams cannot form a vocabulary ({error}): remove some.") from error
        return cls(buckets, len(ngrams), tokenizer, closed=is_closed(ngrams), ngrams=ngrams)

    def subset(self, rows: NDArray[np.int64]) -> Vocabulary:
        """The vocabulary of some of the n-grams.

        It stays closed under prefixes if `rows` has those of all prefixes and the strings are known.

        Args:
            rows: Their rows, int64 (n,), in ascending order.

        Raises:
            InputError: This is the vocabulary of a compact student.
        """
        ngrams = None if self.ngrams is None else [self.ngrams[row] for row in rows.tolist()]
        return Vocabulary(
            _core.build_buckets(self.keys()[rows]),
            len(rows),
            self.tokenizer,
            closed=self.closed and ngrams is not None and is_closed(ngrams),
            ngrams=ngrams,
            counts=None if self.counts is None else self.counts[rows],
            error_bound=self.error_bound,
        )

    def __len__(self) -> int:
        return self._rows

    def __repr__(self) -> str:
        return f"Vocabulary({len(self):,} n-grams of 1 to {self.tokenizer.max_ngram} tokens)"

    @property
    def core(self) -> _core.Vocabulary:
        """The hash table from keys to rows, in the core.

        Raises:
            InputError: This is the vocabulary of a compact student, which has no rows.
        """
        if self._core is None:
            raise InputError(
                "The n-grams of a compact student have no rows: use the student that it was made from."
            )
        return self._core

    def keys(self) -> NDArray[np.uint64]:
        """Return the keys of the n-grams by row, uint64 (n,).

        Raises:
            InputError: This is the vocabulary of a compact student, or a row has no key.
        """
        _ = self.core
        assert self.buckets is not None  # noqa: S101 - the core was made from it
        keys = keys_of_rows(self.buckets, len(self))
        if not keys.all():
            raise InputError("The vocabulary has rows without an n-gram: build or save it again.")
        return keys

    def without_table(self) -> Vocabulary:
        """Return a copy without the hash table, for a compact student."""
        return Vocabulary(
            None,
            len(self),
            self.tokenizer,
            closed=self.closed,
            ngrams=self.ngrams,
            counts=self.counts,
            error_bound=self.error_bound,
        )

    def extract(
        self,
        texts: Texts,
        text_pair: Texts | None = None,
        *,
        dropout: float = 0.0,
        max_ngrams: int | None = None,
        seed: int = 0,
        threads: int | None = None,
        folded: bool = False,
    ) -> NgramRows:
        """Look up the n-grams and words of texts or pairs. A text or pair has each item once.

        Args:
            texts: n texts.
            text_pair: n second texts, for pairs.
            dropout: Share of the items to drop at random (n-gram dropout). In a pair, an item is dropped from
                both texts or from neither.
            max_ngrams: If a text or pair has more items than this, a random choice of this many is kept.
            seed: Seed of both choices, which depend only on the seed, the text and its index.
            folded: The rows are those of a student: the rows of known words contain their character n-grams.
            threads: Number of threads; by default, one per core. The result does not depend on it.

        Raises:
            InputError: `texts` or `text_pair` are not texts, or differ in number.
        """
        first, second = (
            None if side is None else check_texts(core_texts(side)) for side in (texts, text_pair)
        )
        assert first is not None  # noqa: S101 - for mypy
        if second is not None and len(second) != len(first):
            raise InputError(
                f"{len(first)} texts have {len(second)} second texts: give exactly one for each."
            )
        found = self.core.extract(first, second, dropout, max_ngrams or 0, seed, all_threads(threads), folded)
        return NgramRows(*found)

    def rows_of(self, ngrams: Sequence[str]) -> NDArray[np.int64]:
        """Return the rows of n-grams given as strings, int64 (n,); -1 if an n-gram has no row."""
        return self.core.find(_core.keys_of(list(map(encodable, ngrams))))

    # ---- on disk ---------------------------------------------------------------------------------

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return the arrays to store in a safetensors file, in the order to write them."""
        return {} if self.buckets is None else {BUCKETS: self.buckets}

    def record(self) -> VocabularyRecord:
        """Return the record for ``config.json``; the record of the tokenizer is separate."""
        return VocabularyRecord(len(self), self.closed, self.error_bound)

    @classmethod
    def from_arrays(
        cls,
        tokenizer: TokenizerRecord,
        record: VocabularyRecord,
        arrays: Mapping[str, NDArray[Any]],
        directory: Path,
        digests: Mapping[str, str],
        *,
        compact: bool = False,
    ) -> Vocabulary:
        """Restore a vocabulary from what :meth:`arrays` and :meth:`record` returned.

        Args:
            tokenizer: Record of the tokenizer, from ``config.json``.
            record: Record of the vocabulary, from ``config.json``.
            arrays: The stored arrays.
            directory: Directory of ``ngrams.parquet``, which is read when the strings are first needed.
            digests: The digest of that file, by its name.
            compact: Whether it belongs to a compact student, and so has no hash table.

        Raises:
            InputError: An array is missing, a value is invalid, or the tokenizer has another version.
        """
        tokenizer.check_version(directory)
        buckets = None if compact else arrays.get(BUCKETS)
        sizes = 0 < record.rows < 2**32 and 0 <= record.error_bound < 2**32
        if not sizes or not (compact or is_table(buckets)):
            raise InputError(f"{directory} does not contain a valid vocabulary: save it again.")
        vocabulary = cls(
            None if buckets is None else aligned(buckets),
            record.rows,
            tokenizer.config(),
            closed=record.closed,
            error_bound=record.error_bound,
        )
        vocabulary._unread = directory, digests
        return vocabulary

    def save(self, directory: str | Path) -> None:
        """Write the vocabulary to a new directory.

        Raises:
            InputError: `directory` exists already or cannot be written.
        """
        with atomic_directory(directory) as partial:
            digests = write_tensors(partial / _ARRAYS_FILE, self.arrays()) | self.save_ngrams(partial)
            record = VocabularyFile(self.tokenizer.record(), self.record(), digests)
            write_record(partial / _CONFIG_FILE, record)

    @classmethod
    def load(cls, directory: str | Path, *, verify: bool = False) -> Vocabulary:
        """Open a vocabulary that :meth:`save` wrote. A large hash table is mapped into memory.

        Args:
            directory: Its directory.
            verify: Read the whole vocabulary and compare it with its digests.

        Raises:
            InputError: `directory` does not contain a vocabulary, or it is damaged.
        """
        directory = Path(directory)
        config = read_record(directory / _CONFIG_FILE, VocabularyFile, _DAMAGED)
        arrays = open_tensors(directory / _ARRAYS_FILE)
        if arrays.keys() != config.digests.keys() - {NGRAMS_FILE}:
            raise InputError(f"{directory} has other arrays than config.json says: {_DAMAGED}.")
        if verify:
            verify_tensors(directory / _ARRAYS_FILE, config.digests, _DAMAGED)
            verify_strings(directory, config.digests)
        return cls.from_arrays(config.tokenizer, config.vocabulary, arrays, directory, config.digests)

    def save_ngrams(self, directory: Path) -> dict[str, str]:
        """Write the strings and counts, if known, to ``ngrams.parquet`` in `directory`.

        Returns:
            The digest of the file, by its name; empty if nothing is known.
        """
        self._read_strings()
        if self._ngrams is None:
            return {}
        return {NGRAMS_FILE: write_strings(directory, self._ngrams, self._counts)}

    @property
    def ngrams(self) -> Sequence[str] | None:
        """The strings by row, case-folded tokens joined by spaces; None if they are not known.

        The strings of a saved vocabulary are read on first access.

        Raises:
            InputError: The file of the strings is damaged or belongs to another vocabulary.
        """
        self._read_strings()
        if isinstance(self._ngrams, pa.Array):
            self._ngrams = self._ngrams.to_pylist()
        return self._ngrams

    @property
    def counts(self) -> NDArray[np.uint64] | None:
        """Frequencies of the n-grams, uint64 (rows,); None if not known. Raises as :attr:`ngrams`."""
        self._read_strings()
        return self._counts

    def _read_strings(self) -> None:
        if self._unread is not None:
            directory, digests = self._unread
            if (directory / NGRAMS_FILE).exists():
                self._ngrams, self._counts = read_strings(directory, len(self), digests)
            self._unread = None
