"""The stages before the training of a student: texts, teacher, vocabulary and soft targets."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, cast

import pyarrow as pa

from .._internal.progress import Progress, no_progress
from ..data.columns import Columns
from ..data.corpus import Corpus
from ..data.inputs import LabelledLike, UnlabelledLike, as_corpus, as_labelled, is_sources, write_corpus
from ..data.labelled import Labelled, read_labelled
from ..data.sources import DataSource, write_sources
from ..errors import InputError
from ..labeling.augmentation import augmented_copies
from ..labeling.labelling import label
from ..labeling.remembered import RememberingTeacher, underlying_teacher
from ..labeling.soft_examples import SoftExamples
from ..labeling.soft_targets import SoftTargets
from ..model.tuning import TuningRecord
from ..problem import SCORE, Problem, problem_of
from ..teachers.base import Teacher
from ..teachers.finetuning import LabelledTexts, finetune
from ..teachers.precomputed import FileTeacher
from ..teachers.registry import as_teacher
from ..teachers.transformers import TransformersTeacher
from ..training.word_init import WordInit, init_word_rows
from ..vocabulary.vocabulary import Vocabulary
from .config import DistillationConfig
from .job import Job, LabelledInput
from .job_vocabulary import make_vocabulary
from .material import Material, gather
from .split_column import with_split_column
from .tuning.file import tuned_settings

logger = logging.getLogger(__package__)


class CorpusJob(Protocol):
    """What :func:`make_corpus` reads of a job."""

    @property
    def unlabelled(self) -> UnlabelledLike | Sequence[DataSource] | None:
        """Unlabelled texts."""
        ...

    @property
    def columns(self) -> Columns:
        """Names of the columns in files."""
        ...

    @property
    def output(self) -> Path:
        """Output directory."""
        ...

    @property
    def config(self) -> DistillationConfig:
        """The settings."""
        ...


@dataclass(frozen=True)
class PreparedJob:
    """The input of a student's training and evaluation.

    Attributes:
        material: The labelled texts.
        corpus: The unlabelled and the training texts, which the teacher has scored.
        vocabulary: The n-grams of `corpus`.
        teacher: The teacher, if there is one.
        targets: The teacher's scores of `corpus`, if there is a teacher.
        word_init: Initial rows of words, for a student of pairs whose teacher has an encoder.
        left_out: Number of texts that were left out because they are also in the validation or test data, by
            ``"labelled"`` and ``"unlabelled"``.
        config: The settings, with those that the tuner chose.
        augmented: The unlabelled texts are augmented copies of the labelled ones.
        tuning: What the tuner tried, if it ran.
    """

    material: Material
    corpus: Corpus
    vocabulary: Vocabulary
    teacher: Teacher | FileTeacher | None
    targets: SoftTargets | None
    word_init: WordInit | None
    left_out: dict[str, int]
    config: DistillationConfig
    augmented: bool = False
    tuning: TuningRecord | None = None


def prepare(
    job: Job, progress: Progress = no_progress, *, check: Callable[[Material], None] | None = None
) -> PreparedJob:
    """Run all stages before the training of a student. Finished stages are not repeated.

    Args:
        job: The job.
        progress: Shows the progress.
        check: Called with the labelled texts before any work; raises if the caller cannot use them.

    Raises:
        InputError: A part of the job cannot be used, or its output directory holds the result of another job.
    """
    config = job.config.seeded()
    teacher = open_teacher(job)
    material = _material(job, teacher, config)
    if check is not None:
        check(material)
    job.output.mkdir(parents=True, exist_ok=True)
    if job.encoder is not None:
        teacher = TransformersTeacher(
            finetuned(job.encoder, job.output / "teacher", material, config, progress)
        )
    teacher = remembering(teacher, job.remembered)
    texts = None if material.train is None else (material.train.texts, material.train.text_pair)
    if isinstance(teacher, FileTeacher):  # the training texts have no scores
        texts = None
    copies = _augmented(job, material, teacher, config, progress)
    job = job if copies is None else replace(job, unlabelled=copies)
    corpus, left_out = make_corpus(job, texts, material.held_out(), progress)
    targets = None
    if teacher is not None:
        targets = label(
            teacher, corpus, job.output / "labels", shard_size=config.shard_size, progress=progress
        )
        left_out += SoftExamples(targets, material.held_out()).left_out
    tuning = None
    if config.tune:
        config, tuning = tuned_settings(targets, material, corpus, config, job.output, progress)
    vocabulary = make_vocabulary(corpus, job.output / "vocabulary", config, progress)
    word_init = init_word_rows(vocabulary, teacher, progress) if material.pair else None
    counts = {"labelled": material.left_out, "unlabelled": left_out}
    return PreparedJob(
        material=material,
        corpus=corpus,
        vocabulary=vocabulary,
        teacher=teacher,
        targets=targets,
        word_init=word_init,
        left_out=counts,
        config=config,
        augmented=copies is not None,
        tuning=tuning,
    )


def _augmented(
    job: Job,
    material: Material,
    teacher: Teacher | FileTeacher | None,
    config: DistillationConfig,
    progress: Progress,
) -> Corpus | None:
    """Augmented copies of the labelled texts, if there are no other texts for the teacher."""
    network, train = underlying_teacher(teacher), material.train
    if job.unlabelled is not None or train is None or material.pair or not config.augment:
        return None
    if not isinstance(network, TransformersTeacher):
        return None
    copies = augmented_copies(train.texts, network, config.augment, seed=config.seed, progress=progress)
    if not len(copies):
        return None
    logger.info(
        f"There are no unlabelled texts: the teacher also scores {len(copies):,} augmented copies of the "
        "labelled ones (augment = 0 prevents it)."
    )
    names = Columns(job.columns.text)
    return write_corpus(job.output / "data" / "augmented.parquet", names, copies)


def open_teacher(job: Job) -> Teacher | FileTeacher | None:
    """The teacher of a job.

    Raises:
        InputError: It cannot be used.
    """
    teacher = job.teacher
    if job.remembered and teacher is None and job.encoder is None:
        raise InputError("Soft targets were given without their teacher: name it, or leave them out.")
    if teacher is None or isinstance(teacher, FileTeacher):
        return teacher
    outputs = SCORE if job.columns.problem == "regression" else job.classes
    return as_teacher(teacher, outputs, job.columns.multi_label, revision=job.revision)


def remembering(
    teacher: Teacher | FileTeacher | None, remembered: Sequence[Path]
) -> Teacher | FileTeacher | None:
    """A teacher that does not score the texts of some labellings again.

    Raises:
        InputError: A labelling cannot be used.
    """
    if not remembered or teacher is None or isinstance(teacher, FileTeacher):
        return teacher
    return RememberingTeacher(teacher, [SoftTargets.open(folder) for folder in remembered])


@dataclass(frozen=True)
class GivenLabels:
    """The labelled texts of a job as they were given.

    Attributes:
        train: Training data.
        validation: Validation data.
        test: Test data.
        classes: The outputs, if they are known.
        problem: What the labels say of a text.
    """

    train: Labelled | None
    validation: Labelled | None
    test: Labelled | None
    classes: Sequence[str] | None
    problem: Problem


def read_labels(job: Job, teacher: Teacher | FileTeacher | None, config: DistillationConfig) -> GivenLabels:
    """Read the labelled texts of a job.

    Raises:
        InputError: They cannot be read, or do not fit the teacher.
    """
    job = with_split_column(job)
    data = job.output / "data"
    columns, classes = _read_as(job.columns, job.classes, teacher)
    columns = replace(columns, split_by=None)
    together = replace(columns, group=job.columns.split_by)
    train = _labelled(job.labelled, together, classes, data / "labelled.parquet", config.seed)
    if train is not None:
        classes, columns = train.classes, columns.for_labels(train.problem)
    several = columns.multi_label or (teacher is not None and teacher.multi_label)
    without_groups = replace(columns, group=None)
    return GivenLabels(
        train,
        _labelled(job.validation, without_groups, classes, data / "validation.parquet", config.seed),
        _labelled(job.test, columns, classes, data / "test.parquet", config.seed),
        classes,
        problem_of(classes or (), multi_label=several),
    )


def _material(job: Job, teacher: Teacher | FileTeacher | None, config: DistillationConfig) -> Material:
    given = read_labels(job, teacher, config)
    return gather(
        given.train,
        given.validation,
        given.test,
        classes=given.classes,
        columns=job.columns,
        problem=given.problem,
        validation_share=config.validation_share,
        seed=config.seed,
    )


def _read_as(
    columns: Columns, classes: Sequence[str] | None, teacher: Teacher | FileTeacher | None
) -> tuple[Columns, Sequence[str] | None]:
    """How to read the labels of a job, and its outputs if they are known.

    Raises:
        InputError: The teacher has another problem than the job.
    """
    if teacher is None:
        return columns, SCORE if columns.problem == "regression" else classes
    problem = problem_of(teacher.classes, multi_label=teacher.multi_label)
    if (problem == "regression") != (columns.problem == "regression") and columns.problem is not None:
        raise InputError(
            f"The problem is {columns.problem} and that of the teacher {teacher.name} is {problem}: use "
            "another teacher, or leave the problem out."
        )
    if problem == "regression":
        columns = replace(columns, problem=problem)
    return columns, teacher.classes


def _labelled(
    given: LabelledInput | None, columns: Columns, classes: Sequence[str] | None, spool: Path, seed: int
) -> Labelled | None:
    """Read labelled texts; those of data sources are written to the file `spool` first."""
    if given is None:
        return None
    if not is_sources(given):
        return as_labelled(cast(LabelledLike, given), columns, classes)
    write_sources(given, replace(columns, label=columns.label or "label"), spool, seed=seed)
    pair = None if columns.text_pair is None else "text_pair"
    weight = None if columns.weight is None else "weight"
    written = Columns("text", pair, "label", weight, columns.label_separator)
    group = None if columns.group is None else "group"
    written = replace(written, group=group, problem=columns.problem)
    return read_labelled(spool, written, classes)


def finetuned(
    encoder: str | Path, folder: Path, material: Material, config: DistillationConfig, progress: Progress
) -> Path:
    """Fine-tune an encoder on the labelled texts of a job, and return its directory."""
    train = material.train
    assert train is not None  # noqa: S101 - Job has checked that labelled texts were given
    given = for_finetuning(train)
    return finetune(
        encoder,
        given.texts,
        given.labels,
        train.classes,
        folder,
        text_pair=given.text_pair,
        validation=None if material.validation is None else for_finetuning(material.validation),
        config=config.teacher,
        progress=progress,
    )


def for_finetuning(part: Labelled) -> LabelledTexts:
    """Labelled texts as :func:`~sparsedistill.teachers.finetuning.finetune` takes them."""
    pair = None if part.text_pair is None else part.text_pair.to_pylist()
    return LabelledTexts(part.texts.to_pylist(), part.labels, pair)


def make_corpus(
    job: CorpusJob, texts: tuple[pa.Array, pa.Array | None] | None, held_out: pa.Array, progress: Progress
) -> tuple[Corpus, int]:
    """Combine the unlabelled and the training texts, for the teacher to score and the vocabulary to count.

    Args:
        job: The job.
        texts: The training texts and their second texts, which come last.
        held_out: Identities of the validation and test texts.
        progress: Shows the progress.

    Returns:
        The corpus, and the number of unlabelled texts that were left out because they are held out. Only data
        sources are filtered here; :class:`SoftExamples` filters the rest.

    Raises:
        InputError: There are no texts, or only the labelled ones are pairs.
    """
    parts = []
    left_out = 0
    unlabelled: UnlabelledLike | None = job.unlabelled
    given = replace(job.columns, group=None, split_by=None)
    if is_sources(unlabelled):
        spool = job.output / "data" / "unlabelled.parquet"
        plain = replace(given, label=None, weight=None, label_separator=None, problem=None)
        seed = job.config.seed
        left_out = write_sources(unlabelled, plain, spool, held_out, seed, progress)
        parts.append(Corpus(spool, Columns("text", None if job.columns.text_pair is None else "text_pair")))
    elif unlabelled is not None:
        parts.append(as_corpus(unlabelled, given, job.output / "unlabelled.parquet").unlabelled())
    if texts is not None:
        names = parts[0].columns if parts else given
        if texts[1] is not None and names.text_pair is None:
            if parts:
                raise InputError(
                    "The labelled texts are pairs and the unlabelled ones are not: name the column of their "
                    "second texts (text_pair)."
                )
            names = Columns(names.text, "text_pair")  # the labelled texts are in memory
        plain = Columns(names.text, names.text_pair)
        parts.append(write_corpus(job.output / "labelled.parquet", plain, *texts))
    if not parts:
        raise InputError("There are no texts to learn from: give unlabelled texts.")
    return (parts[0] if len(parts) == 1 else parts[0].joined(parts[1])), left_out
