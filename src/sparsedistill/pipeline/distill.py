"""A whole job: from a teacher and texts to an evaluated student."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .._internal.files import locked
from .._internal.progress import Progress, no_progress
from .._internal.records import write_record
from .._internal.texts import joined_strings
from ..data.columns import Columns
from ..data.inputs import UnlabelledLike
from ..data.labelled import Labelled
from ..errors import InputError
from ..evaluation.baselines import FittedBaseline, fit_baselines
from ..evaluation.evaluate import LABELS_ALONE, Evaluation, evaluate
from ..labeling.scorer import batch_scorer
from ..model.tuning import TuningRecord
from ..problem import Problem
from ..student import Student
from ..teachers.base import TeacherLike
from ..teachers.precomputed import FileTeacher
from .config import DistillationConfig
from .job import Job, LabelledInput
from .labels_alone import train_on_labels_alone
from .output import CHECKPOINTS, COMPRESSION_TEXTS, CompressionTexts, finish, refuse_finished, save_students
from .prepare import PreparedJob, prepare
from .recipe_file import write_recipe
from .refit import refit, refits
from .run_report import write_report
from .student_training import check_student, fit_student

logger = logging.getLogger(__package__)

#: Labelled texts that are enough to compress a student with.
_ENOUGH_TEXTS = 1_000


@dataclass(frozen=True)
class Distilled:
    """The result of a job.

    Attributes:
        student: The student, in ``output/student``.
        compact: The compact student, in ``output/compact``; None if it was not requested, or its answers
            would differ too much from the student's.
        evaluation: Result of the evaluation on the test data; None without test data.
        tuning: What the tuner tried; None if no settings were chosen.
    """

    student: Student
    compact: Student | None
    evaluation: Evaluation | None
    tuning: TuningRecord | None = None


def distill(
    teacher: TeacherLike | FileTeacher | None = None,
    labelled: LabelledInput | None = None,
    unlabelled: UnlabelledLike | None = None,
    output: str | Path = "distilled",
    *,
    encoder: str | Path | None = None,
    validation: LabelledInput | None = None,
    test: LabelledInput | None = None,
    columns: Columns | None = None,
    classes: Sequence[str] | None = None,
    revision: str | None = None,
    problem: Problem | None = None,
    remembered: Sequence[str | Path] = (),
    config: DistillationConfig | None = None,
    progress: Progress = no_progress,
) -> Student:
    """Distil a teacher into a student (Ye et al., "Sparse Distillation", NAACL 2022).

    The teacher scores the unlabelled and the labelled texts; the vocabulary consists of frequent n-grams of
    the same texts; the student is trained on the scores and then fine-tuned on the labels. Validation data
    select the best checkpoint and calibrate the student. Training leaves out texts that are also in the test
    or validation data, even if they differ in case, punctuation or white space.

    Settings of vocabulary, student and training that are the defaults are chosen on the validation data.
    `output` receives the result of each stage: ``teacher/``, ``labels/``, ``tuning.json``, ``vocabulary/``,
    ``student/``, ``compact/``, ``evaluation.json``, ``training.json``, ``recipe.toml``, which repeats the job
    with the chosen settings, and ``report.html``, a page that shows all of these. An interrupted job resumes
    if it is started again with the same arguments.

    Args:
        teacher: A fine-tuned classifier (directory, Hub id or ONNX file), the TOML file of an LLM, a fitted
            estimator of scikit-learn, a CrossEncoder or SetFit model, a function from texts to scores (needs
            `classes`), a :class:`~sparsedistill.FileTeacher` for scores in the unlabelled corpus, or None to
            train on labels alone.
        labelled: Labelled texts. Optional if there is a teacher.
        unlabelled: Unlabelled texts from the student's domain, as many as available. Without them, a
            transformer also scores augmented copies of the labelled texts: see
            ``DistillationConfig.augment``.
        output: Output directory; created if missing.
        encoder: Instead of a teacher: an encoder, which is fine-tuned on `labelled`.
        validation: Labelled texts to select the best checkpoint with; by default a part of `labelled`.
        test: Labelled texts that only the evaluation uses.
        columns: Names of the columns in files.
        classes: Class names, if the teacher does not name them.
        revision: Branch, tag or commit of a teacher on the Hub.
        problem: ``"regression"`` if labels or a function's scores are numbers, one per text; by default this
            follows from the teacher and the labels. See ``Columns.problem``.
        remembered: Directories of soft targets from the same teacher, which does not score their texts again.
        config: The settings.
        progress: Shows the progress, for example :func:`sparsedistill.progress_bars`.

    Returns:
        The student, which is also in ``output/student``.

    Raises:
        InputError: An argument cannot be used, or `output` holds the result of another job.
    """
    columns = columns or Columns()
    if problem is not None:
        columns = replace(columns, problem=problem)
    job = Job(
        teacher=teacher,
        encoder=encoder,
        labelled=labelled,
        unlabelled=unlabelled,
        validation=validation,
        test=test,
        output=Path(output),
        columns=columns,
        classes=None if classes is None else tuple(classes),
        revision=revision,
        remembered=tuple(map(Path, remembered)),
        config=config or DistillationConfig(),
    )
    return run(job, progress).student


def run(job: Job, progress: Progress = no_progress) -> Distilled:
    """Run a job. See :func:`distill`, which takes the parts of the job as arguments.

    The student is saved before the evaluation, and its config and model card are completed afterwards. The
    checkpoints are deleted last: while they exist, the job can be resumed.

    Args:
        job: The job.
        progress: Shows the progress.

    Returns:
        The student, the compact student and the evaluation.

    Raises:
        InputError: As :func:`distill`.
    """
    with locked(job.output):
        return _run_alone(job, progress)


def _run_alone(job: Job, progress: Progress) -> Distilled:
    """Run a job whose output no other process writes."""
    folder, checkpoints = job.output, job.output / CHECKPOINTS
    refuse_finished(folder)
    check_student(job.config.student)
    prepared = prepare(job, progress)
    fitted = fit_student(
        prepared.vocabulary,
        prepared.targets,
        prepared.material,
        prepared.config,
        word_init=prepared.word_init,
        checkpoint_dir=checkpoints,
        progress=progress,
    )
    student = fitted.student
    if prepared.targets is None and refits(prepared.material, prepared.config):
        student = refit(
            fitted, prepared.material, prepared.corpus, prepared.config, folder, checkpoints, progress
        )
    if prepared.tuning is not None:
        student.evaluation = replace(student.evaluation, tuning=prepared.tuning)
    compact = save_students(student, folder, lambda: _compression_texts(prepared), job.config, progress)
    evaluation = _evaluated(student, compact, prepared, job, progress)
    if evaluation is not None:
        left_out = sum(prepared.left_out.values())
        for made, name in ((student, "student"), (compact, "compact")):
            if made is not None:
                made.evaluation = replace(evaluation.record(made.evaluation), left_out=left_out)
                made.save_evaluation(folder / name)
        write_record(folder / "evaluation.json", student.evaluation)
    write_recipe(folder / "recipe.toml", job, prepared.tuning)
    compression = None if compact is None else compact.evaluation.compression
    write_report(folder, student, {"": replace(student.evaluation, compression=compression)}, fitted.curves)
    finish(folder, compact)
    return Distilled(
        Student.from_pretrained(folder / "student"),
        None if compact is None else Student.from_pretrained(folder / "compact"),
        evaluation,
        prepared.tuning,
    )


def _compression_texts(prepared: PreparedJob) -> CompressionTexts:
    """Texts from the beginning of the corpus, and training texts, which may differ from them.

    Augmented copies are used only if there are few labelled texts: many of them are short parts of texts,
    whose change would decide the size of the compact student.
    """
    half = COMPRESSION_TEXTS // 2
    train = prepared.material.train
    if prepared.augmented and train is not None and len(train) >= _ENOUGH_TEXTS:
        return train.texts[:COMPRESSION_TEXTS], None
    first = prepared.corpus.head(COMPRESSION_TEXTS)
    if train is None or len(first) < COMPRESSION_TEXTS:  # a short corpus includes the training texts
        return first.texts, first.text_pair
    texts = joined_strings([first.texts[:half], train.texts[:half]])
    if first.text_pair is None or train.text_pair is None:
        return texts, None
    return texts, joined_strings([first.text_pair[:half], train.text_pair[:half]])


def _evaluated(
    student: Student, compact: Student | None, prepared: PreparedJob, job: Job, progress: Progress
) -> Evaluation | None:
    test, teacher = prepared.material.test, prepared.teacher
    if test is None:
        return None
    baselines = _baselines(prepared, job, progress) if job.config.baselines else []
    scorer = None
    if teacher is not None and not isinstance(teacher, FileTeacher):
        scorer = batch_scorer(teacher, progress)
    by = job.columns.group or "group"
    return evaluate(student, test, scorer, compact=compact, baselines=baselines, by=by)


def _baselines(prepared: PreparedJob, job: Job, progress: Progress) -> list[FittedBaseline]:
    """What the same labels make without a teacher; nothing without labels."""
    train, validation = prepared.material.train, prepared.material.validation
    if train is None or validation is None:
        return []
    config = prepared.config
    logger.info(f"Fitting baselines to the {len(train):,} labelled texts.")
    fitted = fit_baselines(train, validation, threads=config.threads, seed=config.seed)
    if prepared.targets is None:  # the student itself is trained on the labels alone
        return fitted
    logger.info("Training a student on the labels alone, to compare with.")
    try:
        alone = train_on_labels_alone(
            prepared.material,
            config,
            job.output,
            checkpoint_dir=job.output / CHECKPOINTS / LABELS_ALONE,
            progress=progress,
        )
    except InputError as error:
        logger.warning(f"No student was trained on the labels alone. {error}")
        return fitted

    def predict(labelled: Labelled) -> NDArray[np.float32]:
        return alone.score(labelled.texts, labelled.text_pair, threads=config.threads).logits

    return [*fitted, FittedBaseline(LABELS_ALONE, "labels alone", predict)]
