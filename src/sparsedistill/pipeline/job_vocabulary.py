"""The vocabulary of a job, which is built again only for other texts or settings."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from .._internal.progress import Progress, no_progress
from .._internal.records import read_record, write_record
from ..data.corpus import Corpus, FileFingerprint
from ..vocabulary.config import CountingConfig, TokenizerConfig
from ..vocabulary.vocabulary import Vocabulary
from .config import DistillationConfig


@dataclass(frozen=True)
class VocabularySource:
    """What a vocabulary was built from: the file next to its directory.

    Attributes:
        corpus: Content of the corpus.
        tokenizer: How texts become n-grams.
        counting: Which n-grams are kept.
    """

    corpus: list[FileFingerprint]
    tokenizer: TokenizerConfig
    counting: CountingConfig


def make_vocabulary(
    corpus: Corpus, folder: Path, config: DistillationConfig, progress: Progress = no_progress
) -> Vocabulary:
    """Load the vocabulary in a directory if it was built from the same corpus and settings; else build it.

    Args:
        corpus: The texts.
        folder: Directory of the vocabulary. A vocabulary of other texts or settings in it is replaced.
        config: The settings.
        progress: Shows the progress.

    Raises:
        InputError: A file cannot be read or written.
    """
    path = folder.with_name(folder.name + ".json")
    source = VocabularySource(corpus.fingerprint(), config.tokenizer, config.counting)
    advice = "delete it to count the n-grams again"
    if folder.exists() and path.exists() and read_record(path, VocabularySource, advice) == source:
        return Vocabulary.load(folder, verify=True)
    shutil.rmtree(folder, ignore_errors=True)
    vocabulary = Vocabulary.build(
        corpus,
        config.tokenizer,
        config.counting,
        threads=config.threads,
        progress=progress,
        directory=folder.parent,
    )
    vocabulary.save(folder)
    write_record(path, source)
    return vocabulary
