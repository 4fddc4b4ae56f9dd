"""The file next to a fine-tuned teacher: what it was made from, and how good it is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..._internal.records import read_record
from .config import FinetuningConfig
from .plan import FinetuningPlan

#: The file. A second run recognises by it what it can resume.
RECORD = "finetuning.json"


@dataclass(frozen=True)
class FinetuningResult:
    """The result of fine-tuning a teacher.

    Attributes:
        accuracy: Accuracy on the validation texts; for multi-label, the share of texts with exactly the right
            labels; None for a regression.
        macro_f1: Macro F1 on the validation texts; None for a regression.
        multi_label: Whether texts can have several labels. Checkpoints were compared by macro F1 then, and by
            accuracy or Spearman's correlation otherwise.
        validation_texts: Number of validation texts.
        training_texts: Number of training texts.
        steps: Steps done.
        planned_steps: Steps that were planned; more than `steps` if training stopped early.
        best_step: The step whose weights the teacher has: those with the best result on validation texts.
        batch_size: Texts per step.
        learning_rate: Peak learning rate.
        max_length: Longest input in tokens.
        seconds: Duration of training and evaluations, in seconds.
        spearman: Spearman's correlation with the labels of the validation texts, for a regression.
        rmse: Root mean squared error, for a regression.
    """

    multi_label: bool
    validation_texts: int
    training_texts: int
    steps: int
    planned_steps: int
    best_step: int
    batch_size: int
    learning_rate: float
    max_length: int
    seconds: float
    accuracy: float | None = None
    macro_f1: float | None = None
    spearman: float | None = None
    rmse: float | None = None

    def __str__(self) -> str:
        stopped = f" of {self.planned_steps:,}" if self.steps < self.planned_steps else ""
        return (
            f"{self._figures()} on {self.validation_texts:,} validation texts; {self.steps:,}{stopped} "
            f"steps of {self.batch_size} texts, best at {self.best_step:,}; learning rate "
            f"{self.learning_rate:.2g}; at most {self.max_length} tokens; {self.seconds:,.0f} s"
        )

    def _figures(self) -> str:
        if self.accuracy is None or self.macro_f1 is None:
            return f"Spearman's correlation {self.spearman:.3f} and root mean squared error {self.rmse:.4g}"
        return f"accuracy {self.accuracy:.1%} and macro F1 {self.macro_f1:.1%}"


@dataclass(frozen=True)
class FinetuningArguments:
    """What a run was started with. A run is resumed with equal arguments only.

    Attributes:
        model: Directory or Hub id of the encoder.
        classes: Names of the classes.
        training: Digest of the labelled texts.
        config: The settings.
        validation: Digest of the validation texts; None if they are held out of the labelled texts.
    """

    model: str
    classes: tuple[str, ...]
    training: str
    config: FinetuningConfig
    validation: str | None = None


@dataclass(frozen=True)
class FinetuningRecord:
    """The content of the file.

    Attributes:
        arguments: What the run was started with.
        plan: The settings that were chosen; None before that.
        seconds: Duration up to the last evaluation, in seconds.
        result: The result; None while the run is not finished.
    """

    arguments: FinetuningArguments
    plan: FinetuningPlan | None = None
    seconds: float = 0.0
    result: FinetuningResult | None = None


def read_finetuning(folder: Path) -> FinetuningRecord | None:
    """Read the record of a directory; None if it has none.

    Raises:
        InputError: The file cannot be used, for example because another version wrote it.
    """
    path = folder / RECORD
    if not path.exists():
        return None
    return read_record(path, FinetuningRecord, f"delete {folder} to fine-tune the teacher again")


def finetuning_result(folder: str | Path) -> FinetuningResult | None:
    """Return the result of fine-tuning the teacher in a directory; None if :func:`finetune` did not make it.

    Raises:
        InputError: The record cannot be used.
    """
    record = read_finetuning(Path(folder))
    return None if record is None else record.result
