"""What the tuner tries: a fixed set of students, in rounds that train fewer students for longer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product

from ...problem import Problem
from ..config import DistillationConfig
from .settings import Settings, Value

#: Names of the settings that the tuner chooses; a job in which all are given is not tuned.
TUNED = (
    "vocabulary.max_ngram",
    "vocabulary.max_characters",
    "vocabulary.boundaries",
    "vocabulary.min_count",
    "student.dim",
    "student.dropout",
    "student.row_dropout",
    "student.members",
    "training.ngram_dropout",
    "training.table_learning_rate",
    "training.batch_size",
    "training.class_weights",
    "training.steps",
)

#: Texts of the longest training, counting repetitions: some passes over many examples; over few, as many as
#: teach a student of 77 classes, but not more passes than help; and over very few, some steps.
PASSES, ENOUGH_TEXTS, MOST_PASSES, LEAST_TEXTS = 5, 384_000, 60, 64_000
#: Below this number of examples, batches are small: many small steps learn more from few texts.
FEW_EXAMPLES = 50_000
SMALL_BATCH, LARGE_BATCH = 64, 256
#: Below this number of examples, an n-gram that occurs once is kept.
FEW_TEXTS = 20_000
#: Networks of a student of few examples, which vary with their seeds. Held-out texts that one, two and three
#: networks have right: topics in 38 languages (SIB-200) 66.6, 68.3, 68.3 %; Banking77 89.7, 90.6, 90.5 %;
#: offensive tweets 74.0, 75.0, 75.3 %. Trials train one of them.
MEMBERS = 3
#: Up to this number of classes, 64 dimensions are enough.
FEW_CLASSES = 10

#: Students that survive the first round.
SURVIVORS = 2
#: Per round, the number of trials and the share of the longest training that each takes. All together cost
#: at most as much as three trainings of that length.
ROUND_TRIALS = (8, 12, 4, 1)
ROUND_SHARES = (1 / 16, 1 / 16, 3 / 16, 1.0)

#: Changes that the second round tries on each survivor, one at a time.
VARIANTS: tuple[Settings, ...] = (
    {"vocabulary.boundaries": True},
    {"vocabulary.min_count": 2},
    {"student.dropout": 0.1, "training.ngram_dropout": 0.1},
    {"student.dropout": 0.5, "training.ngram_dropout": 0.5},
)
#: More changes, for students with character n-grams and for those without.
CHARACTER_VARIANTS: tuple[Settings, ...] = ({"vocabulary.max_characters": 7}, {"student.row_dropout": 0.0})
WORD_VARIANTS: tuple[Settings, ...] = ({"training.table_learning_rate": 0.1},)


@dataclass(frozen=True)
class Space:
    """The settings to try for a job.

    Attributes:
        examples: Number of training examples.
        classes: Number of classes.
        problem: What the student says of a text.
        given: Names of settings that the user chose, which stay as they are.
        config: The job's settings.
    """

    examples: int
    classes: int
    problem: Problem
    given: frozenset[str]
    config: DistillationConfig

    @property
    def batch_size(self) -> int:
        """Texts per step."""
        if "training.batch_size" in self.given:
            return self.config.training.batch_size
        return SMALL_BATCH if self.examples < FEW_EXAMPLES else LARGE_BATCH

    @property
    def texts(self) -> int:
        """Texts that the longest training passes, counting repetitions."""
        if self.config.training.steps is not None:
            return self.config.training.steps * self.batch_size
        few = max(LEAST_TEXTS, min(ENOUGH_TEXTS, MOST_PASSES * self.examples))
        return max(few, PASSES * self.examples)

    @property
    def trials(self) -> int:
        """Number of trials in all rounds, at most."""
        return sum(ROUND_TRIALS)

    @property
    def cost(self) -> int:
        """Texts that all trials pass, at most, counting repetitions."""
        return sum(count * self.trial_texts(stage) for stage, count in enumerate(ROUND_TRIALS))

    def trial_texts(self, stage: int) -> int:
        """Texts that a trial passes in a round, counted from 0."""
        return round(self.texts * ROUND_SHARES[stage])

    def lasting(self, settings: Settings, stage: int) -> Settings:
        """`settings` with the length of a round's trials."""
        return {**settings, "training.steps": max(1, self.trial_texts(stage) // self.batch_size)}

    def first(self) -> list[Settings]:
        """The first round: longest n-grams, with and without character n-grams."""
        dim = 64 if self.classes <= FEW_CLASSES else 128
        base: dict[str, Value] = {
            "vocabulary.boundaries": False,
            "vocabulary.min_count": 1 if self.examples < FEW_TEXTS else 2,
            "student.dim": dim,
            "student.dropout": 0.3,
            "training.ngram_dropout": 0.3,
            "training.table_learning_rate": 0.3,
            "training.batch_size": self.batch_size,
        }
        if self.examples < FEW_EXAMPLES:
            base["student.members"] = MEMBERS
        if self.problem == "multi_label":
            base["training.class_weights"] = "balanced"
        features = product((0, 5), (1, 2, 3, 4))
        return self._distinct(
            {"vocabulary.max_ngram": order, "vocabulary.max_characters": characters, **base}
            | ({"student.row_dropout": 0.5} if characters else {})
            for characters, order in features
        )

    def varied(self, survivor: Settings) -> list[Settings]:
        """The second round: a survivor with each of the :data:`VARIANTS` and those of its kind."""
        spelt = survivor.get("vocabulary.max_characters", self.config.tokenizer.max_characters)
        more = CHARACTER_VARIANTS if spelt else WORD_VARIANTS
        return self._distinct({**survivor, **variant} for variant in (*VARIANTS, *more))

    def widened(self, settings: Settings) -> Settings:
        """The same student with twice the dimensions."""
        return self._allowed({**settings, "student.dim": 2 * int(settings.get("student.dim", 64))})

    def _allowed(self, settings: Settings) -> Settings:
        return {name: value for name, value in settings.items() if name not in self.given}

    def _distinct(self, candidates: Iterable[Settings]) -> list[Settings]:
        found: list[Settings] = []
        for settings in map(self._allowed, candidates):
            if settings not in found:
                found.append(settings)
        return found
