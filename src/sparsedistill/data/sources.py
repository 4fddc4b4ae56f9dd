"""The texts of a recipe: local copies if they exist, otherwise data sets on the Hugging Face Hub."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from .._internal.progress import Progress, no_progress
from ..errors import InputError
from .columns import Columns
from .corpus import Corpus, TextBatch
from .file_options import FileOptions
from .hub import HubDataset
from .identity import not_held_out
from .recombination import recombined
from .sentences import sentences
from .writer import RowWriter

logger = logging.getLogger(__package__)

#: Environment variable with the directory of local copies, if a recipe does not give it.
DATA_VARIABLE = "SPARSEDISTILL_DATA"

#: Columns that are read from a source, and their names in the files that are written.
ROLES = ("text", "text_pair", "label", "weight", "group")

_ROWS = 65_536  # rows that are compared with the held-out texts at a time


@dataclass(frozen=True)
class DataSource:
    """One source of texts.

    Attributes:
        path: Files in `folder`: a name or a pattern, or several.
        dataset: The data set to load if `folder` does not have the files.
        text: Column of the texts in local files; by default that of the recipe.
        where: Read only rows in which these columns have one of these values.
        split_sentences: Split documents into sentences and use each distinct one once, for students of single
            sentences.
        limit: Draw at most this number of rows at random.
        recombine: Add this number of texts that begin like one row and end like another, where unlabelled
            text is scarce.
        min_words: Skip sentences, and add no texts, with fewer words.
        max_words: Skip sentences, and add no texts, with more words.
        folder: Directory of local copies; None if there is none.
    """

    path: str | tuple[str, ...] | None = None
    dataset: HubDataset | None = None
    text: str | None = None
    where: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    split_sentences: bool = False
    limit: int | None = None
    recombine: int | None = None
    min_words: int = 4
    max_words: int = 50
    folder: str | None = None

    def __post_init__(self) -> None:
        if self.path is None and self.dataset is None:
            raise InputError("A data source has neither a path nor a dataset: give one or both.")
        for name, number in (("limit", self.limit), ("recombine", self.recombine)):
            if number is not None and number < 1:
                raise InputError(f"{name} of a data source is {number}: it must be at least 1.")
        if not 1 <= self.min_words <= self.max_words:
            raise InputError(
                f"A data source wants sentences of {self.min_words} to {self.max_words} words: give "
                "1 <= min_words <= max_words."
            )

    @property
    def name(self) -> str:
        """Its name in error messages."""
        return str(self.path) if self.dataset is None else self.dataset.id

    def read(self, columns: Columns, seed: int = 0) -> pa.Table:
        """Read all rows, without those that `recombine` adds (see :meth:`recombined`).

        Args:
            columns: Names of the columns in local files.
            seed: Draws the rows if there is a limit.

        Returns:
            A large_string column ``text`` and, if `columns` has them, ``text_pair`` and ``group``,
            large_string; ``label``, large_string, for multi-label list of large_string; ``weight``, float32.

        Raises:
            InputError: There is no local copy and no data set that can be loaded, a column is missing, or no
                row is left.
        """
        columns = self._checked(columns)
        paths = self._local()
        table = self._load(columns) if paths is None else self._read(paths, columns)
        if self.split_sentences:
            table = _texts(sentences(table.column("text").to_pylist(), self.min_words, self.max_words))
        if self.limit is not None and len(table) > self.limit:
            drawn = np.random.default_rng(seed).choice(len(table), self.limit, replace=False)
            table = table.take(pa.array(np.sort(drawn)))
        if not len(table):
            raise InputError(f"{self.name} has no rows that match: correct its `where` or its path.")
        return table

    def recombined(self, rows: pa.Table, seed: int = 0, progress: Progress = no_progress) -> pa.Table:
        """Make the texts that `recombine` adds. A warning is logged if there are fewer.

        Args:
            rows: The rows of this source that may be used.
            seed: Draws the texts.
            progress: Reports the progress.

        Returns:
            A large_string column ``text``; without rows if `recombine` is None.
        """
        if self.recombine is None:
            return _texts([])
        texts = rows.column("text").to_pylist()
        found = recombined(texts, self.recombine, self.min_words, self.max_words, seed, progress)
        if len(found) < self.recombine:
            logger.warning(
                f"{self.name} made {len(found):,} texts, not recombine = {self.recombine:,}: its texts are "
                "too few or have too few words in common."
            )
        return _texts(found)

    def _checked(self, columns: Columns) -> Columns:
        """The columns to read from local files."""
        made = "split_sentences" if self.split_sentences else "recombine" if self.recombine else None
        if made is not None and not columns.text_pair is columns.label is columns.weight is None:
            raise InputError(f"{made} is only for unlabelled single texts: leave it out elsewhere.")
        return replace(columns, text=self.text or columns.text)

    def _local(self) -> list[Path] | None:
        """Paths of the local copy, if it is complete."""
        if self.path is None:
            return None
        names = [self.path] if isinstance(self.path, str) else list(self.path)
        if self.folder is not None:
            paths = [Path(self.folder) / name for name in names]
            if self.dataset is None or all(any(path.parent.glob(path.name)) for path in paths):
                return paths
            logger.info(f"{paths[0]} does not exist: loading {self.dataset.id} from the Hub.")
        elif self.dataset is None:
            raise InputError(
                f"{names[0]} is a local copy without a data set on the Hub: give its directory with data_dir "
                f"in the recipe, --data-dir, or the environment variable {DATA_VARIABLE}."
            )
        return None

    def _read(self, paths: Sequence[Path], columns: Columns) -> pa.Table:
        corpus = Corpus(list(paths), replace(columns, files=FileOptions()))
        table = pa.Table.from_batches([_by_role(batch) for batch in corpus.batches()])
        for column in self.where:
            cells = [batch.texts for batch in Corpus(list(paths), Columns(column)).batches()]
            table = table.append_column(column, pa.chunked_array(cells))
        return self._matching(table).select([name for name in ROLES if name in table.column_names])

    def _load(self, columns: Columns) -> pa.Table:
        dataset = self.dataset
        assert dataset is not None  # noqa: S101 - _local has checked it
        if columns.multi_label:
            raise InputError(
                f"{dataset.id}: several labels per text can only be read from files: give files."
            )
        if columns.weight is not None:
            raise InputError(f"{dataset.id}: weights of examples can only be read from files: give files.")
        wanted = dataset.columns_by_role(columns)
        rows = self._matching(dataset.load((*wanted.values(), *self.where)))
        arrays = {role: rows.column(column) for role, column in wanted.items()}
        if "label" in arrays and dataset.threshold is not None:
            arrays["label"] = pc.greater_equal(arrays["label"], dataset.threshold).cast(pa.int8())
        for role, array in arrays.items():
            if array.null_count:
                raise InputError(f"{dataset.id} has rows without {wanted[role]!r}: use another split.")
        return pa.table({role: array.cast(pa.large_string()) for role, array in arrays.items()})

    def _matching(self, table: pa.Table) -> pa.Table:
        """The rows that match `where`."""
        for column, values in self.where.items():
            cells = table.column(column).cast(pa.large_string())
            table = table.filter(pc.is_in(cells, value_set=pa.array(values, pa.large_string())))
        return table


def data_folder(given: str | None) -> str | None:
    """The directory of local copies: `given`, or that of the environment, or None.

    Raises:
        InputError: The directory does not exist.
    """
    folder = given or os.environ.get(DATA_VARIABLE) or None
    if folder is not None and not Path(folder).is_dir():
        raise InputError(f"{folder}, the directory of local copies, does not exist: correct data_dir.")
    return folder


def write_sources(
    sources: Sequence[DataSource],
    columns: Columns,
    path: Path,
    held_out: pa.Array | None = None,
    seed: int = 0,
    progress: Progress = no_progress,
) -> int:
    """Write the rows of `sources` to a file with the columns :data:`ROLES`.

    Args:
        sources: Sources to read, in order.
        columns: Names of the columns in local files.
        path: The file to write.
        held_out: Identities of texts to leave out. See :func:`~.identity.identities`.
        seed: Draws the rows if there is a limit, and the recombined texts.
        progress: Reports the progress.

    Returns:
        Number of rows that were left out because they are held out.
    """
    left_out = 0
    with RowWriter(path) as writer:
        for source in sources:
            rows = source.read(columns, seed)
            kept = _without(rows, held_out)
            left_out += len(rows) - len(kept)
            # Only rows that are kept are recombined: no part of a held-out text may be learnt.
            for table in (kept, _without(source.recombined(kept, seed, progress), held_out)):
                for part in table.to_batches():
                    writer.write(part)
    return left_out


def _without(rows: pa.Table, held_out: pa.Array | None) -> pa.Table:
    """The rows that are not held out, in batches of at most `_ROWS` rows."""
    parts = rows.to_batches(max_chunksize=_ROWS)
    if held_out is not None:
        parts = [part.take(pa.array(_kept(part, held_out))) for part in parts]
    return pa.Table.from_batches(parts, rows.schema)


def _kept(rows: pa.RecordBatch, held_out: pa.Array) -> NDArray[np.int64]:
    pair = rows.column("text_pair") if "text_pair" in rows.schema.names else None
    return not_held_out(rows.column("text"), pair, held_out)


def _texts(texts: Iterable[str]) -> pa.Table:
    return pa.table({"text": pa.array(texts, pa.large_string())})


def _by_role(batch: TextBatch) -> pa.RecordBatch:
    weights = None if batch.weights is None else pa.array(batch.weights)
    found = (batch.texts, batch.text_pair, batch.labels, weights, batch.groups)
    parts = dict(zip(ROLES, found, strict=True))
    return pa.record_batch({role: part for role, part in parts.items() if part is not None})
