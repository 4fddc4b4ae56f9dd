"""The n-gram vocabulary: which n-grams have a row of the table, and the rows of texts."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from .. import _core
from .._internal.files import atomic_directory, atomic_write
from .._internal.progress import Progress, no_progress
from .._internal.records import read_record, write_record
from .._internal.tensors import map_tensors, write_tensors
from .._internal.texts import Texts, all_threads, check_texts, core_texts
from ..errors import InputError
from .config import CountingConfig, TokenizerConfig, TokenizerRecord, VocabularyFile, VocabularyRecord

logger = logging.getLogger(__package__)

BUCKETS = "vocabulary.buckets"
_CONFIG_FILE = "config.json"
_ARRAYS_FILE = "vocabulary.safetensors"
_NGRAMS_FILE = "ngrams.parquet"
_SLICE = 1 << 16
_CHARACTERS = "##"  # what character n-grams begin with (core/characters.hpp)


@dataclass(frozen=True)
class NgramRows:
    """n-gram rows of n texts or pairs of texts, as CSR.

    A text has each of its rows once, however often the n-gram occurs: as in the paper's pipeline, and
    better than with repetitions (IMDB, labels only: 91.3 against 91.0 % of the test texts).

    Attributes:
        rows: int64 (nnz,), the rows of all texts, one after the other.
        offsets: int64 (n + 1,); the rows of text i are ``rows[offsets[i]:offsets[i + 1]]``. For pairs int64
            (3 * n + 1,): each has the rows of both its texts, those of the first alone, and those of the
            second alone.
        tokens: int64 (n,), the tokens of each text or pair, and its character n-grams.
        known: int64 (n,), those of them that the vocabulary knows.
    """

    rows: NDArray[np.int64]
    offsets: NDArray[np.int64]
    tokens: NDArray[np.int64]
    known: NDArray[np.int64]


class _Batch(Protocol):
    @property
    def texts(self) -> Any: ...
    @property
    def text_pair(self) -> Any: ...


class _Batches(Protocol):
    def batches(self) -> Iterable[_Batch]: ...


#: Texts in memory, or a corpus that can be read in batches any number of times.
CorpusLike: TypeAlias = Texts | _Batches


class Vocabulary:
    """n-grams with a row each; row 0 is the most frequent one.

    An n-gram is a 64-bit key: 61 bits of hash, and its order. Texts are looked up by key; the strings are
    kept for people and are never needed to use a vocabulary.

    Args:
        buckets: uint64 (buckets, 8), the hash table that :func:`_core.build_buckets` lays out; None for a
            compact student's, whose n-grams stand with their weights.
        rows: Number of n-grams.
        tokenizer: How texts become n-grams.
        closed: Every prefix of an n-gram is an n-gram too. Lookups stop at the first miss then.
        ngrams: The strings by row, folded tokens with a space between; None where they are not known.
        counts: uint32 (rows,) frequencies, where known.
        error_bound: By how much a count can be too low.

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
        ngrams: Sequence[str] | None = None,
        counts: NDArray[np.uint32] | None = None,
        error_bound: int = 0,
    ) -> None:
        self.tokenizer = tokenizer
        self.closed = closed
        self._ngrams = ngrams
        self._counts = counts
        self._strings: Path | None = None  # a file that they are read from when they are first asked for
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

    @classmethod
    def build(
        cls,
        corpus: CorpusLike,
        tokenizer: TokenizerConfig | None = None,
        counting: CountingConfig | None = None,
        *,
        threads: int | None = None,
        progress: Progress = no_progress,
    ) -> Vocabulary:
        """Count the n-grams of `corpus` and keep the most frequent ones (Ye et al. 2022, section 3.2).

        The corpus is read twice: to count, and to spell out what was kept. The result does not depend
        on the number of threads.

        Args:
            corpus: Texts, or a :class:`~sparsedistill.data.Corpus`.
            tokenizer: How texts become n-grams.
            counting: Which of them are kept.
            threads: All cores by default.
            progress: Shows the progress.

        Raises:
            InputError: No n-gram is frequent enough, or `corpus` is no corpus.
        """
        tokenizer, counting = tokenizer or TokenizerConfig(), counting or CountingConfig()
        threads = all_threads(threads)
        counter = _core.Counter(tokenizer.core, counting.by_document, counting.memory, threads)
        with progress("Counting n-grams", _length(corpus), "texts") as advance:
            for texts, new in _slices(corpus):
                counter.add(texts)
                advance(new)
        keys, counts = counter.select(counting.max_rows, counting.min_count)
        if not len(keys):
            raise InputError(
                f"No n-gram of the corpus comes {counting.min_count} times: lower min_count or add text."
            )
        buckets = _core.build_buckets(keys)
        vocabulary = cls(
            buckets, len(keys), tokenizer, closed=True, counts=counts, error_bound=counter.error_bound
        )
        if counter.error_bound:
            logger.warning(
                f"The corpus outgrew the memory bound: counts are too low by at most {counter.error_bound}."
            )
        del counter  # its memory, before more is taken
        vocabulary._ngrams = vocabulary._spell(corpus, threads, progress)
        return vocabulary

    @classmethod
    def from_ngrams(cls, ngrams: Sequence[str], tokenizer: TokenizerConfig | None = None) -> Vocabulary:
        """A vocabulary of given n-grams, in the order of their rows.

        Args:
            ngrams: Folded tokens with a space between, as :func:`tokenize` gives them.
            tokenizer: How texts become n-grams.

        Raises:
            InputError: There is none, one comes twice, or one is longer than ``tokenizer.max_ngram``.
        """
        tokenizer = tokenizer or TokenizerConfig()
        if not len(ngrams):
            raise InputError("There are no n-grams: a vocabulary needs at least one.")
        for ngram in ngrams:
            if not 1 <= len(ngram.split(" ")) <= tokenizer.max_ngram:
                raise InputError(
                    f"The n-gram {ngram!r} has more than {tokenizer.max_ngram} tokens: raise max_ngram."
                )
        try:
            buckets = _core.build_buckets(_core.keys_of(list(ngrams)))
        except ValueError as error:
            raise InputError(f"The n-grams make no vocabulary ({error}): drop duplicates.") from error
        known = set(ngrams)
        closed = all(ngram.rpartition(" ")[0] in known for ngram in ngrams if " " in ngram)
        return cls(buckets, len(ngrams), tokenizer, closed=closed, ngrams=list(ngrams))

    def __len__(self) -> int:
        return self._rows

    def __repr__(self) -> str:
        return f"Vocabulary({len(self):,} n-grams of 1 to {self.tokenizer.max_ngram} tokens)"

    @property
    def core(self) -> _core.Vocabulary:
        """Key -> row, in the core.

        Raises:
            InputError: It is a compact student's vocabulary, which has no rows.
        """
        if self._core is None:
            raise InputError(
                "A compact student's n-grams have no rows: ask the student that it was made from."
            )
        return self._core

    def keys(self) -> NDArray[np.uint64]:
        """The keys of the n-grams by row, uint64 (n,).

        Raises:
            InputError: It is a compact student's vocabulary, or a row has no key.
        """
        _ = self.core
        assert self.buckets is not None  # noqa: S101 - the core is over them
        slots = np.ascontiguousarray(self.buckets[:, :5])
        rows = np.ascontiguousarray(self.buckets[:, 5:]).view(np.uint32)[:, :5]
        filled = (slots != 0) & (rows < len(self))
        keys = np.zeros(len(self), np.uint64)
        keys[rows[filled]] = slots[filled]
        if not keys.all():
            raise InputError("The vocabulary has rows without an n-gram: build or save it again.")
        return keys

    def without_table(self) -> Vocabulary:
        """The same without its hash table, for a student that keeps n-grams and weights in one."""
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
    ) -> NgramRows:
        """The rows of the n-grams of `texts`, each once a text, or once a pair.

        Args:
            texts: n texts.
            text_pair: n second texts, for pairs.
            dropout: Share of the n-grams left out at random (n-gram dropout); of pairs, in both texts.
            max_ngrams: A random choice of so many where a text or a pair has more.
            seed: Of both choices. They depend on it, on the text and on its place alone.
            threads: All cores by default; the result does not depend on it.

        Raises:
            InputError: `texts` are no texts, or `text_pair` are not as many.
        """
        first, second = (
            None if side is None else check_texts(core_texts(side)) for side in (texts, text_pair)
        )
        assert first is not None  # noqa: S101 - for the types
        if second is not None and len(second) != len(first):
            raise InputError(f"{len(first)} texts came with {len(second)} second ones: give one to each.")
        found = self.core.extract(first, second, dropout, max_ngrams or 0, seed, all_threads(threads))
        return NgramRows(*found)

    def rows_of(self, ngrams: Sequence[str]) -> NDArray[np.int64]:
        """The rows of n-grams given as strings, int64 (n,); -1 for those without a row."""
        return self.core.find(_core.keys_of(list(ngrams)))

    # ---- on disk ---------------------------------------------------------------------------------

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What a safetensors file needs of the vocabulary, in the order to write it."""
        return {} if self.buckets is None else {BUCKETS: self.buckets}

    def record(self) -> VocabularyRecord:
        """What ``config.json`` holds of the vocabulary, beside the tokenizer."""
        return VocabularyRecord(len(self), self.closed, self.error_bound)

    @classmethod
    def from_arrays(
        cls,
        tokenizer: TokenizerRecord,
        facts: VocabularyRecord,
        arrays: Mapping[str, NDArray[Any]],
        directory: Path,
        *,
        compact: bool = False,
    ) -> Vocabulary:
        """The vocabulary of :meth:`arrays` and :meth:`record`.

        Args:
            tokenizer: From ``config.json``.
            facts: From ``config.json``.
            arrays: The arrays.
            directory: Where ``ngrams.parquet`` is; it is read when the strings are first needed.
            compact: It is a compact student's, without a hash table.

        Raises:
            InputError: An array is missing, a value cannot be used, or the tokenizer has another version.
        """
        version = tokenizer.version, tokenizer.unicode
        if version != (_core.TOKENIZER_VERSION, _core.UNICODE_VERSION):
            raise InputError(
                f"{directory} was made with tokenizer version {version}, this sparsedistill has "
                f"{(_core.TOKENIZER_VERSION, _core.UNICODE_VERSION)}: install the version it was made with."
            )
        buckets = None if compact else arrays.get(BUCKETS)
        usable = compact or (buckets is not None and buckets.dtype == np.uint64 and buckets.ndim == 2)
        if not usable or not 0 < facts.rows < 2**32 or facts.error_bound < 0:
            raise InputError(f"{directory} does not hold a usable vocabulary: save it again.")
        vocabulary = cls(
            buckets, facts.rows, tokenizer.config(), closed=facts.closed, error_bound=facts.error_bound
        )
        vocabulary._strings = directory / _NGRAMS_FILE
        return vocabulary

    def save(self, directory: str | Path) -> None:
        """Write the vocabulary to a new directory.

        Raises:
            InputError: `directory` exists already or cannot be written.
        """
        with atomic_directory(directory) as partial:
            write_tensors(partial / _ARRAYS_FILE, self.arrays())
            write_record(partial / _CONFIG_FILE, VocabularyFile(self.tokenizer.record(), self.record()))
            self.save_ngrams(partial)

    @classmethod
    def load(cls, directory: str | Path) -> Vocabulary:
        """The vocabulary that :meth:`save` wrote, mapped into memory.

        Raises:
            InputError: There is none, or it is damaged.
        """
        directory = Path(directory)
        config = read_record(directory / _CONFIG_FILE, VocabularyFile, "build or save the vocabulary again")
        arrays = map_tensors(directory / _ARRAYS_FILE)
        return cls.from_arrays(config.tokenizer, config.vocabulary, arrays, directory)

    def save_ngrams(self, directory: Path) -> None:
        """Write the strings, if they are known, to ``ngrams.parquet`` in `directory`."""
        if self.ngrams is None:
            return
        columns = {"ngram": pa.array(self.ngrams, pa.string())}
        if self.counts is not None:
            columns["count"] = pa.array(self.counts)
        with atomic_write(directory / _NGRAMS_FILE) as partial:
            pq.write_table(pa.table(columns), partial, compression="zstd")

    @property
    def ngrams(self) -> Sequence[str] | None:
        """The strings by row, folded tokens with a space between; None where they are not known.

        Those of an opened vocabulary are read when they are first asked for.

        Raises:
            InputError: The file that holds them does not belong to this vocabulary.
        """
        self._read_strings()
        return self._ngrams

    @property
    def counts(self) -> NDArray[np.uint32] | None:
        """How often the corpus has the n-grams, uint32 (rows,), where known; raises as `ngrams` does."""
        self._read_strings()
        return self._counts

    def _read_strings(self) -> None:
        path = self._strings
        if path is None:
            return
        if path.exists():
            try:
                table = pq.read_table(path)
                ngrams = table.column("ngram").to_pylist()
                counts = table.column("count").to_numpy() if "count" in table.column_names else None
            except (pa.ArrowException, KeyError, OSError) as error:
                raise InputError(f"{path} cannot be read ({error}): delete it or copy it again.") from error
            if len(ngrams) != len(self):
                raise InputError(
                    f"{path} has {len(ngrams)} n-grams where the vocabulary has {len(self)}: delete it."
                )
            self._ngrams, self._counts = ngrams, counts
        self._strings = None

    def _spell(self, corpus: CorpusLike, threads: int, progress: Progress) -> list[str]:
        strings = _core.NgramStrings(self.core)
        with progress("Spelling them out", _length(corpus), "texts") as advance:
            for texts, new in _slices(corpus):
                strings.add(texts, threads)
                advance(new)
        return strings.strings()


def tokenize(text: str, *, boundaries: bool = False) -> list[str]:
    """The tokens of `text`, case folded. The beginning and end of a text are STX and ETX."""
    return [token for token, _, _ in _core.tokenize(text, boundaries)]


def is_characters(ngram: str) -> bool:
    """Whether an n-gram is one of characters: no token begins like that."""
    return len(ngram) > len(_CHARACTERS) and ngram.startswith(_CHARACTERS)


def _length(corpus: CorpusLike) -> int | None:
    return None if hasattr(corpus, "batches") else len(corpus)


def _slices(corpus: CorpusLike) -> Iterator[tuple[Any, int]]:
    """The texts of `corpus` as the core takes them, with the number of new examples in each piece."""
    if hasattr(corpus, "batches"):
        for batch in corpus.batches():
            yield core_texts(batch.texts), len(batch.texts)
            if batch.text_pair is not None:
                yield core_texts(batch.text_pair), 0
        return
    for begin in count(0, _SLICE):
        part = corpus[begin : begin + _SLICE]
        if not len(part):
            return
        yield check_texts(core_texts(part)), len(part)
