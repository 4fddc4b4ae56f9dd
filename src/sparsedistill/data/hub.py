"""Data sets on the Hugging Face Hub, loaded with ``datasets``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow as pa

from ..errors import InputError, first_line
from .columns import Columns


@dataclass(frozen=True)
class HubDataset:
    """A split of a data set on the Hugging Face Hub.

    Attributes:
        id: Its id, such as ``"stanfordnlp/imdb"``.
        split: The split, in the syntax of ``datasets``: ``"train"``, ``"train[:1000]"``.
        name: Name of the configuration, if it has several.
        revision: A branch or commit. ``"refs/convert/parquet"`` reads the Hub's conversion of data sets that
            come with a loading script, which ``datasets`` no longer runs.
        text: Column of the texts, or of the first texts of pairs.
        text_pair: Column of the second texts of pairs.
        label: Column of the labels.
        threshold: If given, labels are numbers and become 1 if at least `threshold`, else 0.
    """

    id: str
    split: str = "train"
    name: str | None = None
    revision: str | None = None
    text: str = "text"
    text_pair: str | None = None
    label: str = "label"
    threshold: float | None = None

    def columns_by_role(self, columns: Columns) -> dict[str, str]:
        """Names of this data set's columns, by the roles that `columns` has."""
        names = {"text": self.text}
        if columns.text_pair is not None:
            names["text_pair"] = self.text_pair or columns.text_pair
        if columns.label is not None:
            names["label"] = self.label
        if columns.group is not None:
            names["group"] = columns.group
        return names

    def load(self, needed: Iterable[str]) -> pa.Table:
        """Load the split.

        Args:
            needed: Columns that it must have.

        Raises:
            InputError: ``datasets`` is not installed or cannot load the data set, or a column is missing.
        """
        try:
            from datasets import load_dataset
        except ImportError as error:
            raise InputError(
                f"{self.id} is on the Hugging Face Hub and has no local copy: pip install "
                "'sparsedistill[datasets]', or give the directory of local copies."
            ) from error
        try:
            split = load_dataset(self.id, self.name, split=self.split, revision=self.revision)
        except (OSError, ValueError, RuntimeError) as error:
            raise InputError(
                f"{self.id} cannot be loaded ({first_line(error)}): check the network and the names in the "
                "recipe, or give the directory of local copies."
            ) from error
        table = split.with_format("arrow")[:]
        for column in needed:
            if column not in table.column_names:
                raise InputError(
                    f"{self.id} has no column {column!r}: use one of {', '.join(table.column_names)}."
                )
        return table
