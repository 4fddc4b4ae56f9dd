"""A student and its teacher: the teacher scores the texts that the student is not confident about."""

from __future__ import annotations

import copy
import math
import sys
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
from .evaluation.deferral import DeferralCurve, certainty
from .labeling.scorer import SCORED_AT_ONCE, batch_scorer
from .model.config import FormatRecord
from .model.predictions import Predictions, TextClassifier
from .model.record import DeferralRecord
from .student import Student
from .teachers.base import Teacher, TeacherLike
from .teachers.precomputed import FileTeacher
from .teachers.registry import as_teacher
from .teachers.scores import teacher_scores
from .teachers.transformers import TransformersTeacher

FORMAT = "sparsedistill cascade"
FORMAT_VERSION = 1
CASCADE_FILE = "cascade.json"
_DAMAGED = "save the cascade again"


@dataclass(frozen=True)
class CascadeFile:
    """The contents of ``cascade.json``.

    Attributes:
        format: ``"sparsedistill cascade"``.
        format_version: Version of the directory's format.
        threshold: Texts on which the student's confidence is below this are deferred to the teacher; for a
            regression, texts whose number is less than this away from `decision`.
        teacher: Directory or Hub id of the teacher; None if it has none (a function or an object).
        evaluation: Measurements on the texts that the threshold was chosen on.
        decision: The number that the texts of a regression are told apart by.
    """

    format: str
    format_version: int
    threshold: float
    teacher: str | None = None
    evaluation: DeferralRecord | None = None
    decision: float | None = None

    @classmethod
    def read(cls, directory: str | Path) -> CascadeFile:
        """Read ``cascade.json`` from the directory of a cascade; its format is checked first.

        Raises:
            InputError: The file is missing or damaged, or has another format version.
        """
        path = Path(directory) / CASCADE_FILE
        found = read_record(path, FormatRecord, _DAMAGED)
        if (found.format, found.format_version) != (FORMAT, FORMAT_VERSION):
            raise InputError(
                f"{directory} does not hold a cascade of format version {FORMAT_VERSION}: {_DAMAGED}."
            )
        return read_record(path, cls, _DAMAGED)


@dataclass(frozen=True)
class CascadePredictions(Predictions):
    """Predictions for n texts, with the texts that the teacher scored.

    Attributes:
        deferred: bool (n,), True for texts that were deferred to the teacher.
    """

    deferred: NDArray[np.bool_]


