"""The labelled texts of a job, split into training, validation and test data that do not overlap."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pyarrow as pa

from ..data.columns import Columns
from ..data.identity import identities
from ..data.labelled import Labelled
from ..errors import InputError
from ..labeling.soft_examples import without

logger = logging.getLogger(__package__)


@dataclass(frozen=True)
class Material:
    """The labelled texts of a job; no text is in two parts.

    Attributes:
        train: Training data.
        validation: Validation data, to select the best student with.
        test: Test data.
        classes: Class names.
        multi_label: A text can have any number of classes.
        pair: The texts come in pairs.
        left_out: Labelled texts that were left out because they occur in validation or test data.
    """

    train: Labelled | None
    validation: Labelled | None
    test: Labelled | None
    classes: tuple[str, ...]
    multi_label: bool
    pair: bool
    left_out: int = 0

    def held_out(self) -> pa.Array:
        """Identities of the validation and test texts, which no training may use."""
        parts = [part for part in (self.validation, self.test) if part is not None]
        found = [identities(part.texts, part.text_pair) for part in parts]
        return pa.concat_arrays([pa.array([], pa.large_string()), *found])


def gather(
    train: Labelled | None,
    validation: Labelled | None,
    test: Labelled | None,
    *,
    classes: Sequence[str] | None,
    columns: Columns,
    validation_share: float,
    seed: int,
) -> Material:
    """Put the labelled texts of a job together, so that no text is in two parts.

    Args:
        train: Training data; a part is held out of it if there is no `validation`.
        validation: Validation data.
        test: Test data.
        classes: The class names; by default those of `train`.
        columns: Tells the kind of texts if there are no labelled ones.
        validation_share: Share of `train` to hold out.
        seed: Draws what is held out.

    Raises:
        InputError: The classes are not known, or nothing is left to train on.
    """
    if train is not None:
        classes = train.classes
    if classes is None:
        raise InputError("The classes are not known: give a teacher, labelled texts, or their names.")
    known = Material(None, None, test, tuple(classes), columns.multi_label, columns.text_pair is not None)
    sample = train or validation or test
    if sample is not None:
        known = replace(known, multi_label=sample.multi_label, pair=sample.text_pair is not None)
    given = sum(len(part) for part in (train, validation) if part is not None)
    if validation is not None:
        validation = without(validation, known.held_out())
        known = replace(known, validation=validation)
    if train is not None:
        rest = without(train, known.held_out())
        if validation is None:
            rest, validation = rest.split(validation_share, seed)
            known = replace(known, validation=validation)
            rest = without(rest, identities(validation.texts, validation.text_pair))
        known = replace(known, train=rest)
    kept = sum(len(part) for part in (known.train, validation) if part is not None)
    if kept < given:
        logger.info(f"{given - kept:,} labelled texts were left out: they occur in validation or test data.")
    return replace(known, left_out=given - kept)
