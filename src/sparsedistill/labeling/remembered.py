"""A teacher that reuses soft targets: texts that are labelled already are not scored again."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ..data.identity import paired
from ..errors import InputError
from ..teachers.base import Fingerprint, Teacher
from ..teachers.precomputed import FileTeacher
from .soft_targets import SoftTargets


class RememberingTeacher:
    """A teacher with soft targets of earlier labellings, so that a corpus can grow or be sharded differently.

    Args:
        teacher: The teacher, which scores the texts that are not in `remembered`.
        remembered: Soft targets of the same teacher.

    Attributes:
        classes: Classes of the teacher.
        multi_label: Whether a text may have several classes.
        name: Name of the teacher.
        teacher: The teacher.

    Raises:
        InputError: Soft targets are of another teacher.
    """

    def __init__(self, teacher: Teacher, remembered: Sequence[SoftTargets]) -> None:
        self.classes, self.multi_label, self.name = teacher.classes, teacher.multi_label, teacher.name
        self.teacher = teacher
        for targets in remembered:
            if targets.fingerprint != teacher.fingerprint() or targets.classes != teacher.classes:
                raise InputError(
                    f"{targets.directory} has soft targets of {targets.teacher}, not of the teacher "
                    f"{teacher.name}: remove it from the remembered soft targets."
                )
        batches = [targets.all() for targets in remembered]
        self._texts = pa.chunked_array(
            [paired(batch.texts, batch.text_pair) for batch in batches], pa.large_string()
        )
        self._logits = np.concatenate(
            [np.empty((0, len(self.classes)), np.float32), *(batch.logits for batch in batches)]
        )
        # Arrow's index_in would build its index for each 1,024 texts: 478 ms for a million remembered ones.
        hashes = np.concatenate([np.empty(0, np.int64), *(_hashes(chunk) for chunk in self._texts.chunks)])
        self._rows = np.argsort(hashes, kind="stable")
        self._hashes = hashes[self._rows]

    def score(self, texts: Sequence[str], text_pair: Sequence[str] | None = None) -> NDArray[np.float32]:
        """Return logits, float32 (n, classes): remembered ones, and the teacher's for the other texts."""
        pair = None if text_pair is None else pa.array(text_pair, pa.large_string())
        examples = paired(pa.array(texts, pa.large_string()), pair)
        rows = self._find(examples)
        logits = np.empty((len(texts), len(self.classes)), np.float32)
        known, new = np.flatnonzero(rows >= 0), np.flatnonzero(rows < 0)
        logits[known] = self._logits[rows[known]]
        if len(new):
            seconds = None if text_pair is None else [text_pair[i] for i in new.tolist()]
            logits[new] = self.teacher.score([texts[i] for i in new.tolist()], seconds)
        return logits

    def _find(self, examples: pa.Array) -> NDArray[np.int64]:
        """The rows of n examples among the remembered ones, the first of equal ones; -1 for others."""
        rows = np.full(len(examples), -1, np.int64)
        if not len(self._hashes):
            return rows
        hashes = _hashes(examples)
        places = np.searchsorted(self._hashes, hashes).clip(max=len(self._hashes) - 1)
        candidates = np.flatnonzero(self._hashes[places] == hashes)
        found = self._rows[places[candidates]]
        same = pc.equal(
            self._texts.take(pa.array(found)), pa.chunked_array([examples.take(pa.array(candidates))])
        )
        kept = same.to_numpy().astype(bool)
        rows[candidates[kept]] = found[kept]
        return rows

    def fingerprint(self) -> Fingerprint:
        """Return the fingerprint of the teacher."""
        return self.teacher.fingerprint()


def _hashes(texts: pa.Array) -> NDArray[np.int64]:
    """Hashes of n texts, the same during the life of the process. They are looked at only as numbers."""
    return np.fromiter(map(hash, texts.to_pylist()), np.int64, len(texts))


def underlying_teacher(teacher: Teacher | FileTeacher | None) -> Teacher | FileTeacher | None:
    """Return the teacher inside a :class:`RememberingTeacher`; other teachers are returned unchanged."""
    return teacher.teacher if isinstance(teacher, RememberingTeacher) else teacher
