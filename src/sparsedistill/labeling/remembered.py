"""A teacher that remembers: what it has said of a text before is not asked again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ..data.identity import paired
from ..errors import InputError
from ..teachers.base import FileTeacher, Teacher
from .soft_targets import SoftTargets


class RememberingTeacher:
    """A teacher with soft targets that it has given before, so that a corpus can grow, or be cut anew.

    Args:
        teacher: The teacher, who scores what stands in none of `remembered`.
        remembered: Soft targets of its making.

    Attributes:
        teacher: The teacher itself.

    Raises:
        InputError: Soft targets are another teacher's.
    """

    def __init__(self, teacher: Teacher, remembered: Sequence[SoftTargets]) -> None:
        self.classes, self.multi_label, self.name = teacher.classes, teacher.multi_label, teacher.name
        self.teacher = teacher
        for targets in remembered:
            if targets.fingerprint != teacher.fingerprint() or targets.classes != teacher.classes:
                raise InputError(
                    f"{targets.directory} holds soft targets of {targets.teacher}, which is not the teacher "
                    f"{teacher.name}: leave them out."
                )
        batches = [targets.all() for targets in remembered]
        self._texts = pa.chunked_array(
            [paired(batch.texts, batch.text_pair) for batch in batches], pa.large_string()
        )
        self._logits = np.concatenate(
            [np.empty((0, len(self.classes)), np.float32), *(batch.logits for batch in batches)]
        )

    def score(self, texts: Sequence[str], text_pair: Sequence[str] | None = None) -> NDArray[np.float32]:
        """Logits, float32 (n, classes): remembered ones, and the teacher's of the other texts."""
        pair = None if text_pair is None else pa.array(text_pair, pa.large_string())
        asked = paired(pa.array(texts, pa.large_string()), pair)
        places = pc.fill_null(pc.index_in(asked, value_set=self._texts), -1).to_numpy(zero_copy_only=False)
        logits = np.empty((len(texts), len(self.classes)), np.float32)
        known, new = np.flatnonzero(places >= 0), np.flatnonzero(places < 0)
        logits[known] = self._logits[places[known]]
        if len(new):
            seconds = None if text_pair is None else [text_pair[i] for i in new.tolist()]
            logits[new] = self.teacher.score([texts[i] for i in new.tolist()], seconds)
        return logits

    def fingerprint(self) -> dict[str, Any]:
        """The teacher's own."""
        return self.teacher.fingerprint()


def underlying_teacher(teacher: Teacher | FileTeacher | None) -> Teacher | FileTeacher | None:
    """The teacher itself, where it is one that remembers."""
    return teacher.teacher if isinstance(teacher, RememberingTeacher) else teacher
