"""What the answers of an LLM took."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Usage:
    """Counts since a teacher was made.

    Attributes:
        asked: Requests that the server answered.
        remembered: Answers that were known already.
        retries: Requests that were repeated because they had failed.
        tokens_in: Tokens of the prompts, of answered requests.
        tokens_out: Tokens of the answers.
        floored: Classes that were not among the listed tokens of an answer, which had other classes.
        unusable: Answers without a class, or without a number within the bounds.
    """

    asked: int = 0
    remembered: int = 0
    retries: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    floored: int = 0
    unusable: int = 0

    def cost(self, price_in: float | None, price_out: float | None) -> float | None:
        """The price of the tokens; None without prices per million."""
        if price_in is None and price_out is None:
            return None
        return (self.tokens_in * (price_in or 0) + self.tokens_out * (price_out or 0)) / 1e6

    def summary(self, price_in: float | None, price_out: float | None) -> str:
        """The counts in a sentence without a full stop."""
        parts = [
            f"{self.asked:,} answers ({self.tokens_in:,} tokens in, {self.tokens_out:,} out"
            + ("" if (cost := self.cost(price_in, price_out)) is None else f", cost {cost:,.4f}")
            + f") and {self.remembered:,} remembered ones"
        ]
        counts = {
            "repeated requests": self.retries,
            "classes outside of the listed tokens": self.floored,
            "unusable answers": self.unusable,
        }
        return ", ".join([*parts, *(f"{count:,} {name}" for name, count in counts.items() if count)])
