"""Which texts are kept, and what is written of them."""

from __future__ import annotations

from dataclasses import dataclass

from .._internal.settings import check_fields
from ..errors import InputError


@dataclass(frozen=True)
class FilterConfig:
    """Which texts are kept, and what is written of them. Exactly one of `keep` and `share` is given.

    Attributes:
        keep: Keep the texts that fulfil this expression, such as ``score >= 3`` or ``positive >= 0.9 and not
            label == "spam"``. See :mod:`~.expression`.
        share: Keep this share of the texts: those with the highest score `by`, and all with the same score as
            the last of these. The texts are read twice.
        by: The score that `share` ranks by and that the report shows: a name as in `keep`, also without
            quotes. By default the number of a regression, or else the first score in `keep`.
        sample: Find the threshold of `share` in this number of texts, drawn at random; by default in all.
        seed: Seed of the sample.
        scores: Add the scores to the kept texts; by default in all formats but txt and fasttext.
        probabilities: Add the probability of each class, and not only of those in `keep` and `by`.
        prefix: What the names of added columns start with.
        by_source: Column of the sources of the texts, such as a data set or a domain, which the report shows
            one by one.

    Raises:
        InputError: A value is out of range, or two exclude each other.
    """

    keep: str | None = None
    share: float | None = None
    by: str | None = None
    sample: int | None = None
    seed: int = 0
    scores: bool | None = None
    probabilities: bool = False
    prefix: str = ""
    by_source: str | None = None

    def __post_init__(self) -> None:
        check_fields(self)
        if (self.keep is None) == (self.share is None):
            raise InputError("Say what to keep: give an expression or a share, and not both.")
        if self.share is not None and not 0 < self.share <= 1:
            raise InputError(f"The share to keep is {self.share:g}: give more than 0 and at most 1.")
        if self.sample is not None and self.share is None:
            raise InputError("A sample finds the threshold of a share: give a share to keep, or no sample.")
        if self.sample is not None and not 1 <= self.sample < 1 << 31:
            raise InputError(f"The sample is {self.sample} texts: give 1 or more, and less than 2^31.")
        if not 0 <= self.seed < 1 << 64:
            raise InputError(f"The seed is {self.seed}: give 0 or more, and less than 2^64.")
        if any(character in self.prefix for character in '\t\r\n"'):
            raise InputError(f"The prefix {self.prefix!r} has a tab, a line break or a quote: leave it out.")
