"""All baselines, and the fit of those that can be fitted."""

from __future__ import annotations

import logging

from ...data.labelled import Labelled
from ...errors import InputError
from ..metrics import METRICS, metric_value
from .base import Baseline, Choice, FittedBaseline, NotInstalledError, Predictor
from .fasttext import FASTTEXT
from .majority import MAJORITY, MEAN
from .ridge import RIDGE
from .tfidf import TFIDF

logger = logging.getLogger("sparsedistill.evaluation")

#: The baselines of classes, in the order of tables.
BASELINES: tuple[Baseline, ...] = (MAJORITY, TFIDF, FASTTEXT)
#: Those of a regression.
SCORE_BASELINES: tuple[Baseline, ...] = (MEAN, RIDGE)


def fit_baselines(
    train: Labelled,
    validation: Labelled,
    *,
    seconds: int | None = None,
    threads: int | None = None,
    seed: int = 0,
) -> list[FittedBaseline]:
    """Fit all baselines to training data, with settings chosen on validation data.

    A baseline that cannot be fitted is left out, with a warning; without one if it is optional and its
    library is not installed.

    Args:
        train: Training data.
        validation: Validation data, with the classes of `train`.
        seconds: Time that fastText may search for settings; None for a short list of settings.
        threads: Number of threads; None for all cores.
        seed: Seeds everything random.
    """
    metric = METRICS[train.problem]

    def value(predict: Predictor) -> float:
        return metric_value(predict(validation), validation.labels, metric)

    fitted = []
    for baseline in SCORE_BASELINES if train.problem == "regression" else BASELINES:
        try:
            fitted.append(baseline.fit(train, Choice(validation, value, seconds, threads, seed)))
        except InputError as error:
            quiet = baseline.optional and isinstance(error, NotInstalledError)
            logger.log(
                logging.DEBUG if quiet else logging.WARNING, f"{baseline.title} was not measured. {error}"
            )
    return fitted
