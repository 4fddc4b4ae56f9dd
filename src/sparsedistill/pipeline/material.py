"""The labelled texts of a job, as training, validation and test data that do not overlap."""

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
from ..problem import Problem
from .validation import report_missing

logger = logging.getLogger(__package__)


@dataclass(frozen=True)
class Material:
    """The labelled texts of a job. No text is in two parts.

    Attributes:
        train: Training data.
        validation: Validation data, to select the best checkpoint with.
        test: Test data.
        classes: Class names.
        problem: What the labels say of a text.
        pair: The texts come in pairs.
        left_out: Number of labelled texts that were left out because they are also in the validation or test
            data.
        own_validation: The validation data are a part of the labelled texts.
    """

    train: Labelled | None
    validation: Labelled | None
    test: Labelled | None
    classes: tuple[str, ...]
    problem: Problem
    pair: bool
    left_out: int = 0
    own_validation: bool = False

    def all_labelled(self) -> Labelled:
        """The training and validation texts together, of a job that has both."""
        assert self.train is not None  # noqa: S101 - there are labels to train on,
        assert self.validation is not None  # noqa: S101 - and some to validate on
        return self.train.joined(self.validation)

    def held_out(self) -> pa.Array:
        """Identities of the validation and test texts, which must not be trained on; large_string (n,)."""
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
    problem: Problem = "single_label",
    validation_share: float,
    seed: int,
) -> Material:
    """Combine the labelled texts of a job, and leave texts out so that none is in two parts.

    Test data take precedence over validation data, and those over training data. Classes without validation
    texts are logged as a warning.

    Args:
        train: Training data. A part is held out as validation data if there are none.
        validation: Validation data.
        test: Test data.
        classes: Class names; by default those of `train`.
        columns: Say whether a job without labelled texts takes pairs.
        problem: What a job without labelled texts is about.
        validation_share: Share of `train` to hold out, but at least one text of each class. See
            :meth:`~sparsedistill.data.Labelled.split`.
        seed: Seeds the choice of the held-out texts.

    Raises:
        InputError: The classes are not known, or no training or validation texts are left.
    """
    if train is not None:
        classes = train.classes
    if classes is None:
        raise InputError("The classes are not known: give a teacher, labelled texts, or the class names.")
    known = Material(None, None, test, tuple(classes), problem, columns.text_pair is not None)
    sample = train or validation or test
    if sample is not None:
        known = replace(known, problem=sample.problem, pair=sample.text_pair is not None)
    given = sum(len(part) for part in (train, validation) if part is not None)
    if validation is not None:
        validation = _remaining("validation", validation, "test", known)
        known = replace(known, validation=validation)
    if train is not None:
        rest = _remaining("labelled", train, "validation or test", known)
        if validation is None:
            rest, validation = rest.split(validation_share, seed)
            known = replace(known, own_validation=True)
        known = replace(known, train=rest, validation=validation)
    if validation is not None:
        report_missing(validation)
    kept = sum(len(part) for part in (known.train, validation) if part is not None)
    if kept < given:
        logger.info(f"Left out {given - kept:,} labelled texts that are also in validation or test data.")
    return replace(known, left_out=given - kept)


def _remaining(name: str, part: Labelled, held_out: str, known: Material) -> Labelled:
    """The texts of `part` that are not held out; there must be some."""
    rest = without(part, known.held_out())
    if not len(rest):
        raise InputError(f"All {name} texts are also in the {held_out} data: give other {name} texts.")
    return rest
