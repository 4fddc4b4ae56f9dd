"""The whole job: a teacher and raw text in, a student out."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import torch
from rich.console import Console

from .._internal.files import atomic_write, read_json
from .._internal.progress import console
from ..data.corpus import Columns, Corpus, Labelled, read_labelled
from ..data.examples import Examples, Shards
from ..data.inputs import LabelledLike, UnlabelledLike, as_corpus, as_labelled, is_sources, write_corpus
from ..data.sources import DataSource, write_sources
from ..errors import InputError
from ..evaluation.calibration import calibrate
from ..evaluation.evaluate import Evaluation, evaluate
from ..labeling.remembered import RememberingTeacher
from ..labeling.soft_examples import SoftExamples, identities, without
from ..labeling.soft_targets import SoftTargets, label, with_progress
from ..student import Network, Student
from ..teachers.base import FileTeacher, Teacher, TransformersTeacher, as_teacher
from ..teachers.finetuning import FinetuningConfig, finetune
from ..training.network import NetworkConfig, StudentNetwork
from ..training.tables.base import TableKind
from ..training.trainer import FINE_TUNING, TrainingConfig, train
from ..training.word_init import Start, start_of_words
from ..vocabulary.vocabulary import CountingConfig, TokenizerConfig, Vocabulary


@dataclass(frozen=True)
class StudentConfig:
    """The shape of a student, beside its vocabulary.

    Attributes:
        dim: Dimensions of an n-gram's embedding; a multiple of 4. Of two classes 64 hold all there is (IMDB,
            labels only: 91.6 % at 64, 91.2 % at 256); many classes may want more.
        hidden: Units of the hidden layer.
        dropout: Dropout before each layer of the head.
        table: Back end of the table in training: ``"fbgemm"``, ``"embedding_bag"``, or ``"auto"``.
        device: Where it is trained: ``"cpu"``, ``"cuda"``, or ``"auto"`` for a GPU where there is one.
    """

    dim: int = 64
    hidden: int = 256
    dropout: float = 0.1
    table: TableKind = "auto"
    device: str = "auto"


@dataclass(frozen=True)
class DistillationConfig:
    """All the knobs; the defaults are good ones.

    Attributes:
        teacher: How an encoder is fine-tuned, where one is given instead of a teacher.
        tokenizer: How texts become n-grams.
        counting: Which n-grams the vocabulary takes.
        student: The student's shape.
        training: The student's training on soft targets, or on labels where there is no teacher.
        finetuning: Its training on labels thereafter.
        validation_share: Share of the labelled texts set aside to choose the best student, where no
            validation data are given.
        calibrate: Whether the student's confidence is set right on held-out texts after training, by one
            temperature.
        shard_size: Texts in a shard of soft targets: what an interruption can lose.
        seed: Seeds all of it.
        threads: All cores by default.
    """

    teacher: FinetuningConfig = field(default_factory=FinetuningConfig)
    tokenizer: TokenizerConfig = field(default_factory=TokenizerConfig)
    counting: CountingConfig = field(default_factory=CountingConfig)
    student: StudentConfig = field(default_factory=StudentConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    finetuning: TrainingConfig = FINE_TUNING
    validation_share: float = 0.1
    calibrate: bool = True
    shard_size: int = 20_000
    seed: int = 0
    threads: int | None = None

    def seeded(self) -> DistillationConfig:
        """The same, with seed and threads passed on to all stages."""
        return replace(
            self,
            teacher=replace(self.teacher, seed=self.seed),
            training=replace(self.training, seed=self.seed, threads=self.threads),
            finetuning=replace(self.finetuning, seed=self.seed, threads=self.threads),
        )


@dataclass(frozen=True)
class Material:
    """The labelled texts of a job, each in one part only.

    Attributes:
        train: To train on.
        validation: To choose the best student by.
        test: To evaluate with.
        classes: The class names.
        multi_label: A text can have any number of classes.
        pair: The texts come in pairs.
        left_out: Labelled texts that were left out, as they stand in test data or in validation data.
    """

    train: Labelled | None
    validation: Labelled | None
    test: Labelled | None
    classes: tuple[str, ...]
    multi_label: bool
    pair: bool
    left_out: int = 0

    def held_out(self) -> pa.Array:
        """Identities of the validation and test texts, which no training may see."""
        parts = [part for part in (self.validation, self.test) if part is not None]
        found = [identities(part.texts, part.text_pair) for part in parts]
        return pa.concat_arrays([pa.array([], pa.large_string()), *found])


@dataclass(frozen=True)
class Groundwork:
    """What a student is trained from, and measured with.

    Attributes:
        material: The labelled texts.
        corpus: All texts that the teacher has scored and the vocabulary has counted.
        vocabulary: Its n-grams.
        teacher: The teacher, if there is one.
        targets: What it makes of the corpus.
        start: Where the rows of a student of pairs start, if the teacher has an encoder.
        left_out: Texts that were left out, as they stand in test or validation data: ``labelled`` and
            ``unlabelled`` ones.
    """

    material: Material
    corpus: Corpus
    vocabulary: Vocabulary
    teacher: Teacher | FileTeacher | None
    targets: SoftTargets | None
    start: Start | None
    left_out: dict[str, int]


def distill(
    teacher: str | Path | Teacher | FileTeacher | Callable[..., Any] | None = None,
    labelled: LabelledLike | Sequence[DataSource] | None = None,
    unlabelled: UnlabelledLike | None = None,
    output: str | Path = "distilled",
    *,
    encoder: str | Path | None = None,
    validation: LabelledLike | Sequence[DataSource] | None = None,
    test: LabelledLike | Sequence[DataSource] | None = None,
    columns: Columns | None = None,
    classes: Sequence[str] | None = None,
    remembered: Sequence[str | Path] = (),
    config: DistillationConfig | None = None,
) -> Student:
    """Distil a teacher into a student (Ye et al., "Sparse Distillation", NAACL 2022).

    The teacher scores the unlabelled and the labelled texts; the n-grams of the same texts make the
    vocabulary; the student is trained on the scores, then fine-tuned on the labels, keeping whatever does
    best on validation data, by which its confidence is calibrated too; last, both are measured on the test
    data. Texts that stand in test or validation data are left out of the training; where they differ in
    case, punctuation or white space alone, too.

    `output` holds each stage's result: ``teacher/``, ``labels/``, ``vocabulary/``, ``student/`` and
    ``evaluation.json``. Interrupted and started again with the same arguments, the job goes on where it was.

    Args:
        teacher: A fine-tuned classifier (directory or Hub id), a function from texts to scores (with
            `classes`), a :class:`~sparsedistill.teachers.FileTeacher` for scores that stand beside the
            unlabelled texts, or None for a student of the labels alone.
        labelled: Labelled texts. May be left out where there is a teacher.
        unlabelled: Text of the kind that the student is for, as much as there is.
        output: Directory to make.
        encoder: Instead of a teacher: an encoder to make one of, by fine-tuning it on `labelled`.
        validation: Labelled texts to choose the best student by; by default a part of `labelled`.
        test: Labelled texts that no stage but the evaluation sees.
        columns: What the columns of files are called.
        classes: The class names, where the teacher does not tell them.
        remembered: Directories of soft targets that the same teacher has made before; it is not asked
            again about their texts.
        config: The knobs.

    Returns:
        The student, which is also in ``output/student``.

    Raises:
        InputError: Something that was passed cannot be used, or `output` holds another job.
    """
    folder, config = Path(output), (config or DistillationConfig()).seeded()
    if (folder / "student").exists():
        raise InputError(f"{folder / 'student'} exists already: name another output, or delete it.")
    ground = prepare(
        teacher,
        labelled,
        unlabelled,
        folder,
        encoder=encoder,
        validation=validation,
        test=test,
        columns=columns,
        classes=classes,
        remembered=remembered,
        config=config,
    )
    student = train_student(
        ground.vocabulary,
        ground.targets,
        ground.material,
        config,
        start=ground.start,
        checkpoint_dir=folder / "checkpoints",
    )
    if (evaluation := _evaluated(student, ground)) is not None:
        student.evaluation.update(evaluation.as_json())
        student.evaluation["left_out"] = sum(ground.left_out.values())
        with atomic_write(folder / "evaluation.json") as partial:
            partial.write_text(json.dumps(student.evaluation, indent=2) + "\n")
        Console().print(evaluation.as_table(f"{evaluation.texts:,} test texts"))
    student.save_pretrained(folder / "student")
    shutil.rmtree(folder / "checkpoints", ignore_errors=True)
    console.print(f"The student is in {folder / 'student'}.")
    return Student.from_pretrained(folder / "student")


def prepare(
    teacher: str | Path | Teacher | FileTeacher | Callable[..., Any] | None = None,
    labelled: LabelledLike | Sequence[DataSource] | None = None,
    unlabelled: UnlabelledLike | None = None,
    output: str | Path = "distilled",
    *,
    encoder: str | Path | None = None,
    validation: LabelledLike | Sequence[DataSource] | None = None,
    test: LabelledLike | Sequence[DataSource] | None = None,
    columns: Columns | None = None,
    classes: Sequence[str] | None = None,
    remembered: Sequence[str | Path] = (),
    config: DistillationConfig | None = None,
) -> Groundwork:
    """Do all that comes before a student is trained: texts, teacher, vocabulary, soft targets.

    Args and errors are those of :func:`distill`. What is in `output` already is not done again.
    """
    folder, columns, config = Path(output), columns or Columns(), (config or DistillationConfig()).seeded()
    _refuse(teacher, encoder, labelled)
    if teacher is not None and not isinstance(teacher, FileTeacher):
        teacher = as_teacher(teacher, classes, columns.multi_label)
    known = teacher.classes if teacher else classes
    data = folder / "data"
    train = _in_hand(labelled, columns, known, data / "labelled.parquet", config.seed)
    known = known if train is None else train.classes
    held = _in_hand(validation, columns, known, data / "validation.parquet", config.seed)
    tested = _in_hand(test, columns, known, data / "test.parquet", config.seed)
    material = gather(train, held, tested, columns, known, config)
    folder.mkdir(parents=True, exist_ok=True)
    if encoder is not None:
        teacher = TransformersTeacher(_fine_tuned(encoder, material, folder / "teacher", config))
    if remembered and teacher is not None and not isinstance(teacher, FileTeacher):
        teacher = RememberingTeacher(teacher, [SoftTargets.open(made) for made in remembered])
    corpus, left_out = _corpus(
        material, unlabelled, columns, folder, config.seed, scored=isinstance(teacher, FileTeacher)
    )
    vocabulary = make_vocabulary(corpus, folder / "vocabulary", config)
    targets = None
    if teacher is not None:
        targets = label(teacher, corpus, folder / "labels", shard_size=config.shard_size)
        left_out += SoftExamples(targets, material.held_out()).left_out
    start = start_of_words(vocabulary, teacher) if material.pair else None
    counts = {"labelled": material.left_out, "unlabelled": left_out}
    return Groundwork(material, corpus, vocabulary, teacher, targets, start, counts)


def gather(
    labelled: LabelledLike | None,
    validation: LabelledLike | None,
    test: LabelledLike | None,
    columns: Columns,
    classes: Sequence[str] | None,
    config: DistillationConfig,
) -> Material:
    """Read the labelled texts of a job, and see that no text is in two parts.

    Args:
        labelled: To train on, and to set a part aside from where there is no `validation`.
        validation: To choose the best student by.
        test: To evaluate with.
        columns: What the columns of files are called.
        classes: The class names; by default those of `labelled`.
        config: The share to set aside, and the seed.

    Raises:
        InputError: Something cannot be read, or nothing is left to train on.
    """
    train = None if labelled is None else as_labelled(labelled, columns, classes)
    if train is not None:
        classes = train.classes
    if classes is None:
        raise InputError("The classes are not known: give a teacher, labelled texts, or their names.")
    held = None if validation is None else as_labelled(validation, columns, classes)
    tested = None if test is None else as_labelled(test, columns, classes)
    known = Material(None, None, tested, tuple(classes), columns.multi_label, columns.text_pair is not None)
    sample = train or held or tested
    if sample is not None:
        known = replace(known, multi_label=sample.multi_label, pair=sample.text_pair is not None)
    given = sum(len(part) for part in (train, held) if part is not None)
    if held is not None:
        held = without(held, known.held_out())
        known = replace(known, validation=held)
    if train is not None:
        rest = without(train, known.held_out())
        if held is None:
            rest, held = rest.split(config.validation_share, config.seed)
            known = replace(known, validation=held)
            rest = without(rest, identities(held.texts, held.text_pair))
        known = replace(known, train=rest)
    kept = sum(len(part) for part in (known.train, held) if part is not None)
    if kept < given:
        console.print(f"{given - kept:,} labelled texts stand in test or validation data: left out.")
    return replace(known, left_out=given - kept)


def train_student(
    vocabulary: Vocabulary,
    targets: SoftTargets | None,
    material: Material,
    config: DistillationConfig,
    *,
    start: Start | None = None,
    checkpoint_dir: str | Path | None = None,
) -> Student:
    """Train a student on soft targets, then on labels; or on either alone (paper, section 3.3).

    What it was last validated with calibrates it: validation labels, or else soft targets set aside.

    Args:
        vocabulary: Its n-grams.
        targets: The soft targets, or None.
        material: The labelled texts.
        config: The knobs.
        start: Where rows start, where that is not at 0.
        checkpoint_dir: Where an interrupted training finds its state again.

    Raises:
        InputError: There is nothing to train on, or the examples do not fit together.
    """
    if targets is None and material.train is None:
        raise InputError("There is nothing to train on: give a teacher, labelled texts, or both.")
    if targets is not None and targets.classes != material.classes:
        raise InputError(
            f"The soft targets are of {', '.join(targets.classes)} and the labels of "
            f"{', '.join(material.classes)}: use the same classes in the same order."
        )
    config = config.seeded()
    network = StudentNetwork(
        network_config(len(vocabulary), material, config), training_device(config.student.device)
    )
    if start is not None:
        network.table.weight[torch.from_numpy(start.rows).to(network.device)] = torch.from_numpy(
            start.embeddings(config.student.dim)
        ).to(network.device)
    held = train_network(network, vocabulary, targets, material, config, checkpoint_dir=checkpoint_dir)
    arrays = {name: array.cpu().numpy() for name, array in network.arrays().items()}
    student = Student(
        vocabulary, Network.from_arrays(arrays), material.classes, material.multi_label, material.pair
    )
    if not config.calibrate or held is None:
        return student
    return calibrate(student, held, threads=config.threads)


def network_config(rows: int, material: Material, config: DistillationConfig) -> NetworkConfig:
    """The shape of a student's network over `rows` n-grams."""
    shape = asdict(config.student)
    del shape["device"]
    return NetworkConfig(
        rows=rows,
        classes=len(material.classes),
        pair=material.pair,
        multi_label=material.multi_label,
        seed=config.seed,
        **shape,
    )


