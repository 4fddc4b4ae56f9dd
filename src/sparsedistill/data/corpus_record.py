"""A corpus as a record, to open it again."""

from __future__ import annotations

from dataclasses import dataclass

from .._internal.texts import encodable
from ..errors import InputError
from .columns import Columns
from .corpus import Corpus
from .file_options import FileOptions
from .file_state import absolute, found_state, state_of


@dataclass(frozen=True)
class CorpusRecord:
    """Files of texts, and how they are read.

    Attributes:
        files: Their absolute paths.
        sizes: Their sizes in bytes.
        text: Column of the text.
        options: How files are read, where their names do not say it.
        text_pair: Column of the second text.
    """

    files: tuple[str, ...]
    sizes: tuple[int, ...]
    text: str
    options: FileOptions
    text_pair: str | None = None

    @classmethod
    def of(cls, corpus: Corpus) -> CorpusRecord:
        """The record of a corpus.

        Raises:
            InputError: It is a stream, or a file cannot be read.
        """
        for source in corpus.sources:
            if source.is_stream:
                raise InputError(f"{source.name} can be read only once: save it to a file and give that.")
        columns = corpus.columns
        return cls(
            tuple(encodable(absolute(path)) for path in corpus.files),
            tuple(state_of(path).size for path in corpus.files),
            columns.text,
            columns.files,
            columns.text_pair,
        )

    def open(self) -> Corpus:
        """The corpus.

        Raises:
            InputError: A file is missing or has changed.
        """
        corpus = Corpus(list(self.files), Columns(self.text, self.text_pair, files=self.options))
        for path, size in zip(self.files, self.sizes, strict=True):
            found = found_state(path)
            if found is None or found.size != size:
                raise InputError(f"{path} has changed since it was counted: count the parts again.")
        return corpus
