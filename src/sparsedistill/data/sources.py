"""Where a recipe's texts come from: a local copy where there is one, else a data set of the Hub."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .._internal.progress import Progress, no_progress
from ..errors import InputError, first_line
from .columns import Columns
from .corpus import Corpus, TextBatch
from .identity import identities
from .recombination import recombined
from .sentences import sentences
from .writer import RowWriter

logger = logging.getLogger(__package__)

#: Where local copies lie, if a recipe does not say.
DATA_VARIABLE = "SPARSEDISTILL_DATA"

#: What is read of a source, as the files that are made of it name it.
ROLES = ("text", "text_pair", "label")


@dataclass(frozen=True)
class HubDataset:
    """A split of a data set on the Hugging Face Hub.

    Attributes:
        id: Its id, as ``"stanfordnlp/imdb"``.
        split: The split, in the syntax of ``datasets``: ``"train"``, ``"train[:1000]"``.
        name: The name of its configuration, where it has several.
        revision: A branch or commit. ``"refs/convert/parquet"`` reads what the Hub has made of sets that
            come with a script, which ``datasets`` no longer runs.
        text: Its column of the text.
        text_pair: Of the second text.
        label: Of the label.
        threshold: The label is a number: 1 where it is at least this, else 0.
    """

    id: str
    split: str = "train"
    name: str | None = None
    revision: str | None = None
    text: str = "text"
    text_pair: str | None = None
    label: str = "label"
    threshold: float | None = None


@dataclass(frozen=True)
class DataSource:
    """One source of a recipe's texts.

    Attributes:
        path: Files below `folder`: a name or a pattern, or several.
        dataset: What to load where `folder` has no such file.
        text: Column of the text in the local files; by default the recipe's.
        where: Take the rows alone whose column of that name holds one of these values.
        split_sentences: Take the documents' sentences, each once, for a student of sentences.
        limit: Take no more than so many rows, at random.
        recombine: Add so many texts that begin as one of these rows and end as another, where there is little
            text of a kind.
        min_words: Take no sentences, and add no texts, of fewer words.
        max_words: And of more.
        folder: Where local copies lie; None where there are none.
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
            raise InputError("A data source names neither a path nor a dataset: give it one, or both.")
        for name, number in (("limit", self.limit), ("recombine", self.recombine)):
            if number is not None and number < 1:
                raise InputError(f"{name} of a data source is {number}: it must be at least 1.")
        if not 1 <= self.min_words <= self.max_words:
            raise InputError(
                f"Sentences of {self.min_words} to {self.max_words} words are wanted: give min_words of at "
                "least 1, and max_words that are no fewer."
            )

    def read(self, columns: Columns, seed: int = 0) -> pa.Table:
        """All rows, as large_string columns ``text`` and, as `columns` has them, ``text_pair``, ``label``.

        Those that `recombine` adds are not among them: see :meth:`recombined`.

        Args:
            columns: What the columns of local files are called.
            seed: Draws the rows where there is a limit.

        Raises:
            InputError: There is neither a local copy nor ``datasets`` to load one with, a column is not
                there, or no row is left.
        """
        if columns.weight is not None:
            raise InputError("Weights of examples are read from files alone: name a file, or no weight.")
        made = "split_sentences" if self.split_sentences else "recombine" if self.recombine else None
        if made is not None and (columns.text_pair is not None or columns.label is not None):
            raise InputError(f"{made} is for unlabelled single texts: leave it out elsewhere.")
        columns = replace(columns, text=self.text or columns.text)
        table = self._loaded(columns) if (paths := self._local()) is None else self._read(paths, columns)
        if self.split_sentences:
            table = _texts(sentences(table.column("text").to_pylist(), self.min_words, self.max_words))
        if self.limit is not None and len(table) > self.limit:
            drawn = np.random.default_rng(seed).choice(len(table), self.limit, replace=False)
            table = table.take(pa.array(np.sort(drawn)))
        if not len(table):
            raise InputError(f"{self.name} has no rows that are wanted: mend its `where` or its path.")
        return table

    def recombined(self, rows: pa.Table, seed: int = 0, progress: Progress = no_progress) -> pa.Table:
        """The texts that `recombine` adds to some of the rows that were read; says where they are fewer."""
        if self.recombine is None:
            return _texts([])
        texts = rows.column("text").to_pylist()
        found = recombined(texts, self.recombine, self.min_words, self.max_words, seed, progress)
        if len(found) < self.recombine:
            logger.warning(
                f"{self.name} made {len(found):,} texts, not recombine = {self.recombine:,}: its own are too "
                "few or share too few words."
            )
        return _texts(found)

    @property
    def name(self) -> str:
        """What error messages call it."""
        return str(self.path) if self.dataset is None else self.dataset.id

    def _local(self) -> list[Path] | None:
        """The local copy, if all of it is there."""
        if self.path is None:
            return None
        names = [self.path] if isinstance(self.path, str) else list(self.path)
        if self.folder is not None:
            paths = [Path(self.folder) / name for name in names]
            if self.dataset is None or all(any(path.parent.glob(path.name)) for path in paths):
                return paths
            logger.info(f"{paths[0]} is not there: loading {self.dataset.id} from the Hub.")
        elif self.dataset is None:
            raise InputError(
                f"{names[0]} is a local copy of data that no Hub data set is named for: say where it lies, "
                f"with data_dir in the recipe, --data-dir, or {DATA_VARIABLE} in the environment."
            )
        return None

    def _read(self, paths: Sequence[Path], columns: Columns) -> pa.Table:
        corpus = Corpus(list(paths), columns)
        table = pa.Table.from_batches([_by_role(batch) for batch in corpus.batches()])
        for column in self.where:
            cells = [batch.texts for batch in Corpus(list(paths), Columns(column)).batches()]
            table = table.append_column(column, pa.chunked_array(cells))
        return self._wanted(table).select([name for name in ROLES if name in table.column_names])

    def _loaded(self, columns: Columns) -> pa.Table:
        dataset = self.dataset
        assert dataset is not None  # noqa: S101 - _local has seen to it
        if columns.multi_label:
            raise InputError(f"{dataset.id}: texts with several labels are read from files alone: name one.")
        found = _load(dataset)
        wanted = {"text": dataset.text}
        if columns.text_pair is not None:
            wanted["text_pair"] = dataset.text_pair or columns.text_pair
        if columns.label is not None:
            wanted["label"] = dataset.label
        for column in (*wanted.values(), *self.where):
            if column not in found.column_names:
                raise InputError(
                    f"{dataset.id} has no column {column!r}: name one of {', '.join(found.column_names)}."
                )
        found = self._wanted(found)
        arrays = {role: found.column(column) for role, column in wanted.items()}
        if "label" in arrays and dataset.threshold is not None:
            arrays["label"] = pc.greater_equal(arrays["label"], dataset.threshold).cast(pa.int8())
        for role, array in arrays.items():
            if array.null_count:
                raise InputError(f"{dataset.id} has rows without {wanted[role]!r}: choose another split.")
        return pa.table({role: array.cast(pa.large_string()) for role, array in arrays.items()})

    def _wanted(self, table: pa.Table) -> pa.Table:
        """The rows that `where` asks for."""
        for column, values in self.where.items():
            cells = table.column(column).cast(pa.large_string())
            table = table.filter(pc.is_in(cells, value_set=pa.array(values, pa.large_string())))
        return table


