"""Recipes run and measured: teacher, students, and what else can be learnt from the same labels."""

from __future__ import annotations

import hashlib
import json
import logging
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray

from .._internal.files import atomic_write, read_json
from .._internal.progress import Progress, no_progress
from ..data.inputs import write_texts
from ..data.labelled import Labelled
from ..data.sources import DataSource
from ..errors import InputError
from ..evaluation.metrics import measure
from ..labeling.remembered import underlying_teacher
from ..labeling.soft_targets import SoftTargets, label
from ..pipeline.config import DistillationConfig
from ..pipeline.job import Job
from ..pipeline.prepare import PreparedJob, make_vocabulary, prepare
from ..pipeline.recipe import override, read_recipe, recipe_job, report_settings
from ..pipeline.student_training import network_config, train_network, train_student, training_device
from ..student import Student
from ..teachers.base import Teacher, TransformersTeacher
from ..training.trainer import score
from ..vocabulary.vocabulary import Vocabulary
from .ablations import Variant, plan, possible_rows, varied
from .baselines import Predictor, fasttext, tfidf
from .pooling import PooledNetwork

logger = logging.getLogger(__package__)

#: What scores texts: labelled ones in, logits out, float32 (n, classes).
Scorer = Callable[[Labelled], NDArray[np.float32]]

#: The students of a task, in the order of the paper's argument.
LABELS_ONLY, DISTILLED, BOTH = "labels only", "KD", "KD + FT"

_TIMED_TEXTS = 64
_ROUNDS = 5


@dataclass(frozen=True)
class Task:
    """What a recipe says of its row in the report.

    Attributes:
        title: What the row is called.
        metric: What it shows: ``"accuracy"``, or of the last of two classes ``"f1"`` or ``"roc_auc"``, which
            tells models apart where nearly all texts are of one class.
        seeds: Students of each kind to train, for the spread where a task is small.
        by: A column that test texts are told apart by, in a table of its own.
        note: What a reader has to know.
    """

    title: str
    metric: Literal["accuracy", "f1", "roc_auc"] = "accuracy"
    seeds: int = 1
    by: str | None = None
    note: str = ""

    def __post_init__(self) -> None:
        if self.seeds < 1:
            raise InputError(f"seeds of the report is {self.seeds}: it must be at least 1.")


def run_task(
    recipe: str | Path,
    folder: str | Path,
    *,
    data_dir: str | None = None,
    teacher: str | Path | None = None,
    remembered: Sequence[str | Path] = (),
    settings: Sequence[str] = (),
    ablations: bool = False,
    progress: Progress = no_progress,
) -> dict[str, Any]:
    """Run a recipe and measure all that its row shows; what is in `folder` already is not run again.

    Args:
        recipe: The recipe's file.
        folder: Where its parts are kept; ``result.json`` is what is returned.
        data_dir: Where local copies of its data lie.
        teacher: A teacher that was fine-tuned before, instead of its own.
        remembered: Directories of soft targets that the teacher has made before.
        settings: Settings that override the recipe's, as ``"student.dim=128"``.
        ablations: Train students that differ from the recipe's own in one thing each, too; their figures
            are kept in ``ablations.json``.
        progress: Shows the progress.

    Raises:
        InputError: The recipe or its data cannot be used, or it has no test data or labelled texts.
    """
    name, tables = str(recipe), read_recipe(recipe)
    for setting in settings:
        override(tables, setting)
    if data_dir is not None:
        tables["data_dir"] = data_dir
    task = report_settings(tables, Task, Path(recipe).stem, name)
    job = recipe_job(tables, name)
    if teacher is not None:
        job = replace(job, teacher=teacher, encoder=None)
    job = replace(job, output=Path(folder), remembered=(*job.remembered, *map(Path, remembered)))
    prepared = prepare(job, progress)
    run = _Run(Path(folder), task, job.config, prepared, progress)
    result = {
        "recipe": Path(recipe).stem,
        **asdict(task),
        **run.facts(),
        "teacher": run.teacher(),
        "students": {kind: [run.student(kind, seed) for seed in range(task.seeds)] for kind in run.kinds},
        "baselines": {
            "TF-IDF + LR": run.baseline("tfidf", tfidf),
            "fastText": run.baseline("fasttext", fasttext),
        },
        "groups": run.groups(job),
        "speed": run.speed(),
    }
    _write(Path(folder) / "result.json", result)
    if ablations:
        run.ablations()
    shutil.rmtree(Path(folder) / "checkpoints", ignore_errors=True)
    return result


