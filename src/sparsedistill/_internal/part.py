"""A part of a job that several processes do together."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from ..errors import InputError

#: Most parts of a job: their names have five digits.
MOST_PARTS = 99_999

_Item = TypeVar("_Item")


@dataclass(frozen=True)
class Part:
    """One of several parts of a job.

    Attributes:
        number: Its number, from 1.
        of: Number of parts.

    Raises:
        InputError: A number is out of range.
    """

    number: int = 1
    of: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.number <= self.of <= MOST_PARTS:
            raise InputError(
                f"Part {self.number}/{self.of} does not exist: give i/n with i from 1 to n, and n of at most "
                f"{MOST_PARTS:,}."
            )

    @classmethod
    def parse(cls, text: str) -> Part:
        """The part that ``i/n`` names.

        Raises:
            InputError: `text` has another form, or there is no such part.
        """
        found = re.fullmatch(r"(\d{1,9})/(\d{1,9})", text, re.ASCII)
        if found is None:
            raise InputError(f"The part {text!r} is not i/n: give one such as 3/16.")
        return cls(int(found[1]), int(found[2]))

    @property
    def whole(self) -> bool:
        """Whether this is all of the job."""
        return self.of == 1

    @property
    def name(self) -> str:
        """Its name in names of files, such as ``part-00003-of-00016``."""
        return f"part-{self.number:05d}-of-{self.of:05d}"

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"

    def share(self, items: Sequence[_Item]) -> list[_Item]:
        """Every `of`-th item, from the `number`-th: neighbours, often alike, go to different parts."""
        return list(items[self.number - 1 :: self.of])

    def span(self, count: int) -> range:
        """Consecutive numbers below `count`; parts differ by at most one in their number."""
        return range((self.number - 1) * count // self.of, self.number * count // self.of)
