"""What is written for each text."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class PredictionConfig:
    """What is written for each text, besides the answers and the kept columns.

    Attributes:
        probabilities: The probability of each class.
        coverage: The share of tokens that the student knows.
        with_text: The text, or both texts of a pair.
    """

    probabilities: bool = False
    coverage: bool = False
    with_text: bool = True

    def settings(self) -> dict[str, str]:
        """These settings by what messages call them."""
        return {f"setting of {name}": str(value) for name, value in asdict(self).items()}
