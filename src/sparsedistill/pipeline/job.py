"""The description of a job, as recipes, the command line and :func:`~sparsedistill.distill` build it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from ..data.columns import Columns
from ..data.inputs import LabelledLike, UnlabelledLike
from ..data.sources import DataSource
from ..errors import InputError
from ..teachers.base import TeacherLike
from ..teachers.precomputed import FileTeacher
from .config import DistillationConfig

#: Labelled texts of a job: data sources, or see :data:`~sparsedistill.data.inputs.LabelledLike`.
LabelledInput: TypeAlias = LabelledLike | Sequence[DataSource]


@dataclass(frozen=True)
class Job:
    """What to distil, from which texts, and where to write it.

    Attributes:
        teacher: A fine-tuned classifier (directory, Hub id or ONNX file), the TOML file of an LLM, a fitted
            estimator of scikit-learn, a CrossEncoder or SetFit model, a function from texts to scores (needs
            `classes`), a :class:`~sparsedistill.FileTeacher` for scores in the unlabelled corpus, or None to
            train on labels alone.
        encoder: Instead of a teacher: an encoder, which is fine-tuned on `labelled`.
        labelled: Labelled texts. Optional if there is a teacher.
        unlabelled: Unlabelled texts from the student's domain.
        validation: Labelled texts to select the best checkpoint with; by default a part of `labelled`.
        test: Labelled texts that only the evaluation uses.
        output: Output directory; created if missing.
        columns: Names of the columns in files.
        classes: Class names, if the teacher does not name them.
        revision: Branch, tag or commit of a teacher on the Hub.
        remembered: Directories of soft targets from the same teacher, which does not score their texts again.
        config: The settings.
        recipe: The recipe that describes the job, if there is one.

    Raises:
        InputError: Both a teacher and an encoder were given, or there is nothing to learn from.
    """

    teacher: TeacherLike | FileTeacher | None = None
    encoder: str | Path | None = None
    labelled: LabelledInput | None = None
    unlabelled: UnlabelledLike | None = None
    validation: LabelledInput | None = None
    test: LabelledInput | None = None
    output: Path = Path("distilled")
    columns: Columns = field(default_factory=Columns)
    classes: tuple[str, ...] | None = None
    revision: str | None = None
    remembered: tuple[Path, ...] = ()
    config: DistillationConfig = field(default_factory=DistillationConfig)
    recipe: Mapping[str, Any] | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        if self.teacher is not None and self.encoder is not None:
            raise InputError("Both a teacher and an encoder were given: give only one of them.")
        if self.encoder is not None and self.labelled is None:
            raise InputError(
                "An encoder needs labelled texts to be fine-tuned on: give labelled texts, or a teacher."
            )
        if self.teacher is None and self.encoder is None and self.labelled is None:
            raise InputError("There is nothing to learn from: give a teacher, labelled texts, or both.")
