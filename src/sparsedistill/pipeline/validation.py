"""Validation data: when folds are needed instead of one held-out part, and which classes they lack."""

from __future__ import annotations

import logging

import numpy as np

from ..data.labelled import Labelled

logger = logging.getLogger(__package__)

#: Number of validation texts with which settings can be compared: the standard error of an accuracy of 80 %
#: is 2.8 points. With fewer, five folds chose better among five settings (TREC, SST-2 and Banking77, 100 to
#: 1,540 texts). The chosen setting had 65.5 % of the test texts right, against 63.2 % with one held-out tenth
#: and 66.0 % at best. A larger part does not replace folds: a fifth and three tenths gave 63.1 and 62.5 %,
#: since fewer texts are left to train on. From 200 validation texts on, folds chose no better.
ENOUGH = 200
FOLDS = 5
_NAMED = 10  # maximum number of classes to name in a message


def validation_folds(labelled: Labelled, share: float) -> int:
    """Number of folds to compare settings with.

    Args:
        labelled: The labelled texts.
        share: Share that is held out for validation otherwise.

    Returns:
        1 if that share has :data:`ENOUGH` texts, so that one held-out part suffices; otherwise
        :data:`FOLDS`, or fewer if there are fewer texts. See :meth:`~sparsedistill.data.Labelled.folds`.
    """
    if share * len(labelled) >= ENOUGH:
        return 1
    if labelled.problem == "regression":
        return max(2, min(FOLDS, len(labelled)))
    counts = labelled.counts()
    return max(2, min(FOLDS, int(counts[counts > 1].sum())))


def report_missing(validation: Labelled) -> None:
    """Log a warning that names the classes without validation texts, if there are any."""
    if validation.problem == "regression":
        return
    missing = np.flatnonzero(validation.counts() == 0)
    if not len(missing):
        return
    names = ", ".join(validation.classes[i] for i in missing[:_NAMED])
    more = f" and {len(missing) - _NAMED:,} more" if len(missing) > _NAMED else ""
    logger.warning(
        f"{len(missing):,} of {len(validation.classes):,} classes have no validation texts ({names}{more}): "
        "what the student does with them is not measured; label more texts of these classes."
    )
