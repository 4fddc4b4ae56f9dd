"""How the networks of a student were trained, as ``training.json`` and the report of a job hold it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TrainingCurve:
    """One training run.

    Attributes:
        name: What was trained, as the progress bar says, such as ``"Distilling (2 of 3)"``.
        metric: The metric on the validation data: ``"accuracy"``, ``"macro_f1"`` or ``"spearman"``.
        best_step: The step whose weights were kept.
        history: One entry per evaluation: ``step``, ``loss`` (mean over the batches since the last entry; not
            in the first one), ``validation_loss``, and the metric by its name.
    """

    name: str
    metric: str
    best_step: int
    history: list[dict[str, int | float]]

    def points(self, figure: str) -> list[tuple[float, float]]:
        """The values of a figure by step, where it was measured."""
        return [(entry["step"], entry[figure]) for entry in self.history if figure in entry]
