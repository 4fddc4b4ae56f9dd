"""A run of one task: trains and measures teacher, students and baselines."""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
from collections.abc import Mapping
from dataclasses import asdict, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .._internal.progress import Progress
from ..data.inputs import write_texts
from ..data.labelled import Labelled
from ..data.sources import DataSource
from ..errors import InputError
from ..evaluation.baselines import BASELINES, SCORE_BASELINES, Baseline, Choice
from ..labeling.labelling import label
from ..labeling.remembered import underlying_teacher
from ..pipeline.config import DistillationConfig
from ..pipeline.job import Job
from ..pipeline.labels_alone import train_on_labels_alone
from ..pipeline.prepare import PreparedJob
from ..pipeline.student_training import train_student
from ..student import Student
from ..teachers.base import Fingerprint, Teacher
from ..teachers.transformers import TransformersTeacher
from .held_out import HeldOut, metric_value
from .parts import PartIdentity, Parts
from .result import BaselineFigures, GroupFigures, SpeedFigures, StudentFigures, TaskResult, TeacherFigures
from .speed import measure_speed
from .task import BOTH, DISTILLED, KINDS, LABELS_ONLY, Task

logger = logging.getLogger(__package__)

# Texts in a shard of the teacher's soft targets of the test data.
_SHARD_SIZE = 2000


