"""The state of a student: weights, predictions, figures and model card. Imports no torch."""

from .card import model_card
from .compact import CompactWeights
from .config import ModelConfig
from .predictions import Predictions, TextClassifier
from .record import EvaluationRecord, Quality
from .student_model import StudentModel
from .weights import StudentWeights

__all__ = [
    "CompactWeights",
    "EvaluationRecord",
    "ModelConfig",
    "Predictions",
    "Quality",
    "StudentModel",
    "StudentWeights",
    "TextClassifier",
    "model_card",
]
