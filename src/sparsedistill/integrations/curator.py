"""A student as a stage of NeMo Curator."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from ..errors import InputError
from ..model.answers import answer_columns, by_head
from .arrow import StudentLike, opened

try:
    from nemo_curator.stages.base import ProcessingStage
    from nemo_curator.stages.resources import Resources
    from nemo_curator.tasks import DocumentBatch
except ModuleNotFoundError as error:
    raise ImportError(f"The stage needs {error.name}: pip install nemo-curator.") from error

if TYPE_CHECKING:
    from nemo_curator.backends.base import WorkerMetadata


@dataclass
class SparseDistillStage(ProcessingStage[DocumentBatch, DocumentBatch]):  # type: ignore[misc]
    """Adds the answers of a student to documents; with `filter_by`, keeps only those with certain labels.

    The names of the fields are those of Curator's ``DistributedDataClassifier``; it runs on CPUs.

    Args:
        model: The directory or Hub id of a student or a cascade of one question, which each worker opens; or
            the student.
        label_field: Column for the class, the classes of a multi-label student, or the number.
        score_field: Column for the probability of the class; None for none.
        text_field: Column of the text.
        filter_by: Labels of the documents to keep; None keeps all.
        max_chars: Characters of a text to read; None for all.
        threads: Threads per worker.
        name: Name of the stage.

    Raises:
        InputError: When it runs: the student cannot be opened, answers several questions, or its answers
            cannot be filtered or have no probability.
    """

    model: StudentLike
    label_field: str = "preds"
    score_field: str | None = None
    text_field: str = "text"
    filter_by: list[str] | None = None
    max_chars: int | None = None
    threads: int = 1
    name: str = "sparsedistill"

    def __post_init__(self) -> None:
        self.model = str(self.model) if isinstance(self.model, Path) else self.model
        self.resources = Resources(cpus=float(self.threads))

    def inputs(self) -> tuple[list[str], list[str]]:
        """The column that is read."""
        return ["data"], [self.text_field]

    def outputs(self) -> tuple[list[str], list[str]]:
        """The columns that are written."""
        scores = [] if self.score_field is None else [self.score_field]
        return ["data"], [self.text_field, self.label_field, *scores]

    def setup(self, worker_metadata: WorkerMetadata | None = None) -> None:
        """Open the student before the first batch."""
        del worker_metadata
        opened(self.model)

    def process(self, batch: DocumentBatch) -> DocumentBatch:
        """Add the columns to a batch, and leave out documents that are not kept."""
        table = batch.to_pyarrow()
        texts = pc.fill_null(table.column(self.text_field).cast(pa.large_string()), "")
        if self.max_chars is not None:
            texts = pc.utf8_slice_codeunits(texts, 0, self.max_chars)
        for name, values in self._columns(texts).items():
            if name in table.column_names:
                table = table.drop_columns(name)
            table = table.append_column(name, values)
        if self.filter_by is not None:
            kept = pc.is_in(table.column(self.label_field), pa.array(self.filter_by, pa.string()))
            table = table.filter(kept)
        return DocumentBatch(
            dataset_name=batch.dataset_name,
            data=table,
            _metadata=batch._metadata,
            _stage_perf=batch._stage_perf,
        )

    def _columns(self, texts: pa.ChunkedArray) -> dict[str, pa.Array]:
        """The answers by the names of their columns."""
        student = opened(self.model)
        head = student.heads[0]
        if head.name:
            names = ", ".join(each.name for each in student.heads)
            raise InputError(f"The student answers several questions ({names}): pass head() of one of them.")
        if head.problem != "single_label" and (self.score_field is not None or self.filter_by is not None):
            raise InputError(
                "The student gives no single class: leave out score_field and filter_by, and filter its "
                "answers in another stage."
            )
        found = answer_columns(head, by_head(student.score(texts, threads=self.threads))[""])
        fields = [self.label_field, self.score_field]
        return {
            name: values for name, values in zip(fields, found.values(), strict=False) if name is not None
        }
