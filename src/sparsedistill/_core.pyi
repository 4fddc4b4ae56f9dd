"""Types of the native core (core/bindings/)."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

UNICODE_VERSION: str
TOKENIZER_VERSION: int
MAX_NGRAM: int
LEAST_CHARACTERS: int
MOST_CHARACTERS: int
LEAST_COUNTER_MEMORY: int

class InstructionSet:
    name: str
    PORTABLE: InstructionSet
    AVX2: InstructionSet
    AVX512: InstructionSet
    NEON: InstructionSet

COMPACT_APART_SLOTS: int
COMPACT_MOST_SLOTS: int

def available_instruction_sets() -> list[InstructionSet]: ...

class TokenizerConfig:
    most_ngrams: int
    def __init__(
        self, max_ngram: int, boundaries: bool, min_characters: int = 2, max_characters: int = 0
    ) -> None: ...

def characters(text: str, tokenizer: TokenizerConfig) -> list[tuple[str, int, int]]: ...
def tokenize(text: str, boundaries: bool = False) -> list[tuple[str, int, int]]: ...
def keys_of(ngrams: list[str]) -> NDArray[np.uint64]: ...
def build_buckets(keys: NDArray[np.uint64]) -> NDArray[np.uint64]: ...
def probabilities(logits: NDArray[np.float32], multi_label: bool) -> NDArray[np.float32]: ...
def followers_of(keys: NDArray[np.uint64], ngrams: Sequence[str]) -> NDArray[np.uint16]: ...
def filter_of(keys: NDArray[np.uint64]) -> NDArray[np.uint64]: ...
def build_compact(
    keys: NDArray[np.uint64], rows: NDArray[np.uint8], followers: NDArray[np.uint16], slots: int
) -> tuple[NDArray[np.uint8], int]: ...
def compact_slots(row_bytes: int) -> int: ...
def compact_row_bytes(slots: int) -> int: ...

class ArrowTexts:
    def __init__(self, data: NDArray[np.uint8], offsets: NDArray[np.int32] | NDArray[np.int64]) -> None: ...
    def __len__(self) -> int: ...
    def __getitem__(self, part: slice, /) -> ArrowTexts: ...
    def sizes(self) -> NDArray[np.int64]: ...

class Vocabulary:
    def __init__(
        self, buckets: NDArray[np.uint64], rows: int, tokenizer: TokenizerConfig, closed: bool
    ) -> None: ...
    def extract(
        self,
        texts: Sequence[str] | ArrowTexts,
        text_pair: Sequence[str] | ArrowTexts | None,
        dropout: float,
        max_ngrams: int,
        seed: int,
        threads: int,
        folded: bool,
    ) -> tuple[
        NDArray[np.int64],
        NDArray[np.int64],
        NDArray[np.int64],
        NDArray[np.int64],
        NDArray[np.int64],
        NDArray[np.int64],
        NDArray[np.int64],
        NDArray[np.int64],
        NDArray[np.int64],
    ]: ...
    def characters(self, words: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]: ...
    def find(self, keys: NDArray[np.uint64]) -> NDArray[np.int64]: ...

class Counter:
    texts: int
    tokens: int
    error_bound: int
    spills: int
    def __init__(
        self, tokenizer: TokenizerConfig, by_document: bool, memory: int, threads: int, directory: str
    ) -> None: ...
    def add(self, texts: Sequence[str] | ArrowTexts) -> None: ...
    def select(self, most: int, least: int) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]: ...
    def write(self, path: str) -> int: ...

class MergedCounts:
    def __init__(self, directory: str) -> None: ...
    def add(self, path: str) -> None: ...
    def select(self, most: int, least: int) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]: ...
    def write(self, path: str) -> int: ...

class NgramStrings:
    def __init__(self, vocabulary: Vocabulary) -> None: ...
    def add(self, texts: Sequence[str] | ArrowTexts, threads: int) -> None: ...
    def missing(self) -> int: ...
    def strings(self) -> tuple[NDArray[np.int64], NDArray[np.uint8]]: ...

class Classifier:
    def __init__(
        self,
        vocabulary: Vocabulary,
        table: NDArray[np.float32],
        pair: bool,
        hidden_weight: NDArray[np.float32],
        hidden_bias: NDArray[np.float32],
        output_weight: NDArray[np.float32],
        output_bias: NDArray[np.float32],
        instruction_set: InstructionSet | None = None,
    ) -> None: ...
    def __call__(
        self,
        texts: Sequence[str] | ArrowTexts,
        text_pair: Sequence[str] | ArrowTexts | None = None,
        threads: int = 1,
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]: ...

class CompactTable:
    def __init__(
        self,
        lines: NDArray[np.uint8],
        slots: int,
        apart: NDArray[np.int8] | None,
        character_filter: NDArray[np.uint64] | None,
        tokenizer: TokenizerConfig,
        closed: bool,
    ) -> None: ...
    def find(
        self, keys: NDArray[np.uint64], characters: bool = False
    ) -> tuple[NDArray[np.int64], NDArray[np.int8]]: ...

class CompactClassifier:
    def __init__(
        self,
        table: CompactTable,
        wide: int,
        scale: NDArray[np.float32],
        centre: NDArray[np.float32],
        basis: NDArray[np.float32] | None,
        hidden_weight: NDArray[np.float32],
        hidden_bias: NDArray[np.float32],
        output_weight: NDArray[np.float32],
        output_bias: NDArray[np.float32],
        instruction_set: InstructionSet | None = None,
    ) -> None: ...
    def __call__(
        self,
        texts: Sequence[str] | ArrowTexts,
        text_pair: Sequence[str] | ArrowTexts | None = None,
        threads: int = 1,
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]: ...
