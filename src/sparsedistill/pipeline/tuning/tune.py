"""Choose the settings of a job by successive halving, on its validation data."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from math import log
from pathlib import Path
from time import monotonic

import numpy as np
from numpy.typing import NDArray

from ..._internal.progress import Advance, Progress, no_progress
from ...data.corpus import Corpus
from ...data.examples import Examples
from ...labeling.soft_targets import SoftTargets
from ...model.tuning import TrialRecord, TuningRecord
from ...problem import Problem
from ...training.network import NetworkConfig
from ..config import DistillationConfig
from ..material import Material
from ..student_training import network_config, scale_of
from .material import Fold, tuning_folds
from .settings import Settings, given_settings
from .space import SURVIVORS, TUNED, Space
from .trial import Trial, Trials, text_scores

logger = logging.getLogger(__name__)

_SAME_COST = 1.1  # numbers of look-ups within this factor count as equal
#: Standard errors from the best student within which the cheapest is chosen. On CLEAR a whole one chose words
#: alone, with a correlation of 0.744 on other texts than the tuner's; word pairs were close, and reach 0.752.
_NEAR: dict[Problem, float] = {"single_label": 1.0, "multi_label": 1.0, "regression": 0.5}


def tune(
    targets: SoftTargets | None,
    material: Material,
    corpus: Corpus,
    config: DistillationConfig,
    folder: Path,
    progress: Progress = no_progress,
) -> TuningRecord | None:
    """Choose settings by successive halving (Jamieson & Talwalkar 2016) over a fixed set of students.

    Students are trained briefly in the first rounds; the best are varied and trained for longer in later
    ones, in full length if that helps. All trials together cost at most as much as three full trainings.
    Among the students within one standard error of the best (half of one for a regression), the one with the
    fewest look-ups per text is chosen, then the one with the fewest dimensions, then the best. The choice
    depends on the data, the settings, the seed and the number of threads, unless ``config.tune_minutes``
    ends the search.

    Args:
        targets: The soft targets, if there are any.
        material: The labelled texts. Test data are not looked at.
        corpus: Texts that vocabularies are counted from.
        config: Settings of the job; those that differ from the defaults are kept.
        folder: Directory for vocabularies and finished trials, which are not repeated.
        progress: Shows the progress.

    Returns:
        What was tried, and which trial was chosen; None if nothing is left to choose.
    """
    given = given_settings(config)
    if given.issuperset(TUNED):
        return None
    if targets is not None:  # class weights are of labels
        given |= {"training.class_weights"}
    folds = tuning_folds(targets, material, config)
    space = Space(sum(folds[0].train.sizes), len(material.classes), material.problem, given, config)
    scale = scale_of(targets, material)

    def shape(rows: int, config: DistillationConfig) -> NetworkConfig:
        return network_config(rows, material, config, scale)

    def scores(logits: NDArray[np.float32], texts: Examples) -> list[NDArray[np.float32]]:
        return [text_scores(logits, texts, material.problem)]

    trials = Trials(corpus, shape, scores, folds, config, folder)
    return search(space, trials, folds, given, config, _NEAR[material.problem], progress)


def search(
    space: Space,
    trials: Trials,
    folds: Sequence[Fold],
    given: frozenset[str],
    config: DistillationConfig,
    near: float,
    progress: Progress,
) -> TuningRecord:
    """Run the trials of a space, and choose one. See :func:`tune`.

    Args:
        space: The settings to try.
        trials: Trains and scores them.
        folds: The texts of the trials.
        given: Names of settings that are kept.
        config: Settings of the job.
        near: Standard errors from the best student within which the cheapest is chosen.
        progress: Shows the progress.
    """
    logger.info(
        f"Choosing settings: {space.trials} students see {space.cost:,} texts in all, as many as "
        f"{space.cost / space.texts:.1f} trainings of {space.texts:,} texts."
    )
    with progress("Choosing settings", space.cost, "texts") as advance:
        rounds = _Search(space, trials, config.tune_minutes, advance)
        rounds.finish()
    chosen = _choice(rounds.trials, near)
    settings = rounds.trials[chosen].settings
    words = ", ".join(f"{name.partition('.')[2]} {value}" for name, value in settings.items())
    logger.info(f"Chose {words}.")
    return _record(rounds, chosen, folds, given)


class _Search:
    """The trials of a job, round by round.

    Attributes:
        trials: The trials in their order.
        rounds: The number of each trial's round, from 1.
        complete: No trial was left out for lack of time.
    """

    def __init__(self, space: Space, trials: Trials, minutes: float | None, advance: Advance) -> None:
        self.trials: list[Trial] = []
        self.rounds: list[int] = []
        self.complete = True
        self._space = space
        self._run = trials.run
        self._deadline = None if minutes is None else monotonic() + 60 * minutes
        self._advance = advance

    def finish(self) -> None:
        """Run all rounds."""
        survivors = _best(self._round(0, self._space.first()), SURVIVORS)
        variants = [self._round(1, self._space.varied(survivor.settings)) for survivor in survivors]
        together = _together(survivors[0], variants[0])
        first, *others = _best(self.trials, 2)
        longer = [first, *others]
        candidates = [*(trial.settings for trial in longer), together, self._space.widened(first.settings)]
        found = _best(self._round(2, candidates), 1)
        # Where three times the training did not help, five times as much again does not either.
        if found and found[0].score > first.score:
            self._round(3, [found[0].settings])

    def _round(self, stage: int, candidates: Sequence[Settings]) -> list[Trial]:
        """Run the trials of a round; those that were run before are not repeated."""
        found = []
        for candidate in candidates:
            if self._deadline is not None and self.trials and monotonic() > self._deadline:
                self.complete = False
                break
            settings = self._space.lasting(candidate, stage)
            if settings in [trial.settings for trial in self.trials]:
                continue
            found.append(self._run(settings))
            self.trials.append(found[-1])
            self.rounds.append(stage + 1)
            best = max(trial.score for trial in self.trials)
            self._advance(
                self._space.trial_texts(stage), f"{len(self.trials)} students, best score {best:.3f}"
            )
        return found


def _best(trials: Sequence[Trial], count: int) -> list[Trial]:
    """The trials with the highest scores; ties go to the earlier one."""
    return sorted(trials, key=lambda trial: -trial.score)[:count]


def _together(root: Trial, variants: Sequence[Trial]) -> Settings:
    """The settings of `root` with all changes of the variants that scored better."""
    settings = dict(root.settings)
    for trial in sorted(variants, key=lambda trial: trial.score):
        if trial.score > root.score:
            changes = trial.settings.items() - root.settings.items()
            settings |= dict(changes)
    return settings


def _choice(trials: Sequence[Trial], errors: float = 1.0) -> int:
    """Position of the cheapest student within this number of standard errors of the best."""
    best = _best(trials, 1)[0]

    def cost(position: int) -> tuple[int, float, float]:
        trial = trials[position]
        lookups = round(log(max(trial.lookups, 1)) / log(_SAME_COST))
        return lookups, float(trial.settings.get("student.dim", 0)), -trial.score

    near = []
    for position, trial in enumerate(trials):
        difference, error = trial.behind(best)
        if difference <= errors * error:
            near.append(position)
    return min(near, key=cost)


def _record(search: _Search, chosen: int, folds: Sequence[Fold], given: frozenset[str]) -> TuningRecord:
    best = _best(search.trials, 1)[0]
    trials = []
    for trial, number in zip(search.trials, search.rounds, strict=True):
        difference, error = trial.behind(best)
        trials.append(
            TrialRecord(
                round=number,
                settings={name: value for name, value in trial.settings.items() if name not in given},
                score=trial.score,
                difference=difference,
                error=error,
                lookups=trial.lookups,
                steps=trial.steps,
                best_step=trial.best_step,
                seconds=trial.seconds,
            )
        )
    texts = sum(len(examples) for fold in folds for examples in fold.held_out)
    return TuningRecord(texts, len(folds), search.complete, chosen, trials)
