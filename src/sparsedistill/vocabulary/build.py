"""Counting the n-grams of a corpus, and reading the strings of those that a vocabulary keeps."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .. import _core
from .._internal.background import read_ahead
from .._internal.files import disk_errors
from .._internal.progress import Progress
from .._internal.texts import CoreTexts, Texts, check_texts, core_texts
from ..errors import InputError
from .config import CountingConfig, TokenizerConfig

logger = logging.getLogger(__package__)

#: Texts in memory go to the core in slices of this many.
_SLICE = 1 << 16
#: Slices between two looks at whether strings are missing, which takes 1 ms for a million n-grams.
_SLICES_BETWEEN = 16


class TextBatchLike(Protocol):
    """A batch of a corpus, as counting reads it: :class:`~sparsedistill.data.corpus.TextBatch` is one."""

    @property
    def texts(self) -> Any:
        """The texts, n of them."""
        ...

    @property
    def text_pair(self) -> Any:
        """The second texts, n of them, or None."""
        ...


class BatchedCorpus(Protocol):
    """A corpus that can be read any number of times: :class:`~sparsedistill.data.corpus.Corpus` is one."""

    def batches(self) -> Iterable[TextBatchLike]:
        """Stream all texts in order."""
        ...


#: What a vocabulary can be built from: texts in memory, or a corpus that is read in batches.
CorpusLike: TypeAlias = Texts | BatchedCorpus


@dataclass(frozen=True)
class NgramCounts:
    """The most frequent n-grams of a corpus, in the order of their frequency.

    Attributes:
        keys: uint64 (n,), the keys of the n-grams.
        counts: uint64 (n,), their frequencies.
        error_bound: Largest amount by which a count can be too low.
    """

    keys: NDArray[np.uint64]
    counts: NDArray[np.uint64]
    error_bound: int


def count_ngrams(
    corpus: CorpusLike,
    tokenizer: TokenizerConfig,
    counting: CountingConfig,
    threads: int,
    progress: Progress,
    directory: Path,
) -> NgramCounts:
    """Count the n-grams of `corpus` and select those that a vocabulary keeps.

    Raises:
        InputError: No n-gram is frequent enough, `corpus` is not a corpus, or the disk is full.
    """
    with disk_errors(directory / "counts"):
        counter = count_all(corpus, tokenizer, counting, threads, progress, directory)
        found = selected(counter, counting, counter.error_bound)
    if counter.spills:
        logger.info(
            f"The corpus exceeded the memory bound: counts went to {directory} {counter.spills} times."
        )
    if counter.error_bound:
        logger.warning(
            f"The corpus exceeded the memory bound: counts are too low by at most {counter.error_bound}."
        )
    return found


def count_all(
    corpus: CorpusLike,
    tokenizer: TokenizerConfig,
    counting: CountingConfig,
    threads: int,
    progress: Progress,
    directory: Path,
) -> _core.Counter:
    """Count the n-grams of `corpus`, while it is read in the background.

    Args:
        corpus: The texts.
        tokenizer: How they become n-grams.
        counting: How they are counted.
        threads: Number of threads. The counts do not depend on it.
        progress: Receives the progress.
        directory: Where counts are that do not fit into memory.
    """
    where = str(directory) if counting.exact else ""
    counter = _core.Counter(tokenizer.core, counting.by_document, counting.memory, threads, where)
    with progress("Counting n-grams", _length(corpus), "texts") as advance:
        for texts, examples in _slices(corpus):
            counter.add(texts)
            advance(examples)
    return counter


def selected(
    counts: _core.Counter | _core.MergedCounts, counting: CountingConfig, error_bound: int
) -> NgramCounts:
    """The n-grams that a vocabulary keeps.

    Raises:
        InputError: No n-gram is frequent enough.
    """
    keys, found = counts.select(counting.max_rows, counting.min_count)
    if not len(keys):
        raise InputError(
            f"No n-gram occurs at least {counting.min_count} times in the corpus: lower min_count or add "
            "texts."
        )
    return NgramCounts(keys, found, error_bound)


def read_ngrams(
    corpus: CorpusLike, vocabulary: _core.Vocabulary, threads: int, progress: Progress
) -> pa.Array:
    """The strings of the n-grams of `vocabulary` by row, large_string (rows,).

    They are read from the corpus that was counted, up to the text that has the last one.
    """
    strings = _core.NgramStrings(vocabulary)
    with progress("Reading the n-grams", _length(corpus), "texts") as advance:
        for number, (texts, examples) in enumerate(_slices(corpus)):
            strings.add(texts, threads)
            advance(examples)
            if number % _SLICES_BETWEEN == 0 and not strings.missing():
                break
    offsets, data = strings.strings()
    buffers = [pa.py_buffer(offsets), pa.py_buffer(data)]
    return pa.LargeStringArray.from_buffers(len(offsets) - 1, *buffers)


def _length(corpus: CorpusLike) -> int | None:
    return None if hasattr(corpus, "batches") else len(corpus)


def _slices(corpus: CorpusLike) -> Iterator[tuple[CoreTexts, int]]:
    """Slices of the texts for the core, each with the number of examples that begin in it.

    A second text of a pair is a slice with no new examples.
    """
    if hasattr(corpus, "batches"):
        for batch in read_ahead(corpus.batches()):
            yield core_texts(batch.texts), len(batch.texts)
            if batch.text_pair is not None:
                yield core_texts(batch.text_pair), 0
        return
    for begin in count(0, _SLICE):
        part = corpus[begin : begin + _SLICE]
        if not len(part):
            return
        yield check_texts(core_texts(part)), len(part)
