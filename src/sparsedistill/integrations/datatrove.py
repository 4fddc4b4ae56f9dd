"""A student as a filter of datatrove."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from .arrow import StudentLike, opened
from .labels import label_names, scores_of

try:
    from datatrove.pipeline.filters.base_filter import BaseFilter
    from datatrove.utils.text import SPLIT_TEXT_DOCUMENTS, split_into_parts
except ModuleNotFoundError as error:
    raise ImportError("The filter needs datatrove: pip install 'sparsedistill[datatrove]'.") from error

if TYPE_CHECKING:
    from datatrove.data import Document
    from datatrove.pipeline.writers.disk_base import DiskWriter

#: A label with its smallest score, or several of them.
Labels: TypeAlias = "tuple[str, float] | list[tuple[str, float]]"


class SparseDistillFilter(BaseFilter):  # type: ignore[misc]
    """Keeps documents that have one of `keep_labels`, or none of `remove_labels`, with at least its score.

    It takes the place of datatrove's ``FastTextClassifierFilter``: the arguments have the same names and
    meaning, and it writes the same metadata. It scores a batch of documents at once, and a student reads line
    breaks as white space, so there is no ``newline_replacement``.

    A label is a class. That of a student of numbers is ``score``, with a number as its smallest score. Those
    of a student of several questions are ``QUESTION.CLASS``, and ``QUESTION`` for numbers.

    With neither list, all documents are kept, and only their metadata are written.

    Args:
        model_url: A directory or Hub id of a student or a cascade, or the student itself. A directory is
            opened by each worker; the workers of a machine share its memory.
        keep_labels: Labels to keep, a tuple (label, smallest score) or a list of these.
        remove_labels: Labels to remove.
        save_labels_in_metadata: Write the scores to the metadata as ``__label__CLASS``: with paragraphs or
            sentences their mean.
        exclusion_writer: Writes the documents that are removed, with the text that they had.
        filter_mode: ``"DOCUMENT"``, or ``"PARAGRAPH"`` or ``"SENTENCE"`` to score these and keep the text of
            those that pass. A document without any is removed. Sentences need spacy.
        batch_size: Documents to score at once.
        threads: Threads per worker.

    Raises:
        InputError: Both lists were given.
    """

    name = "🪶 sparsedistill"

    def __init__(
        self,
        model_url: StudentLike,
        keep_labels: Labels | None = None,
        remove_labels: Labels | None = None,
        save_labels_in_metadata: bool = True,
        exclusion_writer: DiskWriter | None = None,
        *,
        filter_mode: str = SPLIT_TEXT_DOCUMENTS,
        batch_size: int = 1000,
        threads: int = 1,
    ) -> None:
        super().__init__(exclusion_writer, batch_size)
        if keep_labels and remove_labels:
            raise InputError("Both keep_labels and remove_labels were given: use two filters.")
        # The student is opened by the workers: tasks travel with its path.
        self.model_url = str(model_url) if isinstance(model_url, str | Path) else model_url
        self.keep_labels = _as_list(keep_labels)
        self.remove_labels = _as_list(remove_labels)
        self.save_labels_in_metadata = save_labels_in_metadata
        self.filter_mode = filter_mode
        self.threads = threads

    def filter(self, doc: Document) -> bool:
        """Whether a document is kept. See :meth:`filter_batch`."""
        return self.filter_batch([doc])[0]

    def filter_batch(self, batch: list[Document]) -> list[bool]:
        """Score documents, write their metadata, and reduce their texts to the parts that are kept.

        Returns:
            Whether each document is kept.

        Raises:
            InputError: The student cannot be opened, or does not have a label.
        """
        student = opened(self.model_url)
        labels = label_names(student)
        parts = [split_into_parts(doc.text, mode=self.filter_mode) for doc in batch]
        scores = scores_of(student, [part for of_doc in parts for part in of_doc], self.threads)
        kept = self._kept(scores, labels)
        results = []
        for doc, of_doc, rows in zip(batch, parts, _ranges(parts), strict=True):
            if self.save_labels_in_metadata and of_doc:
                means = scores[rows].mean(axis=0).tolist()
                doc.metadata |= {f"__label__{label}": mean for label, mean in zip(labels, means, strict=True)}
            results.append(self._reduce(doc, of_doc, kept[rows]))
        return results

    def _reduce(self, doc: Document, parts: Sequence[str], kept: NDArray[np.bool_]) -> bool:
        """Leave the kept parts in a document; without any it stays whole, for the exclusion writer."""
        if not (self.keep_labels or self.remove_labels):
            return True
        count = int(kept.sum())
        if count:
            self.stat_update("kept_span", value=count)
        if count < len(parts):
            self.stat_update("removed_span", value=len(parts) - count)
        text = "".join(part for part, keep in zip(parts, kept.tolist(), strict=True) if keep)
        if not text.strip():
            return False
        doc.text = text
        return True

    def _kept(self, scores: NDArray[np.float64], labels: list[str]) -> NDArray[np.bool_]:
        """Which of n parts are kept by their scores (n, labels), bool (n,)."""
        listed = self.keep_labels or self.remove_labels
        for label, _ in listed:
            if label not in labels:
                raise InputError(f"The student has no label {label!r}: use one of {', '.join(labels)}.")
        columns = np.array([labels.index(label) for label, _ in listed], np.int64)
        least = np.array([score for _, score in listed], np.float64)
        found: NDArray[np.bool_] = np.any(scores[:, columns] >= least, axis=1)
        return found if self.keep_labels else ~found


def _as_list(labels: Labels | None) -> list[tuple[str, float]]:
    return [labels] if isinstance(labels, tuple) else list(labels or [])


def _ranges(parts: Sequence[Sequence[str]]) -> Iterator[slice]:
    """The rows of each document's parts."""
    begin = 0
    for of_doc in parts:
        yield slice(begin, begin + len(of_doc))
        begin += len(of_doc)