@dataclass
class Cascade(TextClassifier):
    """A classifier that defers texts to the teacher if the student is not confident.

    It has the methods of a student. The teacher is loaded when the first text is deferred.

    Args:
        student: The student, calibrated (the default after training).
        teacher: The student's teacher, with the same classes.
        threshold: Texts on which the student's confidence is below this are deferred. Confidence is the
            probability of the predicted label, or for multi-label that of the least certain of the per-class
            decisions. Above 1 all texts are deferred.
        evaluation: Measurements on the texts that the threshold was chosen on.
        decision: For a regression, the number that texts are told apart by, such as the least number of a
            text to keep. The confidence is then the distance of the student's number from it.

    Raises:
        InputError: The threshold is not a finite number of at least 0, the teacher cannot score new texts, or
            a regression has no decision.
    """

    student: Student
    teacher: TeacherLike
    threshold: float
    evaluation: DeferralRecord | None = None
    decision: float | None = None

    def __post_init__(self) -> None:
        if not (
            isinstance(self.threshold, int | float) and math.isfinite(self.threshold) and self.threshold >= 0
        ):
            raise InputError(
                f"The threshold is {self.threshold!r}: it must be a finite number of at least 0."
            )
        if isinstance(self.teacher, FileTeacher):
            raise InputError(
                "A file of scores cannot score new texts: pass the teacher that made the scores."
            )
        self.classes, self.problem = self.student.classes, self.student.problem
        self.pair = self.student.pair
        certainty(np.empty((0, len(self.classes)), np.float32), self.problem, self.decision)  # checks it
        self._loaded: list[Teacher] = []  # the teacher, once it is loaded: copies share the list

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
        decision: float | None = None,
        scores: NDArray[np.float32] | None = None,
        threads: int | None = None,
        progress: Progress = no_progress,
    ) -> Cascade:
        """Make a cascade, with a threshold chosen on held-out texts.

        With labels the target is a share of the teacher's metric (accuracy, or macro F1 for multi-label).
        Without labels it is agreement with the teacher, which takes more teacher calls: a student whose
        errors are on other texts than its teacher's may be equally good but agree less.

        Args:
            student: The student.
            teacher: Its teacher.
            validation: Labelled texts or plain texts that neither was trained on. Use some thousands: the
                threshold is only as good as they are.
            text_pair: The second texts of pairs, if `validation` is plain texts.
            retention: Share of the teacher's metric to retain, with as few teacher calls as possible.
            calls: Instead of `retention`, a budget: the largest share of texts to defer. With labels the
                threshold with the best metric within the budget is chosen.
            decision: For a regression, the number that texts are told apart by. The metric is then the
                accuracy of telling whether a label is at least this number.
            scores: The teacher's logits of the texts, float32 (n, classes), if known; the teacher is not
                called then.
            threads: Threads for the student; all cores by default.
            progress: Shows the progress of the teacher.

        Raises:
            InputError: The classes differ, there are no texts, or the target cannot be reached.
        """
        labels = None
        if isinstance(validation, Labelled):
            if validation.problem != student.problem:
                raise InputError(
                    f"The labels are of {validation.problem} and the student's problem is {student.problem}: "
                    "read the labels for the student."
                )
            if validation.classes != student.classes:
                raise InputError(
                    f"The data has the classes {', '.join(validation.classes)}, but the student has "
                    f"{', '.join(student.classes)}: use the same classes in the same order."
                )
            validation, text_pair, labels = validation.texts, validation.text_pair, validation.labels
        cascade = cls(student, teacher, 0.0, decision=decision)
        ours = student.score(validation, text_pair, threads=threads).logits
        if scores is None:
            pairs = None if text_pair is None else as_strings(text_pair, "text_pair")
            scores = batch_scorer(cascade._load_teacher(), progress)(as_strings(validation), pairs)
        curve = DeferralCurve.of(ours, scores, labels, problem=student.problem, decision=decision)
        chosen = curve.for_retention(retention) if calls is None else curve.for_calls(calls)
        cascade.threshold = float(curve.thresholds[chosen])
        cascade.evaluation = curve.record(chosen)
        return cascade

    def __repr__(self) -> str:
        return f"Cascade({self.student!r} below {self.threshold:.4f} -> {self.teacher_name or self.teacher})"

    @property
    def teacher_name(self) -> str | None:
        """The directory or Hub id of the teacher; None if it is a function or an object."""
        if isinstance(self.teacher, TransformersTeacher):
            return self.teacher.name
        return str(self.teacher) if isinstance(self.teacher, str | Path) else None

    def always_deferring(self) -> Cascade:
        """A cascade that defers every text: the answers of the teacher, which both load only once."""
        other = copy.copy(self)
        other.threshold = sys.float_info.max
        return other

    # ---- predictions -----------------------------------------------------------------------------

    def score(
        self, texts: Texts, text_pair: Texts | None = None, *, threads: int | None = None
    ) -> CascadePredictions:
        """Score n texts, and say which of them were deferred to the teacher.

        Args:
            texts: n texts, or the first texts of n pairs.
            text_pair: The second texts of the pairs.
            threads: Threads for the student; all cores by default.

        Returns:
            Logits float32 (n, classes), of the teacher for deferred texts; coverage float32 (n,); and
            ``deferred`` bool (n,).

        Raises:
            InputError: As :meth:`Student.score`; or the teacher cannot be loaded, has other classes, or
                returns scores of the wrong shape.
        """
        return self.deferring(self.student.score(texts, text_pair, threads=threads), texts, text_pair)

    def uncertain(self, found: Predictions) -> NDArray[np.bool_]:
        """Which of n texts are deferred to the teacher, bool (n,).

        Args:
            found: What the student says of the texts.
        """
        return certainty(found.logits, self.problem, self.decision) < self.threshold

    def deferring(
        self, found: Predictions, texts: Texts, text_pair: Texts | None = None
    ) -> CascadePredictions:
        """Let the teacher score those of n texts that the student is not confident about.

        Args:
            found: What the student says of the texts.
            texts: The texts, or the first texts of pairs.
            text_pair: The second texts of the pairs.

        Raises:
            InputError: The teacher cannot be loaded, has other classes, or returns scores of the wrong shape.
        """
        deferred, logits = self.uncertain(found), found.logits
        rows = np.flatnonzero(deferred)
        if len(rows):
            logits = logits.copy()
            sides = [as_strings(side).take(rows) for side in (texts, text_pair) if side is not None]
            for begin in range(0, len(rows), SCORED_AT_ONCE):
                part = slice(begin, begin + SCORED_AT_ONCE)
                teacher, given = self._load_teacher(), [side[part].to_pylist() for side in sides]
                logits[rows[part]] = teacher_scores(teacher, *given)
        return CascadePredictions(logits, found.coverage, self.problem, deferred)

    # ---- on disk ---------------------------------------------------------------------------------

    def save_pretrained(self, directory: str | Path) -> None:
        """Write the cascade to a new directory: the student, the threshold, and the teacher's name.

        The teacher itself is not copied. If it has no name (a function or an object), pass it to
        :meth:`from_pretrained` again.

        Raises:
            InputError: `directory` exists already or cannot be written.
        """
        config = CascadeFile(
            FORMAT, FORMAT_VERSION, float(self.threshold), self.teacher_name, self.evaluation, self.decision
        )
        with atomic_directory(directory) as partial:
            self.student.save_pretrained(partial / "student")
            write_record(partial / CASCADE_FILE, config)

    @classmethod
    def from_pretrained(cls, directory: str | Path, teacher: TeacherLike | None = None) -> Cascade:
        """Load a cascade that :meth:`save_pretrained` wrote.

        Args:
            directory: Directory of the cascade.
            teacher: The teacher, if it has no name or has been moved; replaces the saved name.

        Raises:
            InputError: The cascade was not found or is damaged, or its teacher has no name and `teacher` is
                None.
        """
        folder = Path(directory)
        config = CascadeFile.read(folder)
        teacher = config.teacher if teacher is None else teacher
        if teacher is None:
            raise InputError(f"The teacher of {folder} has no name: pass it as the argument teacher.")
        student = Student.from_pretrained(folder / "student")
        return cls(student, teacher, config.threshold, config.evaluation, config.decision)

    # ---- teacher ---------------------------------------------------------------------------------

    def _load_teacher(self) -> Teacher:
        if not self._loaded:
            several = self.problem == "multi_label"
            teacher = as_teacher(self.teacher, self.classes, several)
            if tuple(teacher.classes) != self.classes or teacher.multi_label != several:
                raise InputError(
                    f"{teacher.name} has the classes {', '.join(teacher.classes)}, but the student has "
                    f"{', '.join(self.classes)}: pass the teacher that it was distilled from."
                )
            self._loaded.append(teacher)
        return self._loaded[0]


def is_cascade(directory: str | Path) -> bool:
    """Whether `directory` holds a cascade."""
    return (Path(directory) / CASCADE_FILE).is_file()
