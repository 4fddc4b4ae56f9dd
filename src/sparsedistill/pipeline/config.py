"""The settings of a job. Does not import torch."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import inf

from .._internal.settings import check_fields
from .._internal.threads import all_threads
from ..errors import InputError
from ..teachers.finetuning import FinetuningConfig
from ..training.config import FINE_TUNING, TableKind, TrainingConfig
from ..vocabulary.config import CountingConfig, TokenizerConfig

_MOST_MEMBERS = 100


@dataclass(frozen=True)
class StudentConfig:
    """The shape of a student, without its vocabulary.

    Attributes:
        dim: Dimensions of an n-gram's embedding; a multiple of 4 for FBGEMM. Two classes need no more than 64
            (IMDB, labels only: 91.6 % at 64, 91.2 % at 256); many classes may need more.
        hidden: Units of the hidden layer.
        dropout: Dropout before each layer of the head.
        row_dropout: Share of the rows of words and n-grams that is dropped at random in training, if words
            have character n-grams, which are kept: known words are then often read as if they were unknown.
            Topics of sentences in 38 languages (SIB-200, development texts): 67.9 % without, 68.6 % at 0.5;
            Banking77 and offensive tweets gain 0.2 to 0.3 points.
        members: Networks that are trained from different seeds and answer together: the student's outputs are
            the means of theirs, and their rows lie side by side in one table. See
            :data:`~sparsedistill.pipeline.tuning.space.MEMBERS` for what the tuner takes.
        linear: If there are labels, and if it helps on the validation data, add the answer of a linear model
            on the same n-grams, whose weights become columns of the table. Few labels teach it more.
        table: Back end of the table in training: ``"fbgemm"``, ``"embedding_bag"``, or ``"auto"``.
        device: Where to train: ``"cpu"``, ``"cuda"``, or ``"auto"`` for a GPU if there is one.
    """

    dim: int = 64
    hidden: int = 256
    dropout: float = 0.1
    row_dropout: float = 0.5
    members: int = 1
    linear: bool = True
    table: TableKind = "auto"
    device: str = "auto"

    def __post_init__(self) -> None:
        check_fields(self)
        if not 1 <= self.members <= _MOST_MEMBERS:
            raise InputError(
                f"The student setting members is {self.members}: it must be 1 to {_MOST_MEMBERS}."
            )


@dataclass(frozen=True)
class DistillationConfig:
    """All settings of a job.

    Attributes:
        teacher: How an encoder is fine-tuned, if one is given instead of a teacher.
        tokenizer: How texts become n-grams.
        counting: Which n-grams the vocabulary keeps.
        student: The student's shape.
        training: Training on soft targets, or on labels if there is no teacher.
        finetuning: Training on labels after training on soft targets.
        validation_share: Share of the labelled texts to hold out as validation data if none are given.
            Without labelled texts, it is the share of the first shard of soft targets.
        refit: If the validation data are a part of the labelled texts and there is no teacher, train the
            student again on all of them when the validation data have chosen its settings, the number of
            steps and the temperature.
        augment: Without unlabelled texts, a teacher of transformers also scores augmented copies of the
            labelled ones, up to this number and 20 per text; 0 for none. See
            :func:`~sparsedistill.labeling.augmentation.augmented_copies`.
        calibrate: Fit one temperature to the validation data after training.
        compact: Write the compact student too.
        tune: Choose the settings of vocabulary, student and training on the validation data. Settings that
            differ from the defaults, and those in `given`, are kept.
        tune_minutes: Start no new trial after this time; the best so far is chosen. None tries all.
        given: Names of settings that are kept although they are the defaults, such as ``student.dim``.
        baselines: If there are test data and labelled texts, measure on the same labels what a student is
            worth more than: the majority class, TF-IDF with logistic regression, fastText if it is
            installed, and, if there is a teacher, a student trained on the labels alone.
        shard_size: Texts per shard of soft targets. An interruption loses at most one shard.
        seed: Seeds every stage.
        threads: Number of threads; None for all cores.
    """

    teacher: FinetuningConfig = field(default_factory=FinetuningConfig)
    tokenizer: TokenizerConfig = field(default_factory=TokenizerConfig)
    counting: CountingConfig = field(default_factory=CountingConfig)
    student: StudentConfig = field(default_factory=StudentConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)
    finetuning: TrainingConfig = FINE_TUNING
    validation_share: float = 0.1
    refit: bool = True
    augment: int = 100_000
    calibrate: bool = True
    compact: bool = True
    tune: bool = True
    tune_minutes: float | None = None
    given: tuple[str, ...] = ()
    baselines: bool = True
    shard_size: int = 20_000
    seed: int = 0
    threads: int | None = None

    def __post_init__(self) -> None:
        check_fields(self)
        if not 0 <= self.seed < 2**63:
            raise InputError(f"seed is {self.seed}: give a number from 0 to 2^63 - 1.")
        if not 0 < self.validation_share < 1:
            raise InputError(f"validation_share is {self.validation_share}: it must be between 0 and 1.")
        if self.augment < 0:
            raise InputError(f"augment is {self.augment}: it must be at least 0.")
        if self.tune_minutes is not None and not 0 < self.tune_minutes < inf:
            raise InputError(f"tune_minutes is {self.tune_minutes}: it must be finite and above 0.")
        if self.shard_size < 1:
            raise InputError(f"shard_size is {self.shard_size}: it must be at least 1.")
        if self.threads is not None:
            all_threads(self.threads)

    def seeded(self) -> DistillationConfig:
        """Return a copy with `seed` and `threads` passed on to every stage."""
        return replace(
            self,
            teacher=replace(self.teacher, seed=self.seed),
            training=replace(self.training, seed=self.seed, threads=self.threads),
            finetuning=replace(self.finetuning, seed=self.seed, threads=self.threads),
        )

    def member(self, number: int) -> DistillationConfig:
        """Return a copy, :meth:`seeded` for one of the networks of the student, counted from 0."""
        config, seed = self.seeded(), (self.seed + number) % 2**63
        return replace(
            config,
            training=replace(config.training, seed=seed),
            finetuning=replace(config.finetuning, seed=seed),
        )
