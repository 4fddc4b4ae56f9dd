"""Which columns of a file hold what."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import InputError
from .kinds import Field


@dataclass(frozen=True)
class Columns:
    """Which columns of a file hold what.

    Attributes:
        text: The text, or the first one of a pair. (A txt file is a text a line and has no columns.)
        text_pair: The second text of a pair.
        label: The label.
        weight: The weight of the example.
        label_separator: Given, a row may have several labels (multi-label): joined by this in one field,
            or a list in jsonl and parquet. An empty field is no label at all.
        scores: A teacher's scores that stand beside the texts: a column a class, or one column of lists.
    """

    text: str = "text"
    text_pair: str | None = None
    label: str | None = None
    weight: str | None = None
    label_separator: str | None = None
    scores: str | tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        names = [column.name for column in self.fields()]
        for name in names:
            if names.count(name) > 1:
                raise InputError(f"The column {name!r} is asked for twice: give each purpose its own column.")
        if self.label_separator == "":
            raise InputError("The label separator is empty: give the character that stands between labels.")

    @property
    def multi_label(self) -> bool:
        """Whether a row may have several labels."""
        return self.label_separator is not None

    def fields(self) -> list[Field]:
        """The columns to read, in a set order."""
        kind = "labels" if self.multi_label else "label"
        fields = [Field("text", self.text, "text")]
        if self.text_pair is not None:
            fields.append(Field("text_pair", self.text_pair, "text"))
        if self.label is not None:
            fields.append(Field("label", self.label, kind, self.label_separator))
        if self.weight is not None:
            fields.append(Field("weight", self.weight, "number"))
        if isinstance(self.scores, str):
            fields.append(Field("scores", self.scores, "numbers"))
        elif self.scores is not None:
            fields.extend(Field(f"scores.{i}", name, "number") for i, name in enumerate(self.scores))
        return fields
