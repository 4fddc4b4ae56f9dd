"""Checks that a student's network can be trained on given examples."""

from __future__ import annotations

from ..data.examples import Examples
from ..data.labelled import balanced_class_weights
from ..errors import InputError
from ..problem import Problem, problem_of_labels
from ..vocabulary.vocabulary import Vocabulary
from .config import TrainingConfig
from .network import NetworkConfig


def check_examples(network: NetworkConfig, vocabulary: Vocabulary, examples: Examples) -> None:
    """Check that a network can be trained or evaluated on `examples`.

    Raises:
        InputError: The vocabulary, the number of texts per example, or the targets do not fit the network.
    """
    if len(vocabulary) != network.rows:
        raise InputError(
            f"The vocabulary has {len(vocabulary)} n-grams and the student {network.rows} rows: "
            "create the student with the vocabulary that it is trained with."
        )
    if network.pair != (examples.text_pair is not None):
        wanted, found = ("pairs", "single texts") if network.pair else ("single texts", "pairs")
        raise InputError(f"The student takes {wanted} and the examples are {found}: use the same for both.")
    targets = examples.targets
    if targets.ndim == 2 and targets.shape[1] != network.classes:
        raise InputError(
            f"The student has {network.classes} classes and the targets have {targets.shape[1]}: "
            "use the same classes for both."
        )
    if network.heads:
        if not examples.soft or examples.weights.shape != (len(examples), len(network.heads)):
            raise InputError("The student has several heads: give soft targets, and a weight per head.")
        return
    if examples.weights.ndim != 1:
        raise InputError("The student has one head and weights per head were given: give one per example.")
    found = problem_of_labels(targets)
    if not examples.soft and network.problem != found:
        raise InputError(
            f"The labels are {_LABELS[found]} and the student needs {_LABELS[network.problem]}: give these, "
            "or create another student."
        )
    if not examples.soft and network.problem == "single_label" and targets.max() >= network.classes:
        raise InputError(
            f"Label {targets.max()} is out of range for a student with {network.classes} classes: "
            "correct the label, or add classes."
        )


_LABELS: dict[Problem, str] = {
    "single_label": "class indices (texts,)",
    "multi_label": "0 and 1 (texts, classes)",
    "regression": "numbers (texts,)",
}


def class_weights_for(
    network: NetworkConfig, examples: Examples, config: TrainingConfig
) -> tuple[float, ...] | None:
    """The weight of each class as ``config.class_weights`` says, checked.

    Args:
        network: Has the number of classes.
        examples: Training data.
        config: The settings.

    Returns:
        One number per class, computed from the labels if they are ``"balanced"``; None without weights.

    Raises:
        InputError: The targets are soft, or the number of weights is not that of the classes.
    """
    weights = config.class_weights
    if weights is None:
        return None
    if network.heads:
        raise InputError("class_weights were given for all heads: give those of each head.")
    if network.problem == "regression":
        raise InputError(
            "class_weights were given for a student that predicts numbers: give the examples weights instead."
        )
    if examples.soft:
        raise InputError(
            "class_weights apply to labels and the targets are soft: give the examples weights instead."
        )
    if isinstance(weights, str):
        return balanced_class_weights(examples.targets, network.classes)
    if len(weights) != network.classes:
        raise InputError(
            f"{len(weights)} class_weights were given for {network.classes} classes: give one per class."
        )
    return weights
