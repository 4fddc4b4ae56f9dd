"""The contents of a corpus and the numbers of its texts, which are found once for all runs on a directory."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from .._internal.ledger import Ledger
from .._internal.progress import Progress
from .._internal.texts import encodable
from ..data.corpus import Corpus, FileFingerprint
from ..data.file_state import absolute, found_state, state_of
from ..data.readers import Source

#: Name of the record in the ledger of a labelling.
_UNIT = "corpus"


@dataclass(frozen=True)
class CountedFile:
    """A file of a corpus.

    Attributes:
        path: Its absolute path.
        version: When it was changed last, ns since 1970; of an object the version that its store gives it.
        content: Its content.
        rows: Number of its texts.
    """

    path: str
    version: str
    content: FileFingerprint
    rows: int


@dataclass(frozen=True)
class CountedCorpus:
    """A corpus whose texts were counted.

    Attributes:
        files: Its files, in their order.
        reading: How they were read.
    """

    files: tuple[CountedFile, ...]
    reading: str


def known_corpus(ledger: Ledger, corpus: Corpus) -> CountedCorpus | None:
    """What an earlier run has found, if no file was changed since then; None otherwise.

    Without it, each part would read a corpus of terabytes twice before it labels its share.
    """
    found = ledger.read(_UNIT, CountedCorpus)
    if found is None or found.reading != _reading(corpus) or len(found.files) != len(corpus.sources):
        return None
    for file, path in zip(found.files, corpus.files, strict=True):
        now = found_state(path)
        if now is None or (now.size, now.version) != (file.content.size, file.version):
            return None
        if encodable(absolute(path)) != file.path:
            return None
    return found


def count_corpus(ledger: Ledger, corpus: Corpus, progress: Progress) -> CountedCorpus:
    """Hash each file, and count its texts at the same time, so that the disk reads it once.

    What is found is kept for later runs. This reads, and so checks, all texts before hours go into scoring.

    Raises:
        InputError: The corpus cannot be read, or not twice.
    """
    for source in corpus.sources:
        if source.is_stream:
            _content(corpus, source)  # raises
    versions = [state_of(path).version for path in corpus.files]
    rows = [0] * len(corpus.sources)
    at = 0
    with ThreadPoolExecutor(1) as pool, progress("Reading the corpus", None, "texts") as advance:
        contents = [pool.submit(_content, corpus, corpus.sources[at])]
        for block in corpus.rows():
            while corpus.sources[at] is not block.source:
                at += 1
                contents.append(pool.submit(_content, corpus, corpus.sources[at]))
            rows[at] += len(block.table)
            advance(len(block.table))
        for source in corpus.sources[at + 1 :]:
            contents.append(pool.submit(_content, corpus, source))
    files = []
    for i, future in enumerate(contents):
        path, content = encodable(absolute(corpus.files[i])), future.result()
        files.append(CountedFile(path, versions[i], replace(content, name=encodable(content.name)), rows[i]))
    counted = CountedCorpus(tuple(files), _reading(corpus))
    ledger.finish(_UNIT, counted)
    return counted


def _content(corpus: Corpus, source: Source) -> FileFingerprint:
    return Corpus.of([source], corpus.columns).fingerprint()[0]


def _reading(corpus: Corpus) -> str:
    return repr(corpus.columns)
