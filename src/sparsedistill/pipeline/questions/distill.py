"""A whole job of several questions: from teachers and texts to an evaluated student of several heads."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ..._internal.files import locked
from ..._internal.progress import Progress, no_progress
from ..._internal.records import write_record
from ...data.columns import Columns
from ...data.corpus import Corpus
from ...data.inputs import UnlabelledLike, as_corpus
from ...evaluation.baselines import fit_baselines
from ...evaluation.evaluate import Evaluation, evaluate
from ...labeling.labelling import label
from ...labeling.scorer import batch_scorer
from ...labeling.soft_targets import SoftTargets
from ...model.heads import check_heads
from ...model.tuning import TuningRecord
from ...multi_head import MultiHeadStudent
from ...teachers.base import Teacher, TeacherLike
from ...teachers.precomputed import FileTeacher
from ...teachers.transformers import TransformersTeacher
from ...training.config import ClassWeights
from ..config import DistillationConfig
from ..job import LabelledInput
from ..job_vocabulary import make_vocabulary
from ..output import CHECKPOINTS, COMPRESSION_TEXTS, CompressionTexts, finish, refuse_finished, save_students
from ..prepare import finetuned, make_corpus, open_teacher, read_labels, remembering
from ..recipe_file import write_recipe
from ..run_report import write_report
from ..student_training import check_student
from .job import MultiHeadJob, Question
from .material import JointMaterial, gather_questions
from .refit import refit_heads, refits_heads
from .training import JointTraining, fit_joint_student
from .tuning import tuned_joint_settings

logger = logging.getLogger("sparsedistill.pipeline")


@dataclass(frozen=True)
class MultiHeadDistilled:
    """The result of a job of several questions.

    Attributes:
        student: The student, in ``output/student``.
        compact: The compact student, in ``output/compact``; None if it was not requested, or its answers
            would differ too much from the student's.
        evaluations: Results of the evaluation on the test data, by question; only those with test data.
        tuning: What the tuner tried; None if no settings were chosen.
    """

    student: MultiHeadStudent
    compact: MultiHeadStudent | None
    evaluations: dict[str, Evaluation]
    tuning: TuningRecord | None = None


def distill_heads(
    questions: Mapping[str, Question | TeacherLike],
    labelled: LabelledInput | None = None,
    unlabelled: UnlabelledLike | None = None,
    output: str | Path = "distilled",
    *,
    validation: LabelledInput | None = None,
    test: LabelledInput | None = None,
    columns: Columns | None = None,
    config: DistillationConfig | None = None,
    progress: Progress = no_progress,
) -> MultiHeadStudent:
    """Distil several teachers into one student, which answers all questions in one pass over a text.

    As :func:`sparsedistill.distill`, with a teacher, labels, or both for each question. All teachers score
    the same texts. A text may have labels for some questions only.

    Args:
        questions: Per head, a :class:`Question` or only its teacher.
        labelled: Files of labelled texts, with the column :attr:`Question.label` for each question.
        unlabelled: Unlabelled texts from the student's domain, as many as available.
        output: Output directory; created if missing.
        validation: Labelled texts to select the best checkpoint with; by default a part of `labelled`.
        test: Labelled texts that only the evaluation uses.
        columns: Names of the columns in files, except labels.
        config: The settings.
        progress: Shows the progress.

    Returns:
        The student, which is also in ``output/student``.

    Raises:
        InputError: An argument cannot be used, or `output` holds the result of another job.
    """
    job = MultiHeadJob(
        questions={
            name: given if isinstance(given, Question) else Question(teacher=given)
            for name, given in questions.items()
        },
        labelled=labelled,
        unlabelled=unlabelled,
        validation=validation,
        test=test,
        output=Path(output),
        columns=columns or Columns(),
        config=config or DistillationConfig(),
    )
    return run_heads(job, progress).student


def run_heads(job: MultiHeadJob, progress: Progress = no_progress) -> MultiHeadDistilled:
    """Run a job of several questions. See :func:`distill_heads`.

    Args:
        job: The job.
        progress: Shows the progress.

    Raises:
        InputError: As :func:`distill_heads`.
    """
    with locked(job.output):
        return _run_alone(job, progress)


def _run_alone(job: MultiHeadJob, progress: Progress) -> MultiHeadDistilled:
    """Run a job whose output no other process writes."""
    folder = job.output
    refuse_finished(folder)
    check_student(job.config.student)
    config = job.config.seeded()
    teachers = {name: open_teacher(job.job_of(name)) for name in job.questions}
    material = _material(job, teachers, config)
    folder.mkdir(parents=True, exist_ok=True)
    scoring = _scoring(job, teachers, material, config, progress)
    texts = None if material.train is None else (material.train.texts, material.train.text_pair)
    corpus, left_out = make_corpus(job, texts, material.held_out, progress)
    labellings = _labellings(job, scoring, corpus, config, progress)
    unscored = [name for name, teacher in teachers.items() if isinstance(teacher, FileTeacher)]
    training = JointTraining.of(material, labellings, _class_weights(job, material), unscored)
    tuning = None
    if config.tune:
        config, tuning = tuned_joint_settings(training, corpus, config, folder, progress)
    vocabulary = make_vocabulary(corpus, folder / "vocabulary", config, progress)
    fitted = fit_joint_student(
        vocabulary, training, config, checkpoint_dir=folder / CHECKPOINTS, progress=progress
    )
    student = fitted.student
    if refits_heads(training, config):
        student = refit_heads(fitted, training, corpus, config, folder, folder / CHECKPOINTS, progress)
    if tuning is not None:
        records = {name: student.head(name).evaluation for name in job.questions}
        student = replace(
            student, evaluations={name: replace(one, tuning=tuning) for name, one in records.items()}
        )
    compact = save_students(student, folder, lambda: _compression_texts(corpus), config, progress)
    evaluations = _evaluations(job, student, compact, material, scoring, config, progress)
    _save_evaluations(folder, student, compact, evaluations, material.left_out + left_out)
    write_recipe(folder / "recipe.toml", job, tuning)
    records = {name: student.head(name).evaluation for name in job.questions}
    records |= {name: one.record(records[name]) for name, one in evaluations.items()}
    if compact is not None:
        steps = {name: compact.head(name).evaluation.compression for name in records}
        records = {name: replace(one, compression=steps[name]) for name, one in records.items()}
    write_report(folder, student, records, fitted.curves)
    finish(folder, compact)
    return MultiHeadDistilled(
        MultiHeadStudent.from_pretrained(folder / "student"),
        None if compact is None else MultiHeadStudent.from_pretrained(folder / "compact"),
        evaluations,
        tuning,
    )


def _material(
    job: MultiHeadJob, teachers: Mapping[str, Teacher | FileTeacher | None], config: DistillationConfig
) -> JointMaterial:
    given = {name: read_labels(job.job_of(name), teacher, config) for name, teacher in teachers.items()}
    material = gather_questions(
        given,
        pair=job.columns.text_pair is not None,
        validation_share=config.validation_share,
        seed=config.seed,
    )
    check_heads(material.heads, material.parts[-1].stop)
    return material


def _class_weights(job: MultiHeadJob, material: JointMaterial) -> dict[str, ClassWeights]:
    """The weights of the classes by question: its own, those of all questions, or the default."""
    found: dict[str, ClassWeights] = {}
    for head in material.heads:
        question = job.questions[head.name]
        given = question.class_weights
        if given is None and head.problem != "regression" and material.materials[head.name].train is not None:
            given = job.config.training.class_weights or job.config.finetuning.class_weights
            if head.problem == "multi_label" and question.teacher is None and question.encoder is None:
                given = given or "balanced"
        if given is not None:
            found[head.name] = given
    return found


def _scoring(
    job: MultiHeadJob,
    teachers: Mapping[str, Teacher | FileTeacher | None],
    material: JointMaterial,
    config: DistillationConfig,
    progress: Progress,
) -> dict[str, Teacher | FileTeacher]:
    """The teachers, with the encoders that are fine-tuned first."""
    found: dict[str, Teacher | FileTeacher] = {}
    for name, question in job.questions.items():
        teacher = teachers[name]
        if question.encoder is not None:
            folder = job.output / "teacher" / name
            teacher = TransformersTeacher(
                finetuned(question.encoder, folder, material.materials[name], config, progress)
            )
        remembered = remembering(teacher, question.remembered)
        if remembered is not None:
            found[name] = remembered
    return found


def _labellings(
    job: MultiHeadJob,
    teachers: Mapping[str, Teacher | FileTeacher],
    corpus: Corpus,
    config: DistillationConfig,
    progress: Progress,
) -> dict[str, SoftTargets]:
    """The soft targets of all teachers for the same corpus; scores in files are of its unlabelled texts."""
    found = {}
    for name, teacher in teachers.items():
        logger.info(f"The teacher of {name} scores the corpus.")
        folder = job.output / "labels" / name
        folder.parent.mkdir(exist_ok=True)
        scored = corpus
        if isinstance(teacher, FileTeacher):
            scored = _with_scores(job, name)
        found[name] = label(teacher, scored, folder, shard_size=config.shard_size, progress=progress)
    return found


def _with_scores(job: MultiHeadJob, name: str) -> Corpus:
    """The unlabelled texts with the scores of a question, which are in their files."""
    assert job.unlabelled is not None  # noqa: S101 - MultiHeadJob has checked it
    columns = replace(job.columns, group=None, split_by=None)
    corpus = as_corpus(job.unlabelled, columns, job.output / "unlabelled.parquet").unlabelled()
    return corpus.with_columns(replace(corpus.columns, scores=job.questions[name].scores))


def _compression_texts(corpus: Corpus) -> CompressionTexts:
    """Texts from the beginning of the corpus."""
    texts = corpus.head(COMPRESSION_TEXTS)
    return texts.texts, texts.text_pair


def _evaluations(
    job: MultiHeadJob,
    student: MultiHeadStudent,
    compact: MultiHeadStudent | None,
    material: JointMaterial,
    teachers: Mapping[str, Teacher | FileTeacher],
    config: DistillationConfig,
    progress: Progress,
) -> dict[str, Evaluation]:
    """Each head with test data, measured as a student of its own."""
    found = {}
    for name, own in material.materials.items():
        if own.test is None:
            continue
        logger.info(f"Measuring {name}.")
        baselines = []
        if config.baselines and own.train is not None and own.validation is not None:
            baselines = fit_baselines(own.train, own.validation, threads=config.threads, seed=config.seed)
        teacher = teachers.get(name)
        scorer = None
        if teacher is not None and not isinstance(teacher, FileTeacher):
            scorer = batch_scorer(teacher, progress)
        found[name] = evaluate(
            student.head(name),
            own.test,
            scorer,
            compact=None if compact is None else compact.head(name),
            baselines=baselines,
            by=job.columns.group or "group",
        )
    return found


def _save_evaluations(
    folder: Path,
    student: MultiHeadStudent,
    compact: MultiHeadStudent | None,
    evaluations: Mapping[str, Evaluation],
    left_out: int,
) -> None:
    """Complete ``config.json`` and the model card of both students, and write ``evaluation.json``."""
    if not evaluations:
        return
    for made, name in ((student, "student"), (compact, "compact")):
        if made is not None:
            records = {
                head: replace(evaluation.record(made.head(head).evaluation), left_out=left_out)
                for head, evaluation in evaluations.items()
            }
            replace(made, evaluations={**made.evaluations, **records}).save_evaluations(folder / name)
    write_record(
        folder / "evaluation.json",
        {head: evaluation.record(student.head(head).evaluation) for head, evaluation in evaluations.items()},
    )