def train_network(
    network: StudentNetwork,
    vocabulary: Vocabulary,
    targets: SoftTargets | None,
    material: Material,
    config: DistillationConfig,
    *,
    checkpoint_dir: str | Path | None = None,
) -> Examples | None:
    """Train a network as :func:`train_student` does; returns what it was last validated with."""
    held = None
    for phase in _phases(targets, material, config.seeded()):
        held = phase.validation
        train(
            network,
            vocabulary,
            phase.examples,
            phase.validation,
            phase.config,
            checkpoint_dir=None if checkpoint_dir is None else Path(checkpoint_dir) / phase.name,
            description=phase.description,
        )
    return held


@dataclass(frozen=True)
class _Phase:
    name: str
    description: str
    examples: Shards
    validation: Examples
    config: TrainingConfig


def _phases(targets: SoftTargets | None, material: Material, config: DistillationConfig) -> Iterator[_Phase]:
    validation = None if material.validation is None else _examples(material.validation)
    if targets is not None:
        soft = SoftExamples(targets, material.held_out())
        aside = validation or soft.set_aside(config.validation_share, config.seed)
        yield _Phase("distillation", "Distilling", soft, aside, config.training)
    if material.train is not None and validation is not None:
        last = config.training if targets is None else config.finetuning
        description = "Training on labels" if targets is None else "Fine-tuning"
        yield _Phase("labels", description, _examples(material.train), validation, last)


