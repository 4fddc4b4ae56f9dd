"""Validation data from labelled texts: how many are held out, and when folds are needed instead."""

from __future__ import annotations

import logging

import numpy as np

from ..data.labelled import Labelled

logger = logging.getLogger(__package__)

ENOUGH = 200  # validation texts at which the standard error of an accuracy of 80 % is 2.8 points
LARGEST_SHARE = 0.2
FOLDS = 5
_NAMED = 10  # maximum number of classes to name in a message


def hold_out(labelled: Labelled, share: float, seed: int) -> tuple[Labelled, Labelled]:
    """Hold out validation data, stratified by class.

    If fewer than :data:`ENOUGH` texts would be held out, the share is raised, to :data:`LARGEST_SHARE` at
    most.

    Args:
        labelled: The labelled texts.
        share: Share to hold out, between 0 and 1.
        seed: Draws the texts.

    Returns:
        The remaining texts and the validation data. See :meth:`~sparsedistill.data.Labelled.split`.

    Raises:
        InputError: As :meth:`~sparsedistill.data.Labelled.split`.
    """
    raised = max(share, min(ENOUGH / max(len(labelled), 1), LARGEST_SHARE))
    rest, held_out = labelled.split(raised, seed)
    if raised > share:
        logger.info(
            f"Held out {len(held_out):,} of {len(labelled):,} labelled texts for validation, more than "
            f"validation_share = {share:g}: fewer say little."
        )
    return rest, held_out


def validation_folds(labelled: Labelled, share: float) -> int:
    """Number of folds to compare settings with.

    Args:
        labelled: The labelled texts.
        share: Share that is held out for validation.

    Returns:
        1 if that share has :data:`ENOUGH` texts, so that one held-out part suffices; otherwise
        :data:`FOLDS`, or fewer if there are fewer texts. See :meth:`~sparsedistill.data.Labelled.folds`.
    """
    if share * len(labelled) >= ENOUGH:
        return 1
    counts = labelled.counts()
    return max(2, min(FOLDS, int(counts[counts > 1].sum())))


def report_missing(validation: Labelled) -> None:
    """Log a warning that names the classes without validation texts, if there are any."""
    missing = np.flatnonzero(validation.counts() == 0)
    if not len(missing):
        return
    names = ", ".join(validation.classes[i] for i in missing[:_NAMED])
    more = f" and {len(missing) - _NAMED:,} more" if len(missing) > _NAMED else ""
    logger.warning(
        f"{len(missing):,} of {len(validation.classes):,} classes have no validation texts ({names}{more}): "
        "what the student does with them is not measured; label more texts of these classes."
    )
