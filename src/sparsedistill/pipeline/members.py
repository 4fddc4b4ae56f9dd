"""The networks of a student, which are trained from different seeds and answer together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..model.weights import StudentWeights
from .config import DistillationConfig


@dataclass(frozen=True)
class Member:
    """One of the networks of a student.

    Attributes:
        config: The settings, with its seed.
        folder: Directory of its checkpoints; None for none.
        which: What tells it from the others in a progress bar, such as ``" (2 of 3)"``.
    """

    config: DistillationConfig
    folder: Path | None
    which: str


def members_of(config: DistillationConfig, checkpoint_dir: str | Path | None) -> Iterator[Member]:
    """The networks of a student.

    Args:
        config: The settings.
        checkpoint_dir: Directory for checkpoints; the first network has them there, the others in directories
            of their own in it.
    """
    count = config.student.members
    for number in range(count):
        folder = None if checkpoint_dir is None else Path(checkpoint_dir)
        if folder is not None and number:
            folder /= f"member-{number + 1}"
        yield Member(config.member(number), folder, f" ({number + 1} of {count})" if count > 1 else "")


def mean_weights(weights: Sequence[StudentWeights], until: Sequence[float], *, pair: bool) -> StudentWeights:
    """The weights of a student whose answer is the mean of those of its networks.

    Args:
        weights: The weights of each network.
        until: For each, the share of its steps after which the validation data chose the weights. A network
            whose training did not improve on its initial weights, 0, says nothing and is left out.
        pair: The student compares pairs of texts.
    """
    trained = [one for one, share in zip(weights, until, strict=True) if share] or [weights[0]]
    return StudentWeights.mean_of(trained, pair=pair)