def data_folder(given: str | None) -> str | None:
    """Where local copies lie: what is given, or what the environment says; None for nowhere.

    Raises:
        InputError: There is no such folder.
    """
    folder = given or os.environ.get(DATA_VARIABLE) or None
    if folder is not None and not Path(folder).is_dir():
        raise InputError(
            f"{folder}, where local copies of the data should lie, is no directory: mend data_dir."
        )
    return folder


def write_sources(
    sources: Sequence[DataSource],
    columns: Columns,
    path: Path,
    held_out: pa.Array | None = None,
    seed: int = 0,
    progress: Progress = no_progress,
) -> int:
    """Write the rows of `sources` to a file, with columns named by their roles.

    Args:
        sources: What to read, in this order.
        columns: What the columns of local files are called.
        path: The file to make.
        held_out: Identities of texts to leave out.
        seed: Draws the rows where there is a limit, and what is recombined.
        progress: Shows the progress.

    Returns:
        How many were left out.
    """
    left_out = 0
    with RowWriter(path) as writer:
        for source in sources:
            rows = source.read(columns, seed)
            kept = _kept(rows, held_out)
            left_out += len(rows) - len(kept)
            # Of rows that are kept alone: no part of a held-out text is to be learnt.
            for table in (kept, _kept(source.recombined(kept, seed, progress), held_out)):
                for part in table.to_batches():
                    writer.write(part)
    return left_out


def _kept(rows: pa.Table, held_out: pa.Array | None) -> pa.Table:
    """The rows that are not held out, in batches."""
    return pa.Table.from_batches(
        [_not_held_out(part, held_out) for part in rows.to_batches(max_chunksize=65_536)], rows.schema
    )


def _not_held_out(rows: pa.RecordBatch, held_out: pa.Array | None) -> pa.RecordBatch:
    if held_out is None:
        return rows
    pair = rows.column("text_pair") if "text_pair" in rows.schema.names else None
    return rows.filter(pc.invert(pc.is_in(identities(rows.column("text"), pair), value_set=held_out)))


def _texts(texts: Iterable[str]) -> pa.Table:
    return pa.table({"text": pa.array(texts, pa.large_string())})


def _by_role(batch: TextBatch) -> pa.RecordBatch:
    parts = dict(zip(ROLES, (batch.texts, batch.text_pair, batch.labels), strict=True))
    return pa.record_batch({role: part for role, part in parts.items() if part is not None})


def _load(dataset: HubDataset) -> pa.Table:
    """The split as a table, by Hugging Face's library."""
    try:
        from datasets import load_dataset
    except ImportError as error:
        raise InputError(
            f"{dataset.id} is on the Hugging Face Hub and there is no local copy: pip install "
            "'sparsedistill[datasets]', or say where a copy lies."
        ) from error
    try:
        found = load_dataset(dataset.id, dataset.name, split=dataset.split, revision=dataset.revision)
    except (OSError, ValueError, RuntimeError) as error:
        raise InputError(
            f"{dataset.id} cannot be loaded ({first_line(error)}): check the network and the names in the "
            "recipe, or say where a local copy lies."
        ) from error
    return found.with_format("arrow")[:]
