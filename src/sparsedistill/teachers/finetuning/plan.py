"""Settings of fine-tuning that are chosen from the texts and the encoder."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .config import FinetuningConfig

_FEWEST_STEPS = 1_500
_MOST_STEPS = 20_000
_PASSES = 2
#: Few texts are learned by heart after this many passes.
_MOST_PASSES = 60
#: Long texts: the training ends after this many tokens, but not before every text was read once.
_TOKENS = 3_000_000

#: Share of the texts, in %, that is not truncated.
_WHOLE = 99.5
_LONGEST = 256
_MULTIPLE = 8

#: Learning rate of an encoder of this width. Wider ones need lower rates.
_RATE, _WIDTH = 2e-4, 384
_HIGHEST_RATE = 3e-4


@dataclass(frozen=True)
class FinetuningPlan:
    """Settings of a run.

    Attributes:
        steps: Length of the training.
        learning_rate: Peak learning rate.
        max_length: Longest input in tokens.
    """

    steps: int
    learning_rate: float
    max_length: int


def make_plan(
    config: FinetuningConfig, lengths: NDArray[np.int64], texts: int, longest: int, width: int
) -> FinetuningPlan:
    """Choose the settings that `config` leaves open.

    Args:
        config: The settings.
        lengths: Numbers of tokens, int64 (n,), of a sample of the training texts.
        texts: Number of training texts.
        longest: Longest input of the encoder, in tokens.
        width: Width of the encoder's hidden states.
    """
    length = choose_max_length(lengths, longest) if config.max_length is None else config.max_length
    length = min(length, longest)
    tokens = float(np.minimum(lengths, length).mean())
    return FinetuningPlan(
        steps=config.steps or choose_steps(texts, tokens, config.batch_size),
        learning_rate=config.learning_rate or choose_learning_rate(width),
        max_length=length,
    )


def choose_max_length(lengths: NDArray[np.int64], longest: int) -> int:
    """Return the length in tokens at which texts are truncated: 99.5 % of them are not.

    It is a multiple of 8, and at most 256 or the longest input of the encoder. Texts are not padded to it.
    """
    wanted = float(np.percentile(lengths, _WHOLE))
    return min(_MULTIPLE * int(np.ceil(wanted / _MULTIPLE)), _LONGEST, longest)


def choose_steps(texts: int, tokens: float, batch_size: int) -> int:
    """Return how long to train.

    Two passes over the texts, but at least 1,500 steps; then again at most 60 passes, 20,000 steps, and 3 M
    tokens or one pass, if that is more.

    Args:
        texts: Number of training texts.
        tokens: Mean length of a text in tokens.
        batch_size: Texts per step.
    """
    one_pass = -(-texts // batch_size)
    affordable = max(one_pass, round(_TOKENS / (tokens * batch_size)))
    wanted = max(_FEWEST_STEPS, _PASSES * one_pass)
    return min(wanted, affordable, _MOST_PASSES * one_pass, _MOST_STEPS)


def choose_learning_rate(width: int) -> float:
    """Return the peak learning rate of an encoder: 2e-4 at a width of 384, 5e-5 at 768, 2.8e-5 at 1,024."""
    return min(_RATE * (_WIDTH / width) ** 2, _HIGHEST_RATE)
