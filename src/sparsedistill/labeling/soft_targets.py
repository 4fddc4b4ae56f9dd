"""Soft targets on disk: the texts of a corpus with the logits of a teacher."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
from numpy.typing import NDArray

from ..errors import InputError
from ..problem import Problem, problem_of
from .manifest import Manifest, check_shards, read_manifest


@dataclass(frozen=True)
class SoftBatch:
    """Texts with the logits of the teacher.

    Attributes:
        texts: large_string (n,).
        logits: float32 (n, classes).
        text_pair: large_string (n,), or None.
    """

    texts: pa.Array
    logits: NDArray[np.float32]
    text_pair: pa.Array | None = None

    def __len__(self) -> int:
        return len(self.texts)


class SoftTargets:
    """A finished labelling on disk.

    Args:
        directory: Directory of the labelling.
        manifest: Its manifest.

    Attributes:
        directory: Directory of the labelling.
        classes: Names of the classes, in the order of the logits.
        multi_label: Whether a text may have several classes.
        pair: Whether the texts come in pairs.
        teacher: Name of the teacher.
        fingerprint: Fingerprint of the teacher, see :meth:`~sparsedistill.Teacher.fingerprint`.
        shards: The files, in the order of the corpus.
        sizes: Texts of each shard.
        contents: Hash of the content of each shard.
    """

    def __init__(self, directory: Path, manifest: Manifest) -> None:
        self.directory = directory
        self.classes = manifest.classes
        self.multi_label = manifest.multi_label
        self.pair = manifest.pair
        self.teacher = manifest.teacher_name
        self.fingerprint = manifest.teacher
        self.shards = tuple(directory / shard.name for shard in manifest.shards)
        self.sizes = tuple(shard.rows for shard in manifest.shards)
        self.contents = tuple(shard.hash for shard in manifest.shards)
        self._texts = manifest.done

    @staticmethod
    def open(directory: str | Path) -> SoftTargets:
        """Open a finished labelling, and check size and content of every shard.

        Raises:
            InputError: `directory` has no labelling, the labelling is not finished, its manifest is damaged,
                or a shard is missing, truncated or damaged.
        """
        folder = Path(directory)
        manifest = read_manifest(folder)
        if manifest is None:
            raise InputError(f"{folder} has no soft targets: create them with `sparsedistill label`.")
        if not manifest.complete:
            raise InputError(
                f"{folder} is not finished ({manifest.done:,} of {manifest.texts:,} texts): run "
                "`sparsedistill label` again with the same arguments."
            )
        check_shards(folder, manifest.shards)
        return SoftTargets(folder, manifest)

    @staticmethod
    def open_all(directories: Sequence[str | Path]) -> SoftTargets:
        """Open several finished labellings by one teacher as one, with the texts of all in their order.

        Raises:
            InputError: As for :meth:`open`; or a labelling is given twice, or is of another teacher, or of
                pairs beside single texts.
        """
        opened = [SoftTargets.open(directory) for directory in directories]
        joined = copy(opened[0])
        seen = {joined.directory.resolve()}
        for other in opened[1:]:
            if other.directory.resolve() in seen:
                raise InputError(f"The soft targets {other.directory} are given twice: give them once.")
            seen.add(other.directory.resolve())
            ours, theirs = (
                (one.fingerprint, one.classes, one.multi_label, one.pair) for one in (joined, other)
            )
            if ours != theirs:
                raise InputError(
                    f"The soft targets {other.directory} ({other.teacher}) and {joined.directory} "
                    f"({joined.teacher}) are of different teachers or of different kinds of texts: train on "
                    "one of them."
                )
            joined.shards += other.shards
            joined.sizes += other.sizes
            joined.contents += other.contents
            joined._texts += len(other)
        return joined

    @property
    def problem(self) -> Problem:
        """What the teacher says of a text."""
        return problem_of(self.classes, multi_label=self.multi_label)

    def __len__(self) -> int:
        return self._texts

    def read(self, i: int) -> SoftBatch:
        """Read shard `i`."""
        table = self._table(i)
        logits = table.column("logits").combine_chunks().flatten().to_numpy()
        return SoftBatch(
            texts=table.column("text").combine_chunks(),
            logits=logits.reshape(len(table), len(self.classes)),
            text_pair=table.column("text_pair").combine_chunks() if self.pair else None,
        )

    def texts(self, i: int) -> tuple[pa.Array, pa.Array | None]:
        """The texts of shard `i` and, for pairs, the second texts, without logits."""
        names = ["text", "text_pair"] if self.pair else ["text"]
        table = self._table(i, names)
        columns = [column.combine_chunks() for column in table.columns]
        return columns[0], columns[1] if self.pair else None

    def logits(self, i: int) -> NDArray[np.float32]:
        """The logits of shard `i` alone, float32 (n, classes)."""
        column = self._table(i, ["logits"]).column("logits")
        return column.combine_chunks().flatten().to_numpy().reshape(-1, len(self.classes))  # type: ignore[no-any-return]

    def _table(self, i: int, columns: list[str] | None = None) -> pa.Table:
        """Some or all columns of shard `i`."""
        with self.shards[i].open("rb") as file:  # Arrow accepts only UTF-8 file names
            return pyarrow.parquet.read_table(file, columns=columns)

    def all(self) -> SoftBatch:
        """Read all shards."""
        parts = [self.read(i) for i in range(len(self.shards))]
        return SoftBatch(
            texts=pa.concat_arrays([part.texts for part in parts]),
            logits=np.concatenate([part.logits for part in parts]),
            text_pair=pa.concat_arrays([part.text_pair for part in parts]) if self.pair else None,
        )