def run_or_record(recipe: Path, folder: Path, **settings: Any) -> None:
    """Run a recipe; one that cannot be run leaves the reason as its result, where it has none."""
    logger.info(f"Running {recipe}.")
    try:
        run_task(recipe, folder, **settings)
    except InputError as error:
        logger.error(f"{recipe} was not run. {error}")
        if not (folder / "result.json").exists():
            _write(folder / "result.json", {"recipe": recipe.stem, "failure": str(error)})


class _Run:
    """One task's parts, each in a file of its own."""

    def __init__(
        self,
        folder: Path,
        task: Task,
        config: DistillationConfig,
        prepared: PreparedJob,
        progress: Progress,
    ) -> None:
        material = prepared.material
        if material.test is None or material.train is None or material.validation is None:
            raise InputError(f"{task.title} has no labelled texts or no test data: name both in its recipe.")
        if material.multi_label:
            raise InputError(f"{task.title} gives several labels a text: a report is of one label a text.")
        self.folder, self.task, self.config, self.prepared = folder, task, config.seeded(), prepared
        self.train, self.validation, self.test = material.train, material.validation, material.test
        self.progress = progress
        self.digest = _digest(self.train, self.validation, self.test)
        self.targets = self._test_targets()

    @property
    def kinds(self) -> tuple[str, ...]:
        """What students are trained on."""
        return (LABELS_ONLY, DISTILLED, BOTH) if self.prepared.targets else (LABELS_ONLY,)

    def facts(self) -> dict[str, Any]:
        vocabulary, prepared = self.prepared.vocabulary, self.prepared
        return {
            "classes": list(prepared.material.classes),
            "pair": prepared.material.pair,
            "labelled": len(self.train),
            "validation": len(self.validation),
            "test": len(self.test),
            "corpus": len(prepared.targets) if prepared.targets is not None else len(self.train),
            "left_out": prepared.left_out,
            "tokenizer": str(vocabulary.tokenizer),
            "ngrams": len(vocabulary),
            "dim": self.config.student.dim,
        }

    def teacher(self) -> dict[str, Any] | None:
        if self.targets is None:
            return None
        own = _own(self.prepared.teacher)
        figures = self._figures(self.targets)
        parameters = own.parameters if isinstance(own, TransformersTeacher) else None
        return {**figures, "name": Path(own.name).name if own else "", "parameters": parameters}

    def student(self, kind: str, seed: int) -> dict[str, Any]:
        """The figures of one student; trained if it has not been."""
        config = replace(self.config, seed=self.config.seed + seed).seeded()
        identity = self._identity(config)
        if kind != BOTH and kind != LABELS_ONLY:
            identity["settings"]["finetuning"] = None

        def make() -> dict[str, Any]:
            logger.info(f"{self.task.title}: a student, {kind}, seed {config.seed}.")
            student = self._trained(kind, config)
            student.save_pretrained(_emptied(self._student_folder(kind, seed)))
            return self._measured(student)

        return self._part(f"{_file(kind)}-{seed}", identity, make)

    def ablations(self) -> None:
        """Train what ablations ask for, one seed of all of them after the other, and write the figures.

        The file is written after each student, so that a page can show what there is.
        """
        if not self.prepared.targets or _own(self.prepared.teacher) is None:
            raise InputError(f"{self.task.title} has no teacher to ask: ablations are of distilled students.")
        planned = plan(
            self.config,
            self.kinds,
            ngrams=possible_rows(self.prepared, self.config, self._spool),
            unlabelled=len(self.prepared.targets) > len(self.train),
        )
        found: list[dict[str, Any]] = [
            {
                "name": ablation.name,
                "title": ablation.title,
                "ordered": ablation.ordered,
                "variants": [
                    {"label": variant.label, "own": variant.own, "students": []}
                    for variant in ablation.variants
                ],
            }
            for ablation in planned
        ]
        for seed in range(self.task.seeds):
            for ablation, entry in zip(planned, found, strict=True):
                for variant, figures in zip(ablation.variants, entry["variants"], strict=True):
                    figures["students"].append(self.variant(ablation.name, variant, seed))
                    _write(self.folder / "ablations.json", {"ablations": found})
        shutil.rmtree(self._spool, ignore_errors=True)

    def variant(self, ablation: str, variant: Variant, seed: int) -> dict[str, Any]:
        """The figures of one student of an ablation; trained if it has not been."""
        if (variant.config, variant.share, variant.pooling) == (self.config, 1.0, "mean"):
            return self.student(variant.kind, seed)
        config = replace(variant.config, seed=variant.config.seed + seed).seeded()
        identity = self._identity(config) | {"share": variant.share, "pooling": variant.pooling}
        name = f"{ablation}-{re.sub(r'[^a-z0-9]+', '-', variant.label.lower()).strip('-')}-{seed}"

        def make() -> dict[str, Any]:
            logger.info(f"{self.task.title}: {ablation}, {variant.label}, seed {config.seed}.")
            prepared = varied(self.prepared, variant, self.config, self._spool)
            learnt = prepared.vocabulary, prepared.targets, prepared.material, config
            checkpoints = self.folder / "checkpoints" / f"{name}-{_short(identity)}"
            if variant.pooling == "mean":
                figures = self._measured(
                    train_student(*learnt, checkpoint_dir=checkpoints, progress=self.progress)
                )
            else:
                shape = network_config(len(prepared.vocabulary), prepared.material, config)
                network = PooledNetwork(shape, variant.pooling, training_device(config.student.device))
                train_network(network, *learnt, checkpoint_dir=checkpoints, progress=self.progress)
                figures = self._measured_network(network, prepared.vocabulary)
            shutil.rmtree(checkpoints, ignore_errors=True)
            return figures

        return self._part(f"ablation-{name}", identity, make)

    @property
    def _spool(self) -> Path:
        """What ablations make on the way."""
        return self.folder / "ablations"

    def _identity(self, config: DistillationConfig) -> dict[str, Any]:
        """What makes a student the one it is, beside the labelled texts."""
        settings = {**asdict(config), "teacher": None, "threads": None, "compact": None}
        return {"settings": settings, "corpus": self._corpus_identity, "teacher": self._teacher_identity}

    @cached_property
    def _corpus_identity(self) -> list[Any]:
        """Reckoned once, for it reads all files."""
        return [(file.size, file.hash) for file in self.prepared.corpus.fingerprint()]

    def baseline(
        self, name: str, models: Callable[[Labelled], Iterator[tuple[dict[str, Any], Predictor]]]
    ) -> dict[str, Any]:
        """The figures of one baseline: the one of its settings that does best on the validation data."""

        def make() -> dict[str, Any]:
            logger.info(f"{self.task.title}: {name}.")
            best: tuple[float, dict[str, Any], NDArray[np.float32]] | None = None
            for settings, predict in models(self.train):
                value = _metric(self.task.metric, predict(self.validation), self.validation)
                if best is None or value > best[0]:
                    best = value, settings, predict(self.test)
            assert best is not None  # noqa: S101 - there are settings to try
            return {**self._figures(best[2]), "settings": best[1]}

        try:
            return self._part(name, {}, make)
        except InputError as error:
            return {"failure": str(error)}

    def groups(self, job: Job) -> dict[str, dict[str, float]]:
        """The metric of teacher and students for each group of test texts, mean over the seeds."""
        if self.task.by is None:
            return {}
        found: dict[str, dict[str, float]] = {}
        columns = replace(job.columns, label=job.columns.label or "label")
        for source in job.test if isinstance(job.test, list | tuple) else [job.test]:
            if not isinstance(source, DataSource) or self.task.by not in source.where:
                raise InputError(f"{self.task.title}: the test data have no `where` of {self.task.by!r}.")
            for group in source.where[self.task.by]:
                one = replace(source, where={**source.where, self.task.by: (group,)})
                found[group] = self._group(one.read(columns, self.config.seed))
        return found

    def _group(self, table: pa.Table) -> dict[str, float]:
        places = {text: i for i, text in enumerate(self.test.texts.to_pylist())}
        rows = [places[text] for text in table.column("text").to_pylist()]
        part = self.test.select(rows)
        metric = self.task.metric
        values = {"texts": float(len(rows))}
        if self.targets is not None:
            values["teacher"] = _metric(metric, self.targets[rows], part)
        for kind in self.kinds:
            students = [
                Student.from_pretrained(self._student_folder(kind, seed)) for seed in range(self.task.seeds)
            ]
            scores = [student.score(part.texts, part.text_pair).logits for student in students]
            values[kind] = float(np.mean([_metric(metric, logits, part) for logits in scores]))
        return values

    def speed(self) -> dict[str, Any] | None:
        """Texts a second of teacher and student, on one thread each, in turns."""
        teacher = _own(self.prepared.teacher)
        if teacher is None:
            return None
        kind = BOTH

        def make() -> dict[str, Any]:
            logger.info(f"{self.task.title}: timing teacher and student.")
            student = Student.from_pretrained(self._student_folder(kind, 0))
            count = min(len(self.test), _TIMED_TEXTS)
            some = self.test.select(np.random.default_rng(0).choice(len(self.test), count, replace=False))
            texts = some.texts.to_pylist()
            pair = None if some.text_pair is None else some.text_pair.to_pylist()
            with _one_thread():
                rates = [
                    (
                        _rate(lambda: teacher.score(texts, pair), count),
                        _rate(lambda: student.score(texts, pair, threads=1), count),
                    )
                    for _ in range(_ROUNDS)
                ]
            slow, fast = (median(column) for column in zip(*rates, strict=True))
            ratios = [student_rate / teacher_rate for teacher_rate, student_rate in rates]
            return {
                "teacher": slow,
                "student": fast,
                "ratio": median(ratios),
                "lowest": min(ratios),
                "highest": max(ratios),
                "texts": count,
                "rounds": _ROUNDS,
            }

        settings = {**asdict(self.config), "threads": None}
        return self._part("speed", {"settings": settings, "teacher": self._teacher_identity}, make)

    def _trained(self, kind: str, config: DistillationConfig) -> Student:
        material, vocabulary = self.prepared.material, self.prepared.vocabulary
        targets, word_init = self.prepared.targets, self.prepared.word_init
        if kind == LABELS_ONLY:
            # Of the labelled texts alone, as where there is nothing else: n-grams that no label speaks of
            # would only add noise.
            spool = self.folder / "data" / "train.parquet"
            corpus = write_texts(spool, self.train.texts, self.train.text_pair)
            vocabulary, targets = (
                make_vocabulary(corpus, self.folder / "vocabulary-labelled", config, self.progress),
                None,
            )
            word_init = None
        elif kind == DISTILLED:
            material = replace(material, train=None)
        # KD is the first phase of KD + FT: what the one has trained, the other goes on from.
        root = "labels" if kind == LABELS_ONLY else "soft"
        checkpoints = self.folder / "checkpoints" / f"{root}-{config.seed}-{_short(asdict(config))}"
        return train_student(
            vocabulary,
            targets,
            material,
            config,
            word_init=word_init,
            checkpoint_dir=checkpoints,
            progress=self.progress,
        )

    def _figures(self, logits: NDArray[np.float32]) -> dict[str, Any]:
        quality = asdict(measure(logits, self.test.labels, None))
        del quality["texts_per_second"]
        if len(self.test.classes) == 2:
            quality |= {name: _metric(name, logits, self.test) for name in {"f1", self.task.metric}}
        if self.targets is not None:
            quality["agreement"] = float((logits.argmax(axis=1) == self.targets.argmax(axis=1)).mean())
        return quality

    def _measured(self, student: Student) -> dict[str, Any]:
        def scores(texts: Labelled) -> NDArray[np.float32]:
            return student.score(texts.texts, texts.text_pair, threads=self.config.threads).logits

        parameters = student.weights.parameters
        return self._scored(scores) | {"parameters": parameters, "ngrams": len(student.vocabulary)}

    def _measured_network(self, network: PooledNetwork, vocabulary: Vocabulary) -> dict[str, Any]:
        def scores(texts: Labelled) -> NDArray[np.float32]:
            return score(network, vocabulary, texts.texts, texts.text_pair, threads=self.config.threads)

        parameters = sum(array.numel() for array in network.arrays().values())
        return self._scored(scores) | {"parameters": parameters, "ngrams": len(vocabulary)}

    def _scored(self, scores: Scorer) -> dict[str, Any]:
        """What the test data say, and the metric on the validation data, by which settings may be chosen."""
        validation = _metric(self.task.metric, scores(self.validation), self.validation)
        return self._figures(scores(self.test)) | {"validation": validation}

    def _test_targets(self) -> NDArray[np.float32] | None:
        """The teacher's logits of the test texts, (n, classes)."""
        if not isinstance(self.prepared.teacher, Teacher):
            return None
        spool = self.folder / "data" / "tested.parquet"
        corpus = write_texts(spool, self.test.texts, self.test.text_pair)
        targets: SoftTargets = label(
            self.prepared.teacher,
            corpus,
            self.folder / "test-labels",
            shard_size=2000,
            progress=self.progress,
        )
        return targets.all().logits

    @cached_property
    def _teacher_identity(self) -> Any:
        """Reckoned once, for it reads all files."""
        teacher = _own(self.prepared.teacher)
        return None if teacher is None else json.loads(json.dumps(teacher.fingerprint()))

    def _student_folder(self, kind: str, seed: int) -> Path:
        return self.folder / "students" / f"{_file(kind)}-{seed}"

    def _part(
        self, name: str, identity: dict[str, Any], make: Callable[[], dict[str, Any]]
    ) -> dict[str, Any]:
        """The figures in a part's file, if they are of the same settings and data; else made anew."""
        identity = json.loads(json.dumps({**identity, "texts": self.digest, "metric": self.task.metric}))
        path = self.folder / "parts" / f"{name}.json"
        if path.exists() and (found := read_json(path))["identity"] == identity:
            return dict(found["figures"])
        figures = make()
        _write(path, {"identity": identity, "figures": figures})
        return figures


