"""The held-out data of a task, and the figures that are measured on them."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from .._internal.correlation import spearman
from ..data.labelled import Labelled
from ..errors import InputError
from ..evaluation.baselines import NO_SKLEARN, Predictor
from ..evaluation.metrics import indicators
from ..evaluation.quality import measure
from ..evaluation.uncertainty import macro_f1_values, metric_values, roc_auc_error, standard_error
from .result import Figures, StudentFigures
from .task import Metric


@dataclass(frozen=True)
class HeldOut:
    """Validation and test data.

    Attributes:
        metric: The task's metric.
        validation: Validation data.
        test: n test texts.
        teacher_logits: The teacher's logits of the test texts, float32 (n, classes), if there is a teacher.
    """

    metric: Metric
    validation: Labelled
    test: Labelled
    teacher_logits: NDArray[np.float32] | None

    def figures(self, logits: NDArray[np.float32]) -> Figures:
        """The quality of logits (n, classes) of the test texts."""
        quality = measure(logits, self.test.labels)
        if self.test.problem == "regression":
            return self._number_figures(logits, quality.spearman)
        two, rank = len(self.test.classes) == 2, self.metric == "roc_auc"
        agreement = None
        if self.teacher_logits is not None:
            agreement = float((logits.argmax(axis=1) == self.teacher_logits.argmax(axis=1)).mean())
        return Figures(
            accuracy=quality.accuracy,
            macro_f1=quality.macro_f1,
            log_loss=quality.log_loss,
            ece=quality.ece,
            f1=metric_value("f1", logits, self.test) if two else None,
            roc_auc=metric_value("roc_auc", logits, self.test) if two and rank else None,
            agreement=agreement,
            error=metric_error(self.metric, logits, self.test),
        )

    def _number_figures(self, numbers: NDArray[np.float32], value: float | None) -> Figures:
        """The quality of numbers (n, 1) of the test texts."""
        teacher = self.teacher_logits
        agreement = None if teacher is None else spearman(numbers[:, 0], teacher[:, 0])
        error = metric_error(self.metric, numbers, self.test)
        return Figures(spearman=value, agreement=agreement, error=error)

    def student_figures(self, predict: Predictor, *, parameters: int, ngrams: int) -> StudentFigures:
        """The quality of a student on the test data, and its metric on the validation data.

        Args:
            predict: The student's logits of labelled texts.
            parameters: Number of its parameters.
            ngrams: Size of its vocabulary.
        """
        validation = self.validation_metric(predict)
        figures = asdict(self.figures(predict(self.test)))
        return StudentFigures(**figures, validation=validation, parameters=parameters, ngrams=ngrams)

    def validation_metric(self, predict: Predictor) -> float:
        """The metric of a model on the validation data."""
        return metric_value(self.metric, predict(self.validation), self.validation)


def metric_value(metric: Metric, logits: NDArray[np.float32], labelled: Labelled) -> float:
    """The value of a metric.

    Args:
        metric: The metric; F1 and ROC AUC are those of the second class.
        logits: float32 (n, classes); for Spearman's correlation the numbers, float32 (n, 1).
        labelled: n texts with one label each.

    Raises:
        InputError: ROC AUC needs scikit-learn, which is not installed.
    """
    if metric == "roc_auc":
        try:
            from sklearn.metrics import roc_auc_score
        except ImportError as error:
            raise InputError(NO_SKLEARN) from error
        return float(roc_auc_score(labelled.labels == 1, logits[:, 1] - logits[:, 0]))
    if metric == "spearman":
        return spearman(logits[:, 0], labelled.labels)
    chosen = logits.argmax(axis=1)
    if metric == "accuracy":
        return float((chosen == labelled.labels).mean())
    both = int(((chosen == 1) & (labelled.labels == 1)).sum())
    either = int((chosen == 1).sum() + (labelled.labels == 1).sum())
    return 2 * both / either if either else 0.0


def metric_error(metric: Metric, logits: NDArray[np.float32], labelled: Labelled) -> float:
    """The standard error of a metric. See :func:`metric_value` for the arguments."""
    if metric == "roc_auc":
        return roc_auc_error((logits[:, 1] - logits[:, 0]).astype(np.float64), labelled.labels == 1)
    if metric in ("accuracy", "spearman"):
        return standard_error(metric_values(logits, labelled.labels, metric))
    chosen = indicators(logits.argmax(axis=1), 2)
    return standard_error(macro_f1_values(chosen[:, 1:], indicators(labelled.labels, 2)[:, 1:]))
