"""A student as a component of spaCy pipelines.

Importing this module registers the factory ``sparsedistill``; spaCy finds it by itself where the package is
installed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING

from .arrow import opened
from .labels import label_names, scores_of

try:
    from spacy.language import Language
except ModuleNotFoundError as error:
    raise ImportError("The component needs spaCy: pip install 'sparsedistill[spacy]'.") from error

if TYPE_CHECKING:
    from spacy.tokens import Doc


@Language.factory("sparsedistill", assigns=["doc.cats"], default_config={"batch_size": 1000, "threads": 1})
class SparseDistillComponent:
    """Writes the scores of a student to ``doc.cats``.

    It is added by ``nlp.add_pipe("sparsedistill", config={"model": PATH})``. The keys are its classes,
    ``score`` for a number, and ``QUESTION.CLASS`` for several questions. It reads the text of a document, and
    needs no other component. ``nlp.to_disk`` keeps the name of the student, not the student.

    Args:
        nlp: The pipeline.
        name: Name of the component.
        model: A directory or Hub id of a student or a cascade of single texts.
        batch_size: Documents that ``nlp.pipe`` scores at once.
        threads: Threads per process.

    Raises:
        InputError: The student cannot be opened, or compares pairs of texts.
    """

    def __init__(
        self,
        nlp: Language,  # noqa: ARG002 - spaCy passes it by name
        name: str,
        model: str,
        batch_size: int,
        threads: int,
    ) -> None:
        self.name, self.model = name, model
        self.batch_size, self.threads = batch_size, threads
        self.labels = tuple(label_names(opened(model)))
        scores_of(opened(model), [""], threads)  # students of pairs and wrong settings fail here

    def __call__(self, doc: Doc) -> Doc:
        """Score one document."""
        return next(self.pipe([doc]))

    def pipe(self, stream: Iterable[Doc], *, batch_size: int | None = None) -> Iterator[Doc]:
        """Score documents in batches.

        Args:
            stream: The documents.
            batch_size: Documents at once; by default that of the component.
        """
        docs = iter(stream)
        while batch := list(islice(docs, max(batch_size or 0, self.batch_size))):
            scores = scores_of(opened(self.model), [doc.text for doc in batch], self.threads)
            for doc, row in zip(batch, scores.tolist(), strict=True):
                doc.cats |= dict(zip(self.labels, row, strict=True))
                yield doc
