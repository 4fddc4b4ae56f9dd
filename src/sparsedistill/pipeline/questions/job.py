"""The description of a job of several questions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ...data.columns import Columns
from ...data.inputs import UnlabelledLike, is_sources
from ...errors import InputError
from ...model.heads import check_head_name
from ...problem import Problem
from ...teachers.base import TeacherLike
from ...teachers.precomputed import FileTeacher
from ...training.config import ClassWeights
from ..config import DistillationConfig
from ..job import Job, LabelledInput


@dataclass(frozen=True)
class Question:
    """What a head of a student learns from: a teacher, labels, or both.

    Attributes:
        teacher: See :class:`~sparsedistill.pipeline.Job`, as for the next attributes.
        encoder: See there.
        label: Column of the labels in the files of the job; a row may have labels for some questions only.
        labelled: Labelled texts of this question alone; by default those of the job, if `label` is given.
        validation: See `labelled`.
        test: See `labelled`.
        classes: Class names, if neither teacher nor labels name them.
        problem: ``"regression"`` if labels or a function's scores are numbers. See ``Columns.problem``.
        label_separator: See ``Columns.label_separator``.
        revision: Branch, tag or commit of a teacher on the Hub.
        remembered: Directories of soft targets from the same teacher.
        scores: For a :class:`~sparsedistill.FileTeacher`: the columns of its scores in the unlabelled files,
            one per class, or one with lists.
        class_weights: The weight of each class in the loss of labels: see ``TrainingConfig.class_weights``.
            By default ``"balanced"`` for several labels per text without a teacher, where labels are rare.
    """

    teacher: TeacherLike | FileTeacher | None = None
    encoder: str | Path | None = None
    label: str | None = None
    labelled: LabelledInput | None = None
    validation: LabelledInput | None = None
    test: LabelledInput | None = None
    classes: tuple[str, ...] | None = None
    problem: Problem | None = None
    label_separator: str | None = None
    revision: str | None = None
    remembered: tuple[Path, ...] = ()
    scores: str | tuple[str, ...] | None = None
    class_weights: ClassWeights | None = None

    def __post_init__(self) -> None:
        if isinstance(self.teacher, FileTeacher) and self.scores is None:
            raise InputError(
                "A teacher whose scores are in files needs the columns of the scores: name them as scores."
            )
        if self.scores is not None and not isinstance(self.teacher, FileTeacher):
            raise InputError(
                "Columns of scores were given for another teacher than a FileTeacher: leave one of them out."
            )


@dataclass(frozen=True)
class MultiHeadJob:
    """What to distil to a student of several questions, from which texts, and where to write it.

    Attributes:
        questions: The questions by the names of their heads, in the order of the outputs.
        labelled: Labelled texts, with a column per question: see :attr:`Question.label`.
        unlabelled: Unlabelled texts from the student's domain.
        validation: Labelled texts to select the best checkpoint with; by default a part of the others.
        test: Labelled texts that only the evaluation uses.
        output: Output directory; created if missing.
        columns: Names of the columns in files; the labels are those of the questions.
        config: The settings.
        recipe: The recipe that describes the job, if there is one.

    Raises:
        InputError: A question has nothing to learn from.
    """

    questions: Mapping[str, Question]
    labelled: LabelledInput | None = None
    unlabelled: UnlabelledLike | None = None
    validation: LabelledInput | None = None
    test: LabelledInput | None = None
    output: Path = Path("distilled")
    columns: Columns = field(default_factory=Columns)
    config: DistillationConfig = field(default_factory=DistillationConfig)
    recipe: Mapping[str, Any] | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        if not self.questions:
            raise InputError("There are no questions: give a teacher or labels for each head.")
        if self.columns.label is not None or self.columns.label_separator is not None:
            raise InputError("A job of several questions has a label column per question: name it there.")
        for phase in (self.config.training, self.config.finetuning):
            if isinstance(phase.class_weights, tuple):
                raise InputError("class_weights are given for all questions: move them to each question.")
        for name, question in self.questions.items():
            check_head_name(name)
            self.job_of(name)
            if question.scores is not None and (self.unlabelled is None or is_sources(self.unlabelled)):
                raise InputError(
                    f"The scores of {name} are in the files of unlabelled texts: give these files."
                )

    def job_of(self, name: str) -> Job:
        """The job of one question alone; its own files are in ``questions/NAME`` of the output.

        Raises:
            InputError: The question has nothing to learn from.
        """
        question = self.questions[name]
        columns = replace(
            self.columns,
            label=question.label,
            label_separator=question.label_separator,
            problem=question.problem,
            sparse=True,
        )
        shared = {} if question.label is None else {place: getattr(self, place) for place in _PLACES}
        own = {place: getattr(question, place) for place in _PLACES}
        given = {place: shared.get(place) if own[place] is None else own[place] for place in _PLACES}
        try:
            return Job(
                teacher=question.teacher,
                encoder=question.encoder,
                output=self.output / "questions" / name,
                columns=columns,
                classes=question.classes,
                revision=question.revision,
                remembered=question.remembered,
                config=self.config,
                **given,
            )
        except InputError as error:
            raise InputError(f"The question {name}: {error}") from error


_PLACES = ("labelled", "validation", "test")