class TaskRun:
    """One task; its figures are in one file per part.

    Args:
        folder: The folder of the task.
        task: How the recipe is shown.
        job: The recipe's job.
        prepared: What the students are trained from, checked by :meth:`Task.check`.
        progress: Shows the progress.

    Attributes:
        folder: The folder of the task.
        task: How the recipe is shown.
        config: Settings of the job.
        prepared: What the students are trained from.
        train: Training data.
        held_out: Validation and test data.
        parts: The files of figures.
        progress: Shows the progress.
    """

    def __init__(self, folder: Path, task: Task, job: Job, prepared: PreparedJob, progress: Progress) -> None:
        material = prepared.material
        assert material.train is not None  # noqa: S101 - Task.check has been called, as for the next two
        assert material.validation is not None  # noqa: S101
        assert material.test is not None  # noqa: S101
        self.folder, self.task, self.prepared = folder, task, prepared
        self.config = prepared.config
        self.progress = progress
        self.train = material.train
        self.parts = Parts(folder)
        self._job = job
        self._digest = _digest(material.train, material.validation, material.test)
        logits = self._teacher_logits(material.test)
        self.held_out = HeldOut(task.metric_of(material), material.validation, material.test, logits)

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of students to train; the last is the recipe's own."""
        return KINDS if self.prepared.targets else (LABELS_ONLY,)

    @property
    def teacher(self) -> Teacher | None:
        """The teacher, if there is one that can score texts."""
        teacher = underlying_teacher(self.prepared.teacher)
        return teacher if isinstance(teacher, Teacher) else None

    def result(self, recipe: str) -> TaskResult:
        """Measure everything but ablations.

        Args:
            recipe: Name of the recipe.
        """
        task, prepared = self.task, self.prepared
        return TaskResult(
            recipe=recipe,
            title=task.title,
            metric=self.held_out.metric,
            seeds=task.seeds,
            by=task.by,
            note=task.note,
            classes=list(prepared.material.classes),
            pair=prepared.material.pair,
            labelled=len(self.train),
            validation=len(self.held_out.validation),
            test=len(self.held_out.test),
            corpus=len(self.train) if prepared.targets is None else len(prepared.targets),
            left_out=prepared.left_out,
            tokenizer=str(prepared.vocabulary.tokenizer),
            ngrams=len(prepared.vocabulary),
            dim=self.config.student.dim,
            teacher=self.teacher_figures(),
            students={kind: [self.student(kind, seed) for seed in range(task.seeds)] for kind in self.kinds},
            baselines={baseline.title: self.baseline(baseline) for baseline in self._baselines},
            groups=self.groups(),
            speed=self.speed(),
        )

    def teacher_figures(self) -> TeacherFigures | None:
        """The figures of the teacher, if it has scored the test data."""
        if self.held_out.teacher_logits is None:
            return None
        teacher = self.teacher
        return TeacherFigures(
            **asdict(self.held_out.figures(self.held_out.teacher_logits)),
            name="" if teacher is None else Path(teacher.name).name,
            parameters=teacher.parameters if isinstance(teacher, TransformersTeacher) else None,
        )

    def student(self, kind: str, seed: int) -> StudentFigures:
        """The figures of one of the recipe's students, which is trained if needed."""
        config = replace(self.config, seed=self.config.seed + seed).seeded()
        identity = self.identity(config)
        if kind == DISTILLED:
            identity = replace(identity, settings={**(identity.settings or {}), "finetuning": None})

        def measure() -> StudentFigures:
            logger.info(f"{self.task.title}: training a student ({kind}, seed {config.seed}).")
            student = self._trained(kind, config)
            folder = self._student_folder(kind, seed)
            shutil.rmtree(folder, ignore_errors=True)
            student.save_pretrained(folder)
            return self.measured(student)

        return self.parts.figures(f"{_file_name(kind)}-{seed}", identity, StudentFigures, measure)

    def baseline(self, baseline: Baseline) -> BaselineFigures:
        """The figures of a baseline with the settings that do best on the validation data."""

        def measure() -> BaselineFigures:
            logger.info(f"{self.task.title}: training {baseline.title}.")
            held_out = self.held_out
            choice = Choice(held_out.validation, held_out.validation_metric, threads=self.config.threads)
            fitted = baseline.fit(self.train, choice)
            figures = held_out.figures(fitted.predict(held_out.test))
            return BaselineFigures(**asdict(figures), settings=fitted.settings)

        try:
            return self.parts.figures(baseline.name, self._texts_identity, BaselineFigures, measure)
        except InputError as error:
            return BaselineFigures(failure=str(error))

    def groups(self) -> dict[str, GroupFigures]:
        """The metric of teacher and students for each group of test texts.

        Raises:
            InputError: The test data do not name the groups.
        """
        by, job = self.task.by, self._job
        if by is None:
            return {}
        groups: dict[str, GroupFigures] = {}
        columns = replace(job.columns, label=job.columns.label or "label")
        for source in job.test if isinstance(job.test, list | tuple) else [job.test]:
            if not isinstance(source, DataSource) or by not in source.where:
                raise InputError(
                    f"{self.task.title}: the test data do not name the values of {by!r}: list them in "
                    "`where`."
                )
            for group in source.where[by]:
                part = replace(source, where={**source.where, by: (group,)})
                groups[group] = self._group(part.read(columns, self.config.seed))
        return groups

    def _group(self, table: pa.Table) -> GroupFigures:
        held_out = self.held_out
        metric, test, teacher = held_out.metric, held_out.test, held_out.teacher_logits
        places = {text: i for i, text in enumerate(test.texts.to_pylist())}
        rows = [places[text] for text in table.column("text").to_pylist()]
        part = test.select(rows)
        values = {"texts": float(len(rows))}
        if teacher is not None:
            values["teacher"] = metric_value(metric, teacher[rows], part)
        for kind in self.kinds:
            folders = [self._student_folder(kind, seed) for seed in range(self.task.seeds)]
            students = map(Student.from_pretrained, folders)
            logits = [student.score(part.texts, part.text_pair).logits for student in students]
            values[kind] = float(np.mean([metric_value(metric, some, part) for some in logits]))
        return values

    def speed(self) -> SpeedFigures | None:
        """Rates of the teacher and of the student with seed 0, if there is a teacher to time."""
        teacher = self.teacher
        if teacher is None:
            return None

        def measure() -> SpeedFigures:
            logger.info(f"{self.task.title}: timing teacher and student.")
            student = Student.from_pretrained(self._student_folder(BOTH, 0))
            return measure_speed(teacher, student, self.held_out.test)

        settings = {**_settings(self.config), "threads": None}
        identity = replace(self._texts_identity, settings=settings, teacher=self._teacher_identity)
        return self.parts.figures("speed", identity, SpeedFigures, measure)

    def identity(self, config: DistillationConfig) -> PartIdentity:
        """What the figures of a student with these settings depend on."""
        settings = {**_settings(config), "teacher": None, "threads": None, "compact": None}
        return replace(
            self._texts_identity,
            settings=settings,
            corpus=self._corpus_identity,
            teacher=self._teacher_identity,
        )

    def measured(self, student: Student) -> StudentFigures:
        """The figures of a trained student."""

        def predict(labelled: Labelled) -> NDArray[np.float32]:
            return student.score(labelled.texts, labelled.text_pair, threads=self.config.threads).logits

        parameters, ngrams = student.weights.parameters, len(student.vocabulary)
        return self.held_out.student_figures(predict, parameters=parameters, ngrams=ngrams)

    def _trained(self, kind: str, config: DistillationConfig) -> Student:
        # KD is the first phase of KD + FT, so both share a checkpoint.
        root = "labels" if kind == LABELS_ONLY else "soft"
        checkpoints = self.folder / "checkpoints" / f"{root}-{config.seed}-{short_digest(asdict(config))}"
        material = self.prepared.material
        if kind == LABELS_ONLY:
            return train_on_labels_alone(
                material, config, self.folder, checkpoint_dir=checkpoints, progress=self.progress
            )
        return train_student(
            self.prepared.vocabulary,
            self.prepared.targets,
            replace(material, train=None) if kind == DISTILLED else material,
            config,
            word_init=self.prepared.word_init,
            checkpoint_dir=checkpoints,
            progress=self.progress,
        )

    def _teacher_logits(self, test: Labelled) -> NDArray[np.float32] | None:
        """The teacher's logits of the n test texts, float32 (n, classes), if it can score texts."""
        teacher = self.prepared.teacher
        if not isinstance(teacher, Teacher):
            return None
        corpus = write_texts(self.folder / "data" / "tested.parquet", test.texts, test.text_pair)
        targets = label(
            teacher, corpus, self.folder / "test-labels", shard_size=_SHARD_SIZE, progress=self.progress
        )
        return targets.all().logits

    @property
    def _baselines(self) -> tuple[Baseline, ...]:
        """The baselines of the kind of problem."""
        return SCORE_BASELINES if self.prepared.material.problem == "regression" else BASELINES

    @property
    def _texts_identity(self) -> PartIdentity:
        return PartIdentity(texts=self._digest, metric=self.held_out.metric)

    @cached_property
    def _corpus_identity(self) -> list[tuple[int, str]]:
        """Cached, as all files are read for it."""
        return [(file.size, file.hash) for file in self.prepared.corpus.fingerprint()]

    @cached_property
    def _teacher_identity(self) -> Fingerprint | None:
        """Cached, as all files are read for it."""
        return None if self.teacher is None else self.teacher.fingerprint()

    def _student_folder(self, kind: str, seed: int) -> Path:
        return self.folder / "students" / f"{_file_name(kind)}-{seed}"


def _settings(config: DistillationConfig) -> dict[str, Any]:
    """Settings that students depend on, as JSON values."""
    return {name: value for name, value in asdict(config).items() if name != "baselines"}


def short_digest(settings: Mapping[str, Any]) -> str:
    """A digest of JSON values, 12 hexadecimal digits."""
    return hashlib.blake2b(json.dumps(settings, sort_keys=True).encode(), digest_size=6).hexdigest()


def _digest(*parts: Labelled) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        digest.update(part.labels.tobytes())
        for texts in (part.texts, part.text_pair):
            for text in [] if texts is None else texts.to_pylist():
                digest.update(text.encode() + b"\xff")
    return digest.hexdigest()


def _file_name(kind: str) -> str:
    return kind.lower().replace(" + ", "-").replace(" ", "-")
