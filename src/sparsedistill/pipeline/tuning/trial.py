"""One trial: a student that is trained briefly and scored on held-out texts."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from ..._internal.correlation import spearman_values
from ..._internal.progress import no_progress
from ..._internal.records import as_json, read_record, write_record
from ..._internal.tensors import open_tensors, verify_tensors, write_tensors
from ..._internal.training_log import log_training
from ...data.corpus import Corpus
from ...data.examples import Examples
from ...problem import Problem
from ...training.network import NetworkConfig, StudentNetwork
from ...training.scoring import score_texts
from ...training.trainer import train
from ...vocabulary.vocabulary import Vocabulary
from ..config import DistillationConfig
from ..job_vocabulary import make_vocabulary
from ..student_training import training_device
from .material import Fold
from .settings import Settings, with_settings

_EVALUATIONS = 5  # of a trial: each costs as much as scoring the held-out texts
_COUNTED = 1_000  # held-out texts in which look-ups are counted


@dataclass(frozen=True)
class TrialFigures:
    """The figures of a trial in its file; see :class:`Trial`."""

    lookups: float
    steps: int
    best_step: int
    seconds: float
    digests: dict[str, str]


@dataclass(frozen=True)
class Trial:
    """A student that was tried.

    Attributes:
        settings: Its settings, by their names in recipes.
        scores: Per kind of held-out texts and respect, the score of each text, float32 (n,).
        lookups: N-grams looked up per held-out text when it serves.
        steps: Steps of its training.
        best_step: Step with the best result; the mean over folds.
        seconds: Duration.
    """

    settings: Settings
    scores: tuple[NDArray[np.float32], ...]
    lookups: float
    steps: int
    best_step: int
    seconds: float

    @property
    def score(self) -> float:
        """Mean over the kinds of the mean score."""
        return float(np.mean([scores.mean() for scores in self.scores]))

    def behind(self, other: Trial) -> tuple[float, float]:
        """How much lower this score is than another's, and the standard error of that difference."""
        differences = [theirs - ours for ours, theirs in zip(self.scores, other.scores, strict=True)]
        variance = sum(float(each.var()) / len(each) for each in differences)
        return other.score - self.score, variance**0.5 / len(differences)


class Trials:
    """Trains and scores students on the same texts.

    Args:
        corpus: Texts that vocabularies are counted from.
        shape: The shape of the network with this number of n-grams and these settings.
        scores: The scores of each text in one or several respects, from its logits and targets.
        folds: Texts to train and score on.
        config: Settings of the job.
        folder: Directory for vocabularies.
    """

    def __init__(
        self,
        corpus: Corpus,
        shape: Callable[[int, DistillationConfig], NetworkConfig],
        scores: Callable[[NDArray[np.float32], Examples], list[NDArray[np.float32]]],
        folds: Sequence[Fold],
        config: DistillationConfig,
        folder: Path,
    ) -> None:
        self._corpus = corpus
        self._shape = shape
        self._scores = scores
        self._folds = folds
        self._config = config
        self._folder = folder

    def run(self, settings: Settings) -> Trial:
        """Train and score a student, one per fold; a finished trial is read from its file."""
        file = self._folder / f"trial-{_digest(settings)}"
        if found := _read(file, settings):
            return found
        trial = self._train(settings)
        _write(file, trial)
        return trial

    def _train(self, settings: Settings) -> Trial:
        started = perf_counter()
        config = with_settings(self._config, settings)
        vocabulary = make_vocabulary(self._corpus, self._folder / _name(config), config)
        runs = [self._student(vocabulary, config, fold) for fold in self._folds]
        kinds = range(len(runs[0][0]))
        return Trial(
            settings=settings,
            scores=tuple(np.concatenate([scores[kind] for scores, _ in runs]) for kind in kinds),
            lookups=_lookups(vocabulary, self._folds[0].held_out[0]),
            steps=config.training.length(sum(self._folds[0].train.sizes)),
            best_step=round(float(np.mean([step for _, step in runs]))),
            seconds=perf_counter() - started,
        )

    def _student(
        self, vocabulary: Vocabulary, config: DistillationConfig, fold: Fold
    ) -> tuple[list[NDArray[np.float32]], int]:
        """The scores per kind of held-out texts and respect, and the best step."""
        device = training_device(config.student.device)
        network = StudentNetwork(self._shape(len(vocabulary), config), device)
        training = replace(config.training, evaluations=_EVALUATIONS)
        with log_training(None):  # tuning.json has the trials
            result = train(network, vocabulary, fold.train, fold.held_out[0], training, progress=no_progress)
        scores: list[NDArray[np.float32]] = []
        for texts in fold.held_out:
            logits = score_texts(network, vocabulary, texts.texts, texts.text_pair, threads=config.threads)
            scores += self._scores(logits, texts)
        return scores, result.best_step


