"""Names of the columns that are read from files."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from .._internal.settings import check_fields
from ..errors import InputError
from ..problem import Problem
from .fields import Field, Kind
from .file_options import FileOptions

#: What the roles of columns that are carried through start with; their names follow.
KEPT = "keep."


@dataclass(frozen=True)
class Columns:
    """Names of the columns that are read from files.

    Attributes:
        text: Texts, or the first texts of pairs. In txt files each line is a text and this is ignored.
        text_pair: Second texts of pairs.
        label: Labels.
        weight: Weights of examples.
        label_separator: If given, rows can have several labels (multi-label): strings with this separator, or
            lists in jsonl and parquet. An empty field has no label.
        scores: A teacher's scores: one column per class, or one column of lists.
        group: Groups of test texts, such as languages, which an evaluation measures one by one.
        split_by: What belongs together, such as the document or the author of a text: rows of the same value
            are not divided between training and validation. By default, a job looks for ids of texts that
            occur in several versions; the text column says that there are none.
        problem: What the labels are: ``"regression"`` for numbers, ``"single_label"`` or ``"multi_label"``
            for classes. None follows from `label_separator` and from the labels: see
            :func:`~.labelled.read_labelled`.
        sparse: Rows without a label are left out, instead of being an error. With `label_separator` only a
            null is no label: an empty field says that no label applies.
        keep: Columns that are carried through, whatever they hold. They can have other purposes too.
        files: How the files are read that have these columns.

    Raises:
        InputError: A column has two purposes, or `problem` and `label_separator` exclude each other.
    """

    text: str = "text"
    text_pair: str | None = None
    label: str | None = None
    weight: str | None = None
    label_separator: str | None = None
    scores: str | tuple[str, ...] | None = None
    group: str | None = None
    split_by: str | None = None
    problem: Problem | None = None
    sparse: bool = False
    keep: tuple[str, ...] = ()
    files: FileOptions = field(default_factory=FileOptions)

    def __post_init__(self) -> None:
        check_fields(self)
        for name in self.keep:
            if self.keep.count(name) > 1:
                raise InputError(f"The column {name!r} is kept twice: name it once.")
        names = [column.name for column in self.fields() if column.kind != "value"]
        for name in names:
            if names.count(name) > 1:
                raise InputError(
                    f"The column {name!r} is used for two purposes: give each purpose a different column."
                )
        if self.label_separator == "":
            raise InputError("The label separator is empty: give the character that separates labels.")
        if self.problem is not None and (self.problem == "multi_label") != self.multi_label:
            raise InputError(
                "The problem is multi_label and no label separator is given: give the character that "
                "separates labels."
                if self.problem == "multi_label"
                else f"The problem is {self.problem} and a label separator is given: leave out one of them."
            )

    @property
    def multi_label(self) -> bool:
        """Whether rows can have several labels."""
        return self.label_separator is not None

    def for_labels(self, problem: Problem) -> Columns:
        """These columns for more labels of the problem that the labels of the training data have."""
        if self.multi_label:
            return self
        return replace(self, problem=None if problem == "multi_label" else problem)

    def fields(self) -> list[Field]:
        """The columns to read, in a fixed order."""
        fields = [Field("text", self.text, "text")]
        if self.text_pair is not None:
            fields.append(Field("text_pair", self.text_pair, "text"))
        if self.label is not None:
            kinds: dict[Problem | None, Kind] = {"multi_label": "labels", "regression": "number"}
            problem = "multi_label" if self.multi_label else self.problem
            fields.append(
                Field("label", self.label, kinds.get(problem, "label"), self.label_separator, self.sparse)
            )
        if self.weight is not None:
            fields.append(Field("weight", self.weight, "number"))
        if self.group is not None:
            fields.append(Field("group", self.group, "label"))
        if isinstance(self.scores, str):
            fields.append(Field("scores", self.scores, "numbers"))
        elif self.scores is not None:
            fields.extend(Field(f"scores.{i}", name, "number") for i, name in enumerate(self.scores))
        fields.extend(Field(KEPT + name, name, "value") for name in self.keep)
        return fields
