"""A student with its teacher behind it: the one for most texts, the other for the rest."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ._internal.files import atomic_directory
from ._internal.progress import Progress, no_progress
from ._internal.records import read_record, write_record
from ._internal.texts import Texts, as_strings
from .data.labelled import Labelled
from .errors import InputError
from .evaluation.deferral import DeferralCurve, confidence
from .labeling.scorer import SCORED_AT_ONCE, batch_scorer
from .model.predictions import Predictions, TextClassifier
from .model.record import DeferralRecord
from .student import Student
from .teachers.base import Teacher, TeacherLike
from .teachers.precomputed import FileTeacher
from .teachers.registry import as_teacher
from .teachers.scores import checked
from .teachers.transformers import TransformersTeacher

FORMAT = "sparsedistill cascade"
FORMAT_VERSION = 1
CASCADE_FILE = "cascade.json"


@dataclass(frozen=True)
class CascadeFile:
    """``cascade.json``.

    Attributes:
        format: ``"sparsedistill cascade"``.
        format_version: Version of the directory's format.
        threshold: The student's confidence from which on its answer counts.
        teacher: Directory or Hub id of the teacher; None for a teacher without a name.
        evaluation: What was measured where the threshold was chosen.
    """

    format: str
    format_version: int
    threshold: float
    teacher: str | None = None
    evaluation: DeferralRecord | None = None


@dataclass(frozen=True)
class CascadePredictions(Predictions):
    """Answers for n texts, by whom they were given.

    Attributes:
        deferred: bool (n,), the teacher has answered.
    """

    deferred: NDArray[np.bool_]


@dataclass
class Cascade(TextClassifier):
    """A classifier that asks the teacher where the student is not sure. It answers as a student does.

    The teacher is loaded when it is asked for the first time.

    Args:
        student: The student; calibrated, as training leaves it.
        teacher: Its teacher, of the same classes.
        threshold: The student's answer counts from this confidence on: the probability of its label, or
            for multi-label that of its least certain yes or no.
        evaluation: What was measured where the threshold was chosen.

    Raises:
        InputError: The threshold is no number from 0 on, or the teacher cannot be asked.
    """

    student: Student
    teacher: TeacherLike
    threshold: float
    evaluation: DeferralRecord | None = None

    def __post_init__(self) -> None:
        if not (
            isinstance(self.threshold, int | float) and math.isfinite(self.threshold) and self.threshold >= 0
        ):
            raise InputError(f"The threshold is {self.threshold!r}: it must be a number from 0 to 1.")
        if isinstance(self.teacher, FileTeacher):
            raise InputError("A file of scores answers no new text: give the teacher that made them.")
        self.classes, self.multi_label = self.student.classes, self.student.multi_label
        self.pair = self.student.pair
        self._asked: Teacher | None = None

    @classmethod
    def fit(
        cls,
        student: Student,
        teacher: TeacherLike,
        validation: Labelled | Texts,
        text_pair: Texts | None = None,
        *,
        retention: float = 0.995,
        calls: float | None = None,
        scores: NDArray[np.float32] | None = None,
        threads: int | None = None,
        progress: Progress = no_progress,
    ) -> Cascade:
        """Choose the threshold on texts that neither was trained on.

        With labels the target is the teacher's metric (accuracy, for multi-label macro F1). Without them
        it is the teacher's answers, of which more are needed: a student that errs on other texts than its
        teacher may be as good and agree less.

        Args:
            student: The student.
            teacher: Its teacher.
            validation: Labelled texts, or texts alone; some thousands, for the threshold is as good as they.
            text_pair: The second texts, where `validation` is texts alone.
            retention: Share of the teacher's metric to keep, with as few calls as can be.
            calls: Instead of that, a budget: the share of texts that may go to the teacher. With labels
                the best threshold within it is taken.
            scores: The teacher's logits of the texts, (n, classes), where they are at hand.
            threads: For the student; all cores by default.
            progress: Shows the progress of the teacher.

        Raises:
            InputError: The classes differ, there are no texts, or the target cannot be reached.
        """
        labels = None
        if isinstance(validation, Labelled):
            if validation.classes != student.classes:
                raise InputError(
                    f"The labels are {', '.join(validation.classes)} and the student's classes "
                    f"{', '.join(student.classes)}: use the same classes in the same order."
                )
            validation, text_pair, labels = validation.texts, validation.text_pair, validation.labels
        cascade = cls(student, teacher, 0.0)
        ours = student.score(validation, text_pair, threads=threads).logits
        if scores is None:
            pairs = None if text_pair is None else as_strings(text_pair, "text_pair")
            scores = batch_scorer(cascade._loaded(), progress)(as_strings(validation), pairs)
        curve = DeferralCurve.of(ours, scores, labels, multi_label=student.multi_label)
        chosen = curve.for_retention(retention) if calls is None else curve.for_calls(calls)
        cascade.threshold = float(curve.thresholds[chosen])
        cascade.evaluation = curve.record(chosen)
        return cascade

    def __repr__(self) -> str:
        return f"Cascade({self.student!r} below {self.threshold:.4f} -> {self.teacher_name or self.teacher})"

    @property
    def teacher_name(self) -> str | None:
        """The directory or Hub id of the teacher; None where it is a function or an object."""
        if isinstance(self.teacher, TransformersTeacher):
            return self.teacher.name
        return str(self.teacher) if isinstance(self.teacher, str | Path) else None

    # ---- answers ---------------------------------------------------------------------------------

    def score(
        self, texts: Texts, text_pair: Texts | None = None, *, threads: int | None = None
    ) -> CascadePredictions:
        """Logits and coverage of n texts, and which of them the teacher has answered.

        Args:
            texts: n texts, or the first texts of n pairs.
            text_pair: The second ones.
            threads: For the student; all cores by default.

        Raises:
            InputError: As :meth:`Student.score`; or the teacher cannot be loaded, has other classes, or
                answers with other sizes.
        """
        found = self.student.score(texts, text_pair, threads=threads)
        sure = confidence(found.probabilities, multi_label=self.multi_label)
        deferred = sure < self.threshold
        logits = found.logits
        rows = np.flatnonzero(deferred)
        if len(rows):
            logits = logits.copy()
            sides = [as_strings(side).take(rows) for side in (texts, text_pair) if side is not None]
            for begin in range(0, len(rows), SCORED_AT_ONCE):
                part = slice(begin, begin + SCORED_AT_ONCE)
                teacher, given = self._loaded(), [side[part].to_pylist() for side in sides]
                logits[rows[part]] = checked(teacher.score(*given), len(given[0]), teacher)
        return CascadePredictions(logits, found.coverage, self.multi_label, deferred)

    # ---- on disk ---------------------------------------------------------------------------------

    def save_pretrained(self, directory: str | Path) -> None:
        """Write the cascade to a new directory: the student, the threshold, and the teacher's name.

        The teacher itself stays where it is. One that has no name (a function) is given again to
        :meth:`from_pretrained`.

        Raises:
            InputError: `directory` exists already or cannot be written.
        """
        config = CascadeFile(
            FORMAT, FORMAT_VERSION, float(self.threshold), self.teacher_name, self.evaluation
        )
        with atomic_directory(directory) as partial:
            self.student.save_pretrained(partial / "student")
            write_record(partial / CASCADE_FILE, config)

    @classmethod
    def from_pretrained(cls, directory: str | Path, teacher: TeacherLike | None = None) -> Cascade:
        """The cascade that :meth:`save_pretrained` wrote.

        Args:
            directory: Where it is.
            teacher: Another place of the teacher, or a teacher without a name.

        Raises:
            InputError: There is no cascade, it is damaged, or its teacher has no name and none is given.
        """
        folder = Path(directory)
        config = read_record(folder / CASCADE_FILE, CascadeFile, "save the cascade again")
        if (config.format, config.format_version) != (FORMAT, FORMAT_VERSION):
            raise InputError(f"{folder} holds no cascade of format version {FORMAT_VERSION}: save it again.")
        teacher = config.teacher if teacher is None else teacher
        if teacher is None:
            raise InputError(f"The teacher of {folder} has no name: pass it as teacher.")
        return cls(Student.from_pretrained(folder / "student"), teacher, config.threshold, config.evaluation)

    # ---- parts -----------------------------------------------------------------------------------

    def _loaded(self) -> Teacher:
        if self._asked is None:
            teacher = as_teacher(self.teacher, self.classes, self.multi_label)
            if tuple(teacher.classes) != self.classes or teacher.multi_label != self.multi_label:
                raise InputError(
                    f"{teacher.name} tells {', '.join(teacher.classes)} apart and the student "
                    f"{', '.join(self.classes)}: give the teacher that it was distilled from."
                )
            self._asked = teacher
        return self._asked


def is_cascade(directory: str | Path) -> bool:
    """Whether a cascade was saved there."""
    return (Path(directory) / CASCADE_FILE).is_file()