def _digest(settings: Settings) -> str:
    return hashlib.sha256(as_json(dict(settings)).encode()).hexdigest()[:16]


def _write(file: Path, trial: Trial) -> None:
    digests = write_tensors(
        file.with_suffix(".safetensors"), {str(kind): scores for kind, scores in enumerate(trial.scores)}
    )
    figures = TrialFigures(trial.lookups, trial.steps, trial.best_step, trial.seconds, digests)
    write_record(file.with_suffix(".json"), figures)


def _read(file: Path, settings: Settings) -> Trial | None:
    path = file.with_suffix(".json")
    if not path.exists():  # written last
        return None
    advice = f"delete {path} to repeat this trial"
    figures = read_record(path, TrialFigures, advice)
    scores = open_tensors(file.with_suffix(".safetensors"))
    verify_tensors(file.with_suffix(".safetensors"), figures.digests, advice)
    names = map(str, range(len(scores)))
    lookups, steps, best = figures.lookups, figures.steps, figures.best_step
    return Trial(settings, tuple(scores[name] for name in names), lookups, steps, best, figures.seconds)


def text_scores(logits: NDArray[np.float32], examples: Examples, problem: Problem) -> NDArray[np.float32]:
    """Score predictions text by text, float32 (n,).

    A text scores 1 if the predicted class is the label, or the class that the teacher predicts. For
    multi-label it scores the F1 of its labels; 1 if it has none and none is predicted. For a regression it
    scores its value in Spearman's correlation: see :mod:`sparsedistill._internal.correlation`.

    Args:
        logits: float32 (n, classes).
        examples: The n texts with their targets.
        problem: What the student says of a text.
    """
    targets = examples.targets
    if problem == "regression":
        return spearman_values(logits[:, 0], targets.ravel()).astype(np.float32)
    if problem == "single_label":
        truth = targets.argmax(axis=1) if examples.soft else targets
        right: NDArray[np.float32] = (logits.argmax(axis=1) == truth).astype(np.float32)
        return right
    predicted, truth = logits > 0, targets > (0 if examples.soft else 0.5)
    total = predicted.sum(axis=1) + truth.sum(axis=1)
    hits = 2 * (predicted & truth).sum(axis=1)
    scores: NDArray[np.float32] = np.where(total > 0, hits / np.maximum(total, 1), 1).astype(np.float32)
    return scores


def _lookups(vocabulary: Vocabulary, texts: Examples) -> float:
    """N-grams of the vocabulary per text, and character n-grams of unknown words."""
    pair = None if texts.text_pair is None else texts.text_pair[:_COUNTED]
    sample = texts.texts[:_COUNTED]
    found = vocabulary.extract(sample, pair, folded=True)
    return (len(found.rows) + len(found.characters)) / len(sample)


def _name(config: DistillationConfig) -> str:
    """Directory of the vocabulary of these settings."""
    tokenizer = config.tokenizer
    ends = "-ends" if tokenizer.boundaries else ""
    characters = (
        f"-c{tokenizer.min_characters}-{tokenizer.max_characters}" if tokenizer.max_characters else ""
    )
    return f"vocabulary-n{tokenizer.max_ngram}{ends}{characters}-m{config.counting.min_count}"