def _metric(name: str, logits: NDArray[np.float32], labelled: Labelled) -> float:
    if name == "roc_auc":
        try:
            from sklearn.metrics import roc_auc_score
        except ImportError as error:
            raise InputError("scikit-learn is not installed: pip install 'sparsedistill[report]'.") from error
        return float(roc_auc_score(labelled.labels == 1, logits[:, 1] - logits[:, 0]))
    chosen = logits.argmax(axis=1)
    if name == "accuracy":
        return float((chosen == labelled.labels).mean())
    both = int(((chosen == 1) & (labelled.labels == 1)).sum())
    either = int((chosen == 1).sum() + (labelled.labels == 1).sum())
    return 2 * both / either if either else 0.0


def _own(teacher: Any) -> Teacher | None:
    """The teacher behind the memory; None where there is none to ask."""
    teacher = underlying_teacher(teacher)
    return teacher if isinstance(teacher, Teacher) else None


def _rate(action: Callable[[], object], texts: int) -> float:
    """Texts a second, from a quarter of a second of work at least."""
    done, started = 0, perf_counter()
    while done == 0 or perf_counter() - started < 0.25:
        action()
        done += texts
    return done / (perf_counter() - started)


@contextmanager
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _digest(*parts: Labelled) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        digest.update(part.labels.tobytes())
        for texts in (part.texts, part.text_pair):
            for text in [] if texts is None else texts.to_pylist():
                digest.update(text.encode() + b"\xff")
    return digest.hexdigest()


def _short(settings: Mapping[str, Any]) -> str:
    """A few digits that tell settings apart."""
    return hashlib.blake2b(json.dumps(settings, sort_keys=True).encode(), digest_size=6).hexdigest()


def _file(kind: str) -> str:
    return kind.lower().replace(" + ", "-").replace(" ", "-")


def _emptied(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    return folder


def _write(path: Path, value: Mapping[str, Any]) -> None:
    with atomic_write(path) as partial:
        partial.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")