def training_device(name: str) -> torch.device:
    """The device that a :class:`StudentConfig` names.

    Raises:
        InputError: torch cannot use it here.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        return torch.empty(0, device=name).device
    except (RuntimeError, AssertionError) as error:
        raise InputError(f"device is {name!r}, which torch cannot use here: say cpu, or auto.") from error


def _examples(labelled: Labelled) -> Examples:
    return Examples(
        labelled.texts, text_pair=labelled.text_pair, labels=labelled.labels, weights=labelled.weights
    )


def _refuse(teacher: Any, encoder: Any, labelled: Any) -> None:
    """Turn down what cannot work before any work is done."""
    if teacher is not None and encoder is not None:
        raise InputError("Both a teacher and an encoder are given: give the one or the other.")
    if encoder is not None and labelled is None:
        raise InputError("An encoder needs labelled texts to become a teacher: give some, or a teacher.")
    if teacher is None and encoder is None and labelled is None:
        raise InputError("There is nothing to learn from: give a teacher, labelled texts, or both.")


def _fine_tuned(encoder: str | Path, material: Material, folder: Path, config: DistillationConfig) -> Path:
    assert material.train is not None  # noqa: S101 - _refuse has seen to it
    train = material.train
    return finetune(
        encoder,
        train.texts.to_pylist(),
        train.labels,
        train.classes,
        folder,
        text_pair=None if train.text_pair is None else train.text_pair.to_pylist(),
        config=config.teacher,
    )


def _in_hand(
    given: LabelledLike | Sequence[DataSource] | None,
    columns: Columns,
    classes: Sequence[str] | None,
    spool: Path,
    seed: int,
) -> Labelled | None:
    """Labelled texts, those of data sources by way of the file `spool`."""
    if given is None:
        return None
    if not is_sources(given):
        return as_labelled(cast(LabelledLike, given), columns, classes)
    label = columns.label or "label"
    write_sources(given, replace(columns, label=label), spool, seed=seed)
    pair = None if columns.text_pair is None else "text_pair"
    return read_labelled(spool, Columns("text", pair, "label", None, columns.label_separator), classes)


def _corpus(
    material: Material,
    unlabelled: UnlabelledLike | None,
    columns: Columns,
    folder: Path,
    seed: int,
    *,
    scored: bool,
) -> tuple[Corpus, int]:
    """All texts that the teacher scores and the vocabulary counts: unlabelled ones, and those to train on.

    With the number of texts left out of the unlabelled ones, as they are held out.
    """
    parts = []
    left_out = 0
    if is_sources(unlabelled):
        spool = folder / "data" / "unlabelled.parquet"
        plain = replace(columns, label=None, weight=None, label_separator=None)
        left_out = write_sources(unlabelled, plain, spool, material.held_out(), seed)
        parts.append(Corpus(spool, Columns("text", None if columns.text_pair is None else "text_pair")))
    elif unlabelled is not None:
        parts.append(as_corpus(unlabelled, columns, folder / "unlabelled.parquet").unlabelled())
    if material.train is not None and not scored:  # scores of the labelled texts are not known
        names = parts[0].columns if parts else columns
        plain = Columns(names.text, names.text_pair)
        texts, text_pair = material.train.texts, material.train.text_pair
        parts.append(write_corpus(folder / "labelled.parquet", plain, texts, text_pair))
    if not parts:
        raise InputError("There are no texts to learn from: give unlabelled texts.")
    return (parts[0] if len(parts) == 1 else parts[0].joined(parts[1])), left_out


def make_vocabulary(corpus: Corpus, folder: Path, config: DistillationConfig) -> Vocabulary:
    """The vocabulary of the corpus; the one in `folder` where it is that."""
    record = folder.with_name(folder.name + ".json")
    identity = {
        "corpus": corpus.fingerprint(),
        "tokenizer": asdict(config.tokenizer),
        "counting": asdict(config.counting),
    }
    if folder.exists() and record.exists() and read_json(record) == identity:
        return Vocabulary.load(folder)
    shutil.rmtree(folder, ignore_errors=True)
    vocabulary = Vocabulary.build(corpus, config.tokenizer, config.counting, threads=config.threads)
    vocabulary.save(folder)
    with atomic_write(record) as partial:
        partial.write_text(json.dumps(identity, indent=1))
    return vocabulary


def _evaluated(student: Student, ground: Groundwork) -> Evaluation | None:
    test, teacher = ground.material.test, ground.teacher
    if test is None:
        return None
    scorer = None if teacher is None or isinstance(teacher, FileTeacher) else with_progress(teacher)
    return evaluate(student, test, scorer)
