"""What the tuner tried, as ``tuning.json``, ``config.json`` and the model card hold it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TrialRecord:
    """One student that was tried.

    Attributes:
        round: Number of the round, from 1.
        settings: The settings that the tuner chose, by their names in recipes.
        score: Mean of the accuracy on held-out labels and the agreement with the teacher on held-out texts,
            or the one of them that there is. For multi-label, the mean over the texts of F1 of their labels;
            for a regression, Spearman's correlation with labels and teacher.
        difference: The best score minus this one.
        error: Standard error of `difference`, from the scores of the same texts.
        lookups: N-grams looked up per held-out text when the student serves it.
        steps: Steps of the training.
        best_step: Step with the best result on the validation data.
        seconds: Duration of the trial.
    """

    round: int
    settings: dict[str, bool | int | float | str]
    score: float
    difference: float
    error: float
    lookups: float
    steps: int
    best_step: int
    seconds: float


@dataclass(frozen=True)
class TuningRecord:
    """All trials of a job.

    Attributes:
        texts: Held-out texts that the trials were scored on.
        folds: Folds of cross-validation; 1 for one held-out part.
        complete: No trial was left out for lack of time.
        chosen: Position in `trials` of the chosen one.
        trials: The trials in their order.
    """

    texts: int
    folds: int
    complete: bool
    chosen: int
    trials: list[TrialRecord]
